/**
 * Responses from a server: requests side by side up to a limit, stop strings cut here, log-probs of the policy.
 *
 * Shape legend: T response tokens.
 */
import { EngineError } from "../../errors.ts"
import type { SampledSequence, Sampler, SamplingParams } from "../../tinker/index.ts"
import type { SampleRequest, SamplingOptions, Sequence } from "../engine.ts"
import type { ServerCapabilities } from "./server-capabilities.ts"

/** Servers read seeds as 32-bit integers and add the response's number to them. */
const SEED_RANGE = 2 ** 31 - 2 ** 16

export interface SamplingContext {
  readonly capabilities: ServerCapabilities
  readonly decode: (tokens: readonly number[]) => string
}

/** One request to the server. */
export interface Ask {
  /** Index of the prompt, and of the first response in it. */
  readonly request: number
  readonly first: number
  readonly numSamples: number
  readonly params: SamplingParams
}

/** @throws EngineError for a request that this protocol cannot express */
export function checkExpressible({ options }: SampleRequest): void {
  if ((options.minP ?? 0) <= 0) return
  throw new EngineError(`sample: expected minP 0, since the protocol has no such parameter, got ${options.minP}. Use topP or topK.`)
}

/** The requests to the server: one per prompt with one seed, or one per response. */
export function asksOf(requests: readonly SampleRequest[], { seeds: mode }: ServerCapabilities): Ask[] {
  return requests.flatMap(({ seeds, options }, request): Ask[] =>
    mode === "per-prompt"
      ? [{ request, first: 0, numSamples: seeds.length, params: paramsOf(options, seeds[0]!) }]
      : seeds.map((seed, first) => ({ request, first, numSamples: 1, params: paramsOf(options, seed) })),
  )
}

function paramsOf({ maxTokens, temperature = 1, topK = 0, topP = 1, stopTokens = [] }: SamplingOptions, seed: number): SamplingParams {
  return {
    maxTokens,
    seed: seed % SEED_RANGE,
    // Not every server ends at the end-of-sequence token by itself. Texts cannot be sent beside tokens: they are cut here.
    ...(stopTokens.length === 0 ? {} : { stop: stopTokens }),
    temperature,
    topK: topK > 0 ? topK : -1,
    topP,
  }
}

/** Runs requests side by side, at most `limit` at once, and hands each answer on as it comes. Stops at the first error. */
export async function runAsks(asks: readonly Ask[], limit: number, run: (ask: Ask) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < asks.length) {
      const ask = asks[next++]!
      try {
        await run(ask)
      } catch (error) {
        next = asks.length
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(limit, asks.length) }, worker))
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (failed !== undefined) throw failed.reason
}

export async function ask(sampler: Sampler, { promptTokens }: SampleRequest, { numSamples, params }: Ask, signal?: AbortSignal): Promise<readonly SampledSequence[]> {
  return (await sampler.sample(promptTokens, params, { numSamples, signal })).sequences
}

/** A response as the engine gives it, and whether its log-probs have to be computed by a forward pass. */
export interface ReadResponse {
  readonly sequence: Sequence
  readonly needsLogprobs: boolean
}

/** @throws EngineError when the server does not keep to what it declared */
export function readResponse({ tokens, logprobs, stopReason }: SampledSequence, options: SamplingOptions, { capabilities, decode }: SamplingContext): ReadResponse {
  const { stopTokens = [], stopStrings = [], temperature = 1, topK = 0, topP = 1 } = options
  if (tokens.length > options.maxTokens) {
    throw new EngineError(`sample: expected at most ${options.maxTokens} tokens, got ${tokens.length} from the server. It does not honour max_tokens; \`pirl tinker check\` tells what it does.`)
  }
  const ended = stopReason === "stop" && !capabilities.stopTokenIncluded
  if (ended && stopTokens.length !== 1) {
    throw new EngineError(
      `sample: expected responses with their stop token, or one stop token alone, got a server that leaves it out and ${stopTokens.length} stop tokens. Use a server that keeps it.`,
    )
  }
  const whole = ended ? [...tokens, stopTokens[0]!] : tokens
  const cut = cutAt(whole, stopStrings, decode)
  const kept = cut === undefined ? whole : whole.slice(0, cut)
  const truncated = topK > 0 || topP < 1
  const given = logprobs === undefined || logprobs.length < kept.length ? undefined : logprobs.slice(0, kept.length)
  // At temperature 1 and with nothing cut off, the policy and the distribution sampled from are one.
  const trusted = capabilities.sampleLogprobs === "policy" || (capabilities.sampleLogprobs === "sampled" && !truncated && temperature === 1)
  const usable = given !== undefined && trusted && given.every((x) => !Number.isNaN(x))
  const shown = given ?? new Float32Array(kept.length).fill(Number.NaN)
  if (kept.length === 0) throw new EngineError("sample: expected at least one token per response, got none from the server. It stops before the first token; give it a stop token that the response ends with.")
  return {
    sequence: { tokens: kept, logprobs: shown, policyLogprobs: shown, stopReason: cut === undefined ? stopReason : "stop" },
    needsLogprobs: !usable,
  }
}

/** Number of tokens up to the one that completes a stop string. */
function cutAt(tokens: readonly number[], stopStrings: readonly string[], decode: SamplingContext["decode"]): number | undefined {
  if (stopStrings.length === 0 || !stopStrings.some((stop) => decode(tokens).includes(stop))) return undefined
  // The text of a prefix grows with it: the first that holds a stop string is found by halving.
  let [low, high] = [1, tokens.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const text = decode(tokens.slice(0, middle))
    if (stopStrings.some((stop) => text.includes(stop))) high = middle
    else low = middle + 1
  }
  return low
}
