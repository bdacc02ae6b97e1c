/** What every engine refuses before it computes or sends anything. */
import { EngineError } from "../errors.ts"
import type { EngineCapabilities, SampleRequest, SamplingPrecision, TokenSequence } from "./engine.ts"

type Limits = Pick<EngineCapabilities, "contextLength" | "vocabularySize">

/**
 * What the products of a call of `sample` are computed in.
 * @throws EngineError when a request cannot be sampled, when the engine cannot do it, or requests want different ones
 */
export function checkSampleRequests(
  requests: readonly SampleRequest[],
  capabilities: Limits & Pick<EngineCapabilities, "name" | "int8Sampling">,
): SamplingPrecision {
  const { precision = "f32" } = requests[0]?.options ?? {}
  for (const request of requests) {
    checkSampleRequest(request, capabilities)
    const { precision: own = "f32" } = request.options
    if (own !== precision)
      throw new EngineError(
        `sample: expected one precision for all requests of a call, got ${precision} and ${own}. ` +
        "Sample them in two calls.",
      )
  }
  if (precision === "int8" && capabilities.int8Sampling !== true) {
    throw new EngineError(
      `sample: expected precision f32 of the engine ${capabilities.name}, got ${precision}. Leave ` +
      "it out, or use the embedded engine.",
    )
  }
  return precision
}

/** @throws EngineError when the request cannot be sampled, with what to change */
export function checkSampleRequest({ promptTokens, options, seeds }: SampleRequest, { contextLength, vocabularySize }: Limits): void {
  const fail = (expected: string, got: string, fix: string): never => {
    throw new EngineError(`sample: expected ${expected}, got ${got}. ${fix}`)
  }
  if (promptTokens.length === 0) fail("a prompt of at least one token", "none", "Start it with a beginning-of-sequence token.")
  if (promptTokens.length + options.maxTokens > contextLength) {
    fail(`prompt and response to fit ${contextLength} tokens`, `${promptTokens.length} + ${options.maxTokens}`, "Shorten the prompt or lower maxTokens.")
  }
  if (!Number.isInteger(options.maxTokens) || options.maxTokens < 1) fail("maxTokens to be a whole number of at least 1", String(options.maxTokens), "Ask for a token.")
  if (!((options.temperature ?? 1) >= 0)) fail("a temperature from 0 up", String(options.temperature), "Use 0 for greedy decoding.")
  const wrong = promptTokens.find((token) => !isToken(token, vocabularySize))
  if (wrong !== undefined) fail(`tokens below ${vocabularySize}`, String(wrong), "Use the model's own tokenizer.")
  if (seeds.length === 0) fail("one seed per response", "none", "Give at least one.")
}

/**
 * A token outside of the vocabulary is an obscure failure of the runtime, and on some servers a NaN that no later step gets rid of.
 * @throws EngineError when a sequence cannot be scored or trained on
 */
export function checkSequences(who: string, sequences: readonly TokenSequence[], { contextLength, vocabularySize }: Limits): void {
  sequences.forEach(({ promptTokens, responseTokens }, i) => {
    const fail = (expected: string, got: string, fix: string): never => {
      throw new EngineError(`${who}: expected ${expected}, got ${got} in sequence ${i}. ${fix}`)
    }
    if (promptTokens.length === 0 || responseTokens.length === 0) {
      fail("a prompt and a response of at least one token each", `${promptTokens.length} and ${responseTokens.length}`, "Drop it.")
    }
    if (promptTokens.length + responseTokens.length > contextLength) {
      fail(`prompt and response to fit ${contextLength} tokens`, `${promptTokens.length} + ${responseTokens.length}`, "Shorten it.")
    }
    const wrong = promptTokens.find((token) => !isToken(token, vocabularySize)) ?? responseTokens.find((token) => !isToken(token, vocabularySize))
    if (wrong !== undefined) fail(`tokens below ${vocabularySize}`, String(wrong), "Use the model's own tokenizer.")
  })
}

function isToken(token: number, vocabularySize: number): boolean {
  return Number.isInteger(token) && token >= 0 && token < vocabularySize
}
