import { beforeEach, describe, expect, test } from "vitest"
import type { Problem } from "../data/task.ts"
import { ConfigError, EngineError } from "../errors.ts"
import { Endpoint } from "./endpoint.ts"
import type { EndpointOptions } from "./endpoint.ts"
import { endpointResponder } from "./endpoint-responder.ts"
import type { EndpointResponderOptions } from "./endpoint-responder.ts"
import { fakeServer, refuse, say } from "./endpoint.test-helper.ts"
import type { ModelResponse, ResponseRequest } from "./responder.ts"

const server = await fakeServer()
beforeEach(() => {
  server.requests.length = 0
  server.mostAtOnce = 0
  server.answer = (_, response) => say(response, "")
})

function endpoint(options: Partial<EndpointOptions> = {}): Endpoint {
  return new Endpoint({ url: `${server.url}/v1`, kind: "chat", key: undefined, timeoutMs: 2000, ...options })
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("nothing was rejected"),
    (error: Error) => error,
  )
}

describe("an endpoint", () => {
  test.each([
    ["", "chat", "/v1/chat/completions"],
    ["/", "completions", "/v1/completions"],
    ["/api/v3/", "chat", "/api/v3/chat/completions"],
    ["/v1/chat/completions", "chat", "/v1/chat/completions"],
    ["/v1/completions", "chat", "/v1/chat/completions"],
  ] as const)("at %j is asked for %s at %s", async (path, kind, asked) => {
    await endpoint({ url: `${server.url}${path}`, kind }).respond("Q", { model: "m" })
    expect(server.requests[0].path).toBe(asked)
  })

  test("gets messages or a text, the sampling as it is, and the key", async () => {
    server.answer = ({ path }, response) =>
      path.endsWith("chat/completions")
        ? say(response, "chat")
        : response.end(JSON.stringify({ choices: [{ text: "plain", finish_reason: "length" }] }))
    const chat = [{ role: "user", content: "Q" }]
    expect(await endpoint({ key: "k" }).respond(chat, { model: "m", top_p: 0.5 })).toMatchObject({
      text: "chat",
      stopReason: "stop",
      tokens: 7,
    })
    expect(await endpoint({ kind: "completions" }).respond(chat, { model: "m" })).toMatchObject({
      text: "plain",
      stopReason: "length",
    })
    expect(server.requests.map(({ body }) => body)).toEqual([
      { messages: chat, model: "m", top_p: 0.5 },
      { prompt: "Q", model: "m" },
    ])
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer k", undefined])
  })

  test("that answers with thoughts alone gave an empty response", async () => {
    server.answer = (_, response) => say(response, null, { finish_reason: "length" }, { reasoning_content: "hm" })
    expect(await endpoint().respond("Q", {})).toMatchObject({ text: "", reasoning: "hm", stopReason: "length" })
  })

  test.each([
    [429, true],
    [500, true],
    [503, true],
    [400, false],
    [401, false],
    [404, false],
  ])("that answers %d is named; another attempt helps: %j", async (status, retryable) => {
    server.answer = (_, response) => refuse(response, status, '{"error": "overloaded"}', { "retry-after": "3" })
    const error = await failure(endpoint().respond("Q", {}))
    expect(error).toMatchObject({
      retryable,
      retryAfterMs: 3000,
      message: expect.stringContaining(
        `/v1/chat/completions: expected an answer, got status ${status}: {"error": "overloaded"}`,
      ),
    })
  })

  test("that says nothing in time, breaks off, is not there or speaks no JSON is named, and may be asked again", async () => {
    server.answer = () => undefined
    expect(await failure(endpoint({ timeoutMs: 60 }).respond("Q", {}))).toMatchObject({
      retryable: true,
      message: expect.stringContaining("none within 0.06 s"),
    })
    server.answer = (_, response) => {
      response.writeHead(200, { "content-length": "100" })
      response.write("{")
      setTimeout(() => response.destroy(), 10)
    }
    expect(await failure(endpoint().respond("Q", {}))).toMatchObject({ retryable: true })
    server.answer = (_, response) => response.end("<html>")
    expect(await failure(endpoint().respond("Q", {}))).toMatchObject({
      retryable: true,
      message: expect.stringContaining("expected JSON, got <html>"),
    })
    server.answer = (_, response) => response.end('{"choices": []}')
    expect((await failure(endpoint().respond("Q", {}))).message).toContain("expected a choice with a text")
    const gone = await failure(endpoint({ url: "http://127.0.0.1:9/v1" }).respond("Q", {}))
    expect(gone).toMatchObject({ retryable: true, name: "EndpointFailure" })
  })

  test("that repeats the key does not make it seen", async () => {
    server.answer = (_, response) => refuse(response, 401, "Incorrect API key provided: sk-verysecret.")
    const error = await failure(endpoint({ key: "sk-verysecret" }).respond("Q", {}))
    expect(error.message).toContain("Incorrect API key provided: [secret].")
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain("verysecret")
  })

  test("does not take the key along to another place", async () => {
    server.answer = (_, response) => refuse(response, 307, "", { location: `${server.url}/elsewhere` })
    expect(await failure(endpoint({ key: "k" }).respond("Q", {}))).toBeInstanceOf(EngineError)
    expect(server.requests).toHaveLength(1)
  })

  test("has its only model named, and asks for a name when there are several", async () => {
    const models = (...ids: string[]) =>
      (server.answer = (_, response) => response.end(JSON.stringify({ data: ids.map((id) => ({ id })) })))
    models("a")
    expect(await endpoint().onlyModel()).toBe("a")
    expect(server.requests[0].path).toBe("/v1/models")
    models("a", "b")
    expect((await failure(endpoint().onlyModel())).message).toMatch(/--api-model: .*got a, b/)
    server.answer = (_, response) => refuse(response, 404)
    expect(await failure(endpoint().onlyModel())).toBeInstanceOf(ConfigError)
  })

  test("must be an address without a password", () => {
    expect(() => endpoint({ url: "http://" })).toThrow(ConfigError)
    expect(() => endpoint({ url: "http://me:pass@host/v1" })).toThrow(/--api-key-env/)
    expect(() => endpoint({ url: "http://me:pass@host/v1" })).not.toThrow(/me:pass/)
    expect(() => endpoint({ url: "http://me:pa/ss@host/v1" })).toThrow(/got "http:\/\/\[secret\]@host\/v1"/)
  })
})

