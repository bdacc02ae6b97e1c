import { expect, test } from "vitest"
import { z } from "zod"
import { TinkerError } from "./errors.ts"
import { waitForResult, type FutureOptions } from "./future.ts"
import { script, virtualClock, type ScriptedAnswer, type VirtualClock } from "./scripted.test-helper.ts"
import { Transport } from "./transport.ts"

const schema = z.object({ value: z.number() })
const done: ScriptedAnswer = { body: { value: 7, unknownField: [1] } }

interface Waited {
  readonly result: { value: number } | TinkerError
  readonly requests: number
  readonly clock: VirtualClock
}

async function wait(answers: readonly ScriptedAnswer[], options: Partial<FutureOptions<{ value: number }>> = {}): Promise<Waited> {
  const { http, requests } = script(...answers)
  const clock = virtualClock()
  const transport = new Transport({ url: "http://server.example", apiKey: "secret-key", http, clock, environment: {} })
  const result = await waitForResult(transport, { what: "optim_step 4 of model_1", requestId: "12", schema, ...options }).catch((error: unknown) => error as TinkerError)
  return { result, requests: requests.length, clock }
}

async function failure(answers: readonly ScriptedAnswer[], options: Partial<FutureOptions<{ value: number }>> = {}): Promise<TinkerError> {
  const { result } = await wait(answers, options)
  expect(result).toBeInstanceOf(TinkerError)
  return result as TinkerError
}

test("a result is checked, and fields of a newer server are ignored", async () => {
  expect((await wait([done])).result).toEqual({ value: 7 })
  expect((await failure([{ body: { valu: 7 } }])).message).toMatch(/expected the protocol's answer.*value.*pirl tinker check/)
})

test("408 asks again at once, try_again after a pause, and both tell the state of the queue", async () => {
  const states: string[] = []
  const { result, requests, clock } = await wait([{ status: 408, body: { detail: "Timeout" } }, { body: { type: "try_again", queue_state: "paused_capacity" } }, done], { onQueue: (state) => states.push(state) })
  expect(result).toEqual({ value: 7 })
  expect(requests).toBe(3)
  expect(clock.pauses).toEqual([1000])
  expect(states).toEqual(["status 408: Timeout", "paused_capacity"])
})

test("429 and lost connections back off by min(2^n, 30) seconds", async () => {
  const busy: ScriptedAnswer = { status: 429, body: { detail: "slow down" } }
  const { result, clock } = await wait([busy, busy, { broken: "ECONNRESET" }, busy, busy, busy, busy, done])
  expect(result).toEqual({ value: 7 })
  expect(clock.pauses).toEqual([1, 2, 4, 8, 16, 30, 30].map((seconds) => seconds * 1000))
})

test("400 with a detail is the operation's failure, without one the word of some proxy: three more questions", async () => {
  const failed = await failure([{ status: 400, body: { detail: "LoRA rank 64 must be between 1 and 8" } }, done])
  expect([failed.kind, failed.detail]).toEqual(["failed", "LoRA rank 64 must be between 1 and 8"])
  const bare: ScriptedAnswer = { status: 400, body: "<html>Bad Request</html>" }
  expect((await wait([bare, bare, bare, done])).result).toEqual({ value: 7 })
  expect((await failure([bare, bare, bare, bare])).kind).toBe("invalid")
})

test("an error that comes with status 200 is a failure too", async () => {
  const failed = await failure([{ body: { error: "user fault", category: "user" } }])
  expect([failed.kind, failed.detail]).toEqual(["failed", "user fault"])
})

test("404 means that the server lost the request; 402 and 401 say what to do", async () => {
  expect((await failure([{ status: 404, body: { detail: "Future not found" } }])).kind).toBe("lost")
  expect((await failure([{ status: 402, body: { detail: "no credit" } }])).message).toMatch(/no credit\. Settle the account/)
  expect((await failure([{ status: 401, body: { detail: "who are you" } }])).message).toMatch(/Set TINKER_API_KEY/)
})

test("410 sends the request again, and waits for the new one", async () => {
  let sent = 0
  const { http, requests } = script({ status: 410, body: {} }, done)
  const transport = new Transport({ url: "http://server.example", http, clock: virtualClock(), environment: {} })
  const resubmit = async (): Promise<string> => {
    sent += 1
    return "99"
  }
  expect(await waitForResult(transport, { what: "sample", requestId: "12", schema, resubmit })).toEqual({ value: 7 })
  expect(sent).toBe(1)
  expect(requests.map(({ body }) => JSON.parse(body!) as unknown)).toEqual([{ request_id: "12" }, { request_id: "99" }])
  expect((await failure([{ status: 410, body: {} }])).kind).toBe("lost")
})

test("5xx is tried eight times more and then given up", async () => {
  const broken: ScriptedAnswer = { status: 502, body: "bad gateway" }
  expect((await wait([...Array.from({ length: 8 }, () => broken), done])).result).toEqual({ value: 7 })
  const error = await failure([broken])
  expect([error.kind, error.status]).toEqual(["server", 502])
})

test("a future that hangs ends at its deadline, with a word on what was waited for", async () => {
  const error = await failure([{ body: { type: "try_again", queue_state: "active" } }], { timeoutMs: 20_000 })
  expect(error.kind).toBe("deadline")
  expect(error.message).toMatch(/optim_step 4 of model_1: expected its result \(request 12\) within 20 s, got a queue in state active/)
})

test("an abort ends the wait with the caller's own reason", async () => {
  const controller = new AbortController()
  controller.abort(new Error("enough"))
  const { http } = script(done)
  const transport = new Transport({ url: "http://server.example", http, environment: {} })
  await expect(waitForResult(transport, { what: "sample", requestId: "1", schema, signal: controller.signal })).rejects.toThrow("enough")
})
