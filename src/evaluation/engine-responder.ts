/** Responses of a model in the embedded engine. */
import type { Engine, SamplingOptions } from "../engine/engine.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { decodeResponse, encodePrompt, type PromptFormat } from "../rollout/prompt-encoder.ts"
import type { Responder, ResponseRequest } from "./responder.ts"

export interface EngineResponderOptions {
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly sampling: SamplingOptions
  /** Default: through the chat template when there is one. */
  readonly promptFormat?: PromptFormat
  /** Name of the model in the log. */
  readonly model: string
  /** Responses that are sampled in one go, and lost when the process dies. */
  readonly chunk: number
}

/** Requests of the same problem in one group: they share the prompt's prefill. */
function byProblem(requests: readonly ResponseRequest[]): ResponseRequest[][] {
  const groups = new Map<ResponseRequest["problem"], ResponseRequest[]>()
  for (const request of requests) {
    const group = groups.get(request.problem)
    if (group === undefined) groups.set(request.problem, [request])
    else group.push(request)
  }
  return [...groups.values()]
}

export function engineResponder(options: EngineResponderOptions): Responder {
  const { engine, tokenizer, sampling, promptFormat, model, chunk } = options
  const { temperature = 1, topK = 0, topP = 1, minP = 0, maxTokens, stopStrings = [] } = sampling
  return {
    settings: { model, temperature, topK, topP, minP, maxTokens, stopStrings },
    async respond(requests, receiver, signal) {
      for (let from = 0; from < requests.length; from += chunk) {
        if (signal?.aborted === true) return
        const groups = byProblem(requests.slice(from, from + chunk))
        const sampled = await engine.sample(
          groups.map((group) => ({
            promptTokens: encodePrompt(group[0].problem, tokenizer, promptFormat),
            seeds: group.map(({ seed }) => seed),
            options: sampling,
          })),
          signal,
        )
        const responses = groups.flatMap((group, i) =>
          group.map((request, j) => {
            const { tokens, stopReason } = sampled[i][j]
            return { request, response: { text: decodeResponse(tokens, tokenizer), tokens: tokens.length, stopReason } }
          }),
        )
        await receiver.onResponses(responses)
      }
    },
  }
}
