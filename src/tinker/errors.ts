/** What can go wrong with a server that speaks the Tinker protocol. */
import { EngineError } from "../errors.ts"

/**
 * - `connection`: no answer came (refused, dropped, timed out)
 * - `unauthorised`: the key is missing, wrong or not allowed to (401, 403)
 * - `billing`: the account cannot pay (402)
 * - `invalid`: the server did not take the request (400, 405, 413, 422)
 * - `not-found`: no such model, session, checkpoint or address (404)
 * - `conflict`: an id that is used already, with another content (409)
 * - `not-ready`: a checkpoint that is still being written (425)
 * - `busy`: still over its limits when our patience ended (408, 429)
 * - `server`: the server failed (5xx)
 * - `failed`: the operation itself failed; the server will not try again
 * - `lost`: the server no longer knows a model, a session or a result it once had
 * - `deadline`: no result in time
 * - `answer`: the answer is not what the protocol says
 */
export type TinkerErrorKind =
  | "connection"
  | "unauthorised"
  | "billing"
  | "invalid"
  | "not-found"
  | "conflict"
  | "not-ready"
  | "busy"
  | "server"
  | "failed"
  | "lost"
  | "deadline"
  | "answer"

/** Says what was asked, what came and what to do; never holds a key. */
export class TinkerError extends EngineError {
  override readonly name: string = "TinkerError"
  readonly kind: TinkerErrorKind
  /** HTTP status, where there was one. */
  readonly status: number | undefined
  /** What the server said, shortened. */
  readonly detail: string
  /** The request had been sent before, and what became of that is not known. */
  repeated = false
  constructor(kind: TinkerErrorKind, message: string, details: { readonly status?: number | undefined; readonly detail?: string } = {}, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.status = details.status
    this.detail = details.detail ?? ""
  }
}

/** True when the server lost what it had: a new model can be made and the work done again. */
export function isLost(error: unknown): error is TinkerError {
  if (!(error instanceof TinkerError)) return false
  if (error.kind === "lost" || error.kind === "not-found") return true
  // An engine process that restarted behind its API knows no models and fails their requests one by one.
  return error.kind === "failed" && /not loaded|not found|unknown model|unloaded/i.test(error.detail)
}
