/** Waiting for the result of an operation that the server has accepted. */
import type { z } from "zod"
import { backOffMs } from "./clock.ts"
import { TinkerError } from "./errors.ts"
import { detailOf, type Transport } from "./transport.ts"

export interface FutureOptions<T> {
  /** For messages: "forward_backward 12 of model_3f". */
  readonly what: string
  readonly requestId: string
  readonly schema: z.ZodType<T>
  /** Longest time until the result. Default one hour. */
  readonly timeoutMs?: number | undefined
  /** Longest time of one question; the server may hold it for long. Default 45 s. */
  readonly pollTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Sends the request again where the server lost its result (410); absent where that could do harm. */
  readonly resubmit?: (() => Promise<string>) | undefined
  /** Hears why the server keeps us waiting. */
  readonly onQueue?: ((state: string) => void) | undefined
}

const DEFAULT_TIMEOUT_MS = 3_600_000
const DEFAULT_POLL_MS = 45_000
/** A proxy in between may answer 400 or 5xx of its own accord, without the server's form. */
const MOST_BARE_REFUSALS = 3
const MOST_SERVER_FAILURES = 8
const MOST_RESUBMISSIONS = 3

const LONGEST_UNFINISHED = 4000

/** What comes in place of a result; results are longer, or have other fields. */
function unfinishedOf(text: string): { readonly queueState: string } | { readonly error: string } | undefined {
  if (text.length > LONGEST_UNFINISHED) return undefined
  const value = tryParse(text)
  if (typeof value !== "object" || value === null) return undefined
  const { type, queue_state, error } = value as { type?: unknown; queue_state?: unknown; error?: unknown }
  if (type === "try_again") return { queueState: typeof queue_state === "string" ? queue_state : "unknown" }
  return typeof error === "string" ? { error } : undefined
}

/**
 * Polls until the result is there.
 *
 * 200 is the result, `try_again` or an error of the operation; 408 asks again at once; 429 and lost connections back off,
 * min(2^n, 30) s; 5xx backs off and gives up after eight in a row; 400 with a detail is final; 404 means that the server lost it;
 * 410 sends the request again.
 * @throws TinkerError  `failed`, `lost`, `deadline`, or what else the server refused
 */
export async function waitForResult<T>(transport: Transport, options: FutureOptions<T>): Promise<T> {
  const { what, schema, signal, timeoutMs = DEFAULT_TIMEOUT_MS, pollTimeoutMs = DEFAULT_POLL_MS } = options
  const { clock } = transport
  const deadline = clock.now() + timeoutMs
  let { requestId } = options
  let [waits, failures, bare, resubmissions] = [0, 0, 0, 0]
  let last = "nothing yet"

  const pause = async (attempt: number): Promise<void> => {
    await clock.sleep(Math.min(backOffMs(attempt), Math.max(deadline - clock.now(), 0)), { signal })
  }
  const failed = (detail: string, status?: number): TinkerError =>
    new TinkerError("failed", `tinker: ${what}: expected ${transport.address} to do it, got a failure: ${detail}. It will not be tried again.`, { status, detail })

  for (;;) {
    if (clock.now() >= deadline) {
      throw new TinkerError("deadline", `tinker: ${what}: expected its result (request ${requestId}) within ${timeoutMs / 1000} s, got ${last}. Raise the deadline, or look into the server's log.`)
    }
    const call = { what: `result of ${what}`, path: "retrieve_future", body: { request_id: requestId }, signal, timeoutMs: Math.min(pollTimeoutMs, Math.max(deadline - clock.now(), 1)) }
    let answer: Awaited<ReturnType<Transport["exchange"]>> & { readonly text: string }
    try {
      answer = await transport.exchange(call, (reply) => reply.text())
    } catch (error) {
      if (!(error instanceof TinkerError) || error.kind !== "connection") throw error
      // A long poll that we cut off ourselves is no failure of the connection.
      last = error.message.includes("no answer within") ? "no answer yet" : error.message
      await pause(last === "no answer yet" ? 0 : waits++)
      continue
    }
    const { reply, text } = answer
    const { status } = reply
    if (status === 200) {
      const unfinished = unfinishedOf(text)
      if (unfinished === undefined) return transport.read(`result of ${what}`, text, schema)
      if ("error" in unfinished) throw failed(transport.redact(unfinished.error), status)
      last = `a queue in state ${unfinished.queueState}`
      options.onQueue?.(unfinished.queueState)
      await pause(0)
      continue
    }
    const detail = transport.redact(detailOf(text))
    last = `status ${status}${detail === "" ? "" : `: ${detail}`}`
    if (status === 408) {
      ;[waits, failures, bare] = [0, 0, 0]
      options.onQueue?.(last)
      continue
    }
    if (status === 429) {
      await pause(waits++)
      continue
    }
    if (status >= 500) {
      if (++failures > MOST_SERVER_FAILURES) throw transport.refusal(`result of ${what}`, reply, text)
      await pause(failures - 1)
      continue
    }
    if (status === 400) {
      if (hasDetail(text)) throw failed(detail, status)
      if (++bare > MOST_BARE_REFUSALS) throw transport.refusal(`result of ${what}`, reply, text)
      await pause(0)
      continue
    }
    if (status === 404) {
      throw new TinkerError("lost", `tinker: ${what}: expected ${transport.address} to know request ${requestId}, got status 404${detail === "" ? "" : `: ${detail}`}. The server lost its state.`, { status, detail })
    }
    if (status === 410 && options.resubmit !== undefined && ++resubmissions <= MOST_RESUBMISSIONS) {
      requestId = await options.resubmit()
      continue
    }
    throw transport.refusal(`result of ${what}`, reply, text)
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function hasDetail(text: string): boolean {
  const value = tryParse(text)
  return typeof value === "object" && value !== null && ("detail" in value || "error" in value)
}
