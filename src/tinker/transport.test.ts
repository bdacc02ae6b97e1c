import { createServer, request as httpRequest } from "node:http"
import { connect, type AddressInfo } from "node:net"
import { inspect } from "node:util"
import { afterAll, expect, test } from "vitest"
import { z } from "zod"
import { TinkerClient } from "./client.ts"
import { chooseHttp, fetchHttp } from "./http.ts"
import { script, virtualClock, type ScriptedAnswer } from "./scripted.test-helper.ts"
import { detailOf, Transport, type RetryNote } from "./transport.ts"

const anything = z.unknown()
const closing: (() => void)[] = []
afterAll(() => closing.forEach((close) => close()))

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

test("the key is in the header and in nothing that a person sees", async () => {
  const key = "tml-very-secret-0123456789"
  const header = "gateway-secret-9876"
  const notes: RetryNote[] = []
  const { http, requests } = script(
    { status: 503, body: { detail: `overloaded, ${key}` } },
    { status: 422, body: { detail: [{ msg: `field required for ${key}`, loc: ["body", header] }] } },
    { body: `not JSON ${key} ${header}` },
    { broken: `refused ${key}` },
  )
  const client = new TinkerClient({ url: "http://server.example", apiKey: key, headers: { "x-gateway": header }, http, clock: virtualClock(), patienceMs: 10, onRetry: (note) => notes.push(note) })
  const errors: unknown[] = []
  for (let i = 0; i < 4; i++) errors.push(await client.createSession().catch((error: unknown) => error))
  expect(requests[0]!.headers["x-api-key"]).toBe(key)
  expect(errors.every((error) => error instanceof Error)).toBe(true)
  const seen = [client, client.transport, ...errors, ...notes].map((value) => `${inspect(value, { depth: 9, showHidden: true })} ${String(value)} ${JSON.stringify(value)} ${value instanceof Error ? value.stack : ""}`).join("\n")
  expect(seen).not.toContain(key)
  expect(seen).not.toContain(header)
  expect(seen).toContain("[secret]")
})

test("the key comes from the option, then from TINKER_API_KEY, then is the usual dummy", async () => {
  const keyOf = async (options: { apiKey?: string }, environment: Record<string, string>): Promise<string | undefined> => {
    const { http, requests } = script({ body: { status: "ok" } })
    await new TinkerClient({ url: "http://server.example", http, environment, ...options }).health()
    return requests[0]!.headers["x-api-key"]
  }
  expect(await keyOf({ apiKey: "a-key" }, { TINKER_API_KEY: "b-key" })).toBe("a-key")
  expect(await keyOf({}, { TINKER_API_KEY: "b-key" })).toBe("b-key")
  expect(await keyOf({}, {})).toBe("tml-dummy")
  expect(() => new TinkerClient({ url: "http://server.example", apiKey: "with\nline" })).toThrow(/TINKER_API_KEY: tinker: expected a key of visible characters/)
})

test.each([
  ["nowhere", /got "nowhere"/],
  ["ftp://server.example", /got ftp:/],
  ["http://user:word@server.example", /password/],
])("the address %s is refused", (url, message) => {
  expect(() => new TinkerClient({ url })).toThrow(message)
})

test.each(["http://server.example/base", "http://server.example/base/", "http://server.example/base/api/v1", "http://server.example/base/api/v1/"])("%s is one server", async (url) => {
  const { http, requests } = script({ body: { status: "ok" } })
  await new TinkerClient({ url, http }).health()
  expect(requests[0]!.url.href).toBe("http://server.example/base/api/v1/healthz")
})

