/** What answers the problems of a benchmark: a model in the engine, or an endpoint. */
import type { Problem } from "../data/task.ts"

/** One response that is wanted. */
export interface ResponseRequest {
  readonly problem: Problem
  /** Number of the attempt at the problem, from 0. */
  readonly attempt: number
  /** Of the sampler; the same for the same (run seed, problem, attempt). */
  readonly seed: number
}

export interface ModelResponse {
  readonly text: string
  /** What the model thought, where an endpoint gives it apart. It is kept, and not judged. */
  readonly reasoning?: string
  /** Response tokens, where they are known. */
  readonly tokens?: number
  /** "length": it was cut at the limit of tokens. */
  readonly stopReason: "stop" | "length"
  readonly seconds?: number
}

/** Hears of responses as they come. */
export interface ResponseReceiver {
  /** Several at once where they come at once. */
  onResponses(
    responses: readonly { readonly request: ResponseRequest; readonly response: ModelResponse }[],
  ): Promise<void>
  /** No response came, after all retries. The others go on. */
  onFailure(request: ResponseRequest, reason: string): void
}

export interface Responder {
  /** What the responses depend on: an evaluation is resumed only with the same. */
  readonly settings: Readonly<Record<string, unknown>>
  /**
   * Answers every request, in any order.
   * @throws EngineError  when it makes no sense to go on: no access, wrong request, an endpoint that stays down
   */
  respond(requests: readonly ResponseRequest[], receiver: ResponseReceiver, signal?: AbortSignal): Promise<void>
}