describe("many requests", () => {
  const requests = (count: number): ResponseRequest[] =>
    Array.from({ length: count }, (_, i) => ({
      problem: { id: `${i}`, prompt: `Q ${i}`, gold: "" } satisfies Problem,
      attempt: 0,
      seed: 2 ** 40 + i,
    }))
  const options: EndpointResponderOptions = {
    url: server.url,
    kind: "chat",
    key: undefined,
    timeoutMs: 2000,
    model: "m",
    temperature: 0.6,
    topP: 0.9,
    maxTokens: 50,
    extra: {},
    concurrency: 3,
    retries: 2,
    retryDelayMs: 1,
  }

  async function ask(
    count: number,
    changes: Partial<EndpointResponderOptions> = {},
    signal?: AbortSignal,
  ): Promise<{ texts: string[]; failures: string[]; error: unknown }> {
    const texts: string[] = []
    const failures: string[] = []
    const receiver = {
      onResponses(responses: readonly { readonly response: ModelResponse }[]): Promise<void> {
        texts.push(...responses.map(({ response }) => response.text))
        return Promise.resolve()
      },
      onFailure: (request: ResponseRequest, reason: string) => void failures.push(`${request.problem.id}: ${reason}`),
    }
    const error: unknown = await endpointResponder({ ...options, ...changes })
      .respond(requests(count), receiver, signal)
      .catch((caught: unknown) => caught)
    return { texts, failures, error }
  }

  const contentOf = (body: Readonly<Record<string, unknown>>): string =>
    (body["messages"] as { content: string }[])[0].content

  test("are answered a few at once, each once", async () => {
    server.answer = ({ body }, response) => setTimeout(() => say(response, contentOf(body)), 5)
    const { texts, failures, error } = await ask(10)
    expect(texts.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `Q ${i}`))
    expect([failures, error, server.mostAtOnce]).toEqual([[], undefined, 3])
    expect(server.requests[0].body).toMatchObject({ model: "m", temperature: 0.6, top_p: 0.9, max_tokens: 50 })
    expect(server.requests.every(({ body }) => (body["seed"] as number) < 2 ** 31)).toBe(true)
  })

  test("carry further fields, and leave those out that are null", async () => {
    await ask(1, { extra: { min_p: 0.1, seed: null, max_tokens: null, max_completion_tokens: 50 } })
    expect(Object.keys(server.requests[0].body).toSorted()).toEqual([
      "max_completion_tokens",
      "messages",
      "min_p",
      "model",
      "temperature",
      "top_p",
    ])
  })

  test("survive a server that is busy now and then", async () => {
    server.answer = ({ body }, response, number) =>
      number % 2 === 0 ? refuse(response, number % 4 === 0 ? 500 : 429) : say(response, contentOf(body))
    const { texts, error } = await ask(6, { concurrency: 1 })
    expect([texts.length, error]).toEqual([6, undefined])
  })

  test("are not lost to one that is refused", async () => {
    server.answer = ({ body }, response) =>
      contentOf(body) === "Q 2" ? refuse(response, 400, "too long") : say(response, "ok")
    const { texts, failures, error } = await ask(6)
    expect([texts.length, failures.length, error]).toEqual([5, 1, undefined])
    expect(failures[0]).toMatch(/^2: .*status 400: too long/)
  })

  test("end soon when the endpoint is down, and at once when it refuses everybody", async () => {
    server.answer = (_, response) => refuse(response, 500)
    const down = await ask(100)
    expect(down.error).toBeInstanceOf(EngineError)
    expect((down.error as Error).message).toMatch(/gave up on 4 requests in a row, the last for: .*status 500/)
    expect(server.requests.length).toBeLessThan(30)
    server.requests.length = 0
    server.answer = (_, response) => refuse(response, 401)
    expect((await ask(100)).error).toBeInstanceOf(EngineError)
    expect(server.requests.length).toBeLessThan(10)
  })

  test("stop when they are told to, also while they wait", async () => {
    const stop = new AbortController()
    server.answer = (_, _response, number) => (number === 2 ? stop.abort() : undefined)
    const { texts, failures, error } = await ask(50, {}, stop.signal)
    expect([texts, failures, error, server.requests.length]).toEqual([[], [], undefined, 3])
  })
})