test("429 and 503 are repeated, with the pause that the server asks for; 422, 401 and 409 are not", async () => {
  const clock = virtualClock()
  const { http } = script({ status: 429, body: {}, headers: { "retry-after": "7" } }, { status: 503, body: {} }, { body: {} })
  await new Transport({ url: "http://server.example", http, clock }).json({ what: "test", path: "test" }, anything)
  expect(clock.pauses).toEqual([7000, 2000])
  for (const status of [422, 401, 409, 402, 404]) {
    const once = script({ status, body: { detail: "no" } })
    const transport = new Transport({ url: "http://server.example", http: once.http, clock: virtualClock() })
    await expect(transport.json({ what: "test", path: "test" }, anything)).rejects.toThrow(`status ${status}: no`)
    expect(once.requests).toHaveLength(1)
  }
})

test("patience ends: the last error is thrown, and says that the request had been sent before", async () => {
  const broken: ScriptedAnswer = { broken: "ECONNREFUSED" }
  const { http, requests } = script(broken)
  const transport = new Transport({ url: "http://server.example", http, clock: virtualClock(), patienceMs: 20_000 })
  const error: unknown = await transport.json({ what: "create_session", path: "create_session" }, anything).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "connection", repeated: true, message: expect.stringMatching(/expected an answer from http:\/\/server.example, got a refused connection \(ECONNREFUSED\)\. Is the server running/) })
  expect(requests).toHaveLength(5)
})

test("an address without a server is a refused connection", async () => {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  await expect(new TinkerClient({ url: `http://127.0.0.1:${port}` }).health()).rejects.toThrow(/ECONNREFUSED/)
})

test("details of several servers are read", () => {
  expect(detailOf('{"detail":"Model not found."}')).toBe("Model not found")
  expect(detailOf('{"detail":[{"loc":["body","lora_config","rank"],"msg":"Field required"}]}')).toBe("body.lora_config.rank: Field required")
  expect(detailOf('{"error":{"code":3}}')).toBe('{"code":3}')
  expect(detailOf("<html>")).toBe("<html>")
  expect(detailOf("x".repeat(1000)).length).toBeLessThan(410)
})

test("the environment's proxy is used only when it is asked for, and not for excepted hosts", () => {
  const environment = { HTTP_PROXY: "http://proxy.example:3128", NO_PROXY: "localhost, .internal.example" }
  expect(chooseHttp(new URL("http://server.example"), undefined, environment)).toBe(fetchHttp)
  expect(chooseHttp(new URL("http://a.internal.example"), "environment", environment)).toBe(fetchHttp)
  expect(chooseHttp(new URL("https://server.example"), "environment", environment)).toBe(fetchHttp)
  expect(chooseHttp(new URL("http://server.example"), "environment", environment)).not.toBe(fetchHttp)
  expect(() => chooseHttp(new URL("http://server.example"), "socks5://proxy", {})).toThrow(/expected a proxy like/)
})

test("a request goes through the proxy: whole for http, in a tunnel with the proxy's own login for https", async () => {
  const seen: string[] = []
  const port = await listening(createServer((_request, response) => response.end('{"status":"ok"}')))
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`)
    const forwarded = httpRequest(request.url!, { method: request.method!, headers: request.headers }, (reply) => {
      response.writeHead(reply.statusCode!)
      reply.pipe(response)
    })
    request.pipe(forwarded)
  })
  proxy.on("connect", (request, socket, head) => {
    seen.push(`CONNECT ${request.url}`)
    const upstream = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      upstream.write(head)
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on("error", () => socket.destroy())
    socket.on("error", () => upstream.destroy())
  })
  const proxyPort = await listening(proxy)
  const proxyUrl = `http://name:word@127.0.0.1:${proxyPort}`
  expect(await new TinkerClient({ url: `http://127.0.0.1:${port}`, proxy: proxyUrl }).health()).toBe("ok")
  // The upstream speaks no TLS: the handshake fails, but the tunnel was asked for.
  await expect(new TinkerClient({ url: `https://127.0.0.1:${port}`, proxy: proxyUrl }).health()).rejects.toThrow(/expected an answer/)
  expect(seen).toEqual([`GET http://127.0.0.1:${port}/api/v1/healthz Basic ${Buffer.from("name:word").toString("base64")}`, `CONNECT 127.0.0.1:${port}`])
})
