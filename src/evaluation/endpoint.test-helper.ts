/** A server on the loopback that speaks the OpenAI protocol as a test tells it to. */
import { createServer } from "node:http"
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll } from "vitest"

export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

export interface FakeServer {
  readonly url: string
  readonly requests: SeenRequest[]
  /** Requests that are being answered at once, at most. */
  mostAtOnce: number
  /** What to do with a request, by its number from 0. */
  answer: (request: SeenRequest, response: ServerResponse, number: number) => void
}

/** A chat completion. */
export function say(
  response: ServerResponse,
  content: string | null,
  details: Readonly<Record<string, unknown>> = {},
  message: object = {},
): void {
  response.setHeader("content-type", "application/json")
  response.end(
    JSON.stringify({
      choices: [{ message: { role: "assistant", content, ...message }, finish_reason: "stop", ...details }],
      usage: { completion_tokens: 7 },
    }),
  )
}

/** A refusal. */
export function refuse(
  response: ServerResponse,
  status: number,
  text: string = "no",
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, headers)
  response.end(text)
}

/** Starts the server; it stops when the test file ends. */
export async function fakeServer(): Promise<FakeServer> {
  const fake: FakeServer & { url: string } = {
    url: "",
    requests: [],
    mostAtOnce: 0,
    answer: (_, response) => say(response, ""),
  }
  let open = 0
  const server = createServer((request, response) => {
    let text = ""
    open += 1
    fake.mostAtOnce = Math.max(fake.mostAtOnce, open)
    response.on("close", () => (open -= 1))
    request.on("data", (bytes: Buffer) => (text += bytes.toString()))
    request.on("end", () => {
      const seen = {
        path: request.url ?? "",
        headers: request.headers,
        body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
      }
      fake.requests.push(seen)
      fake.answer(seen, response, fake.requests.length - 1)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return fake
}
