/** What the server does when it samples: seeds, log-probs, stops. */
import type { SampledSequence, Sampler, SamplingParams, TrainingModel } from "../../../tinker/index.ts"
import type { ServerCapabilities } from "../server-capabilities.ts"
import { countedPart, countedTokens, distance, largestDifference, probeDatum, probeSequence, usual, type Prober } from "./probe.ts"
import type { CheckRow } from "./report.ts"

const PROMPT: readonly number[] = [3, 7, 5]
const MAX_TOKENS = 8
/** Half-precision servers sample and train with kernels that differ by this much. */
const LOGPROB_TOLERANCE = 0.05

export interface SamplingFindings {
  readonly rows: CheckRow[]
  readonly sampleLogprobs: ServerCapabilities["sampleLogprobs"]
  readonly stopTokenIncluded: boolean
  readonly seededSampling: boolean
}

type Draw = (params: Partial<SamplingParams>, numSamples?: number, promptLogprobs?: boolean) => Promise<{ readonly sequences: readonly SampledSequence[]; readonly promptLogprobs: Float32Array | undefined }>

export async function checkSampling(prober: Prober): Promise<SamplingFindings> {
  return prober.withModel(async (model) => {
    const sampler: Sampler = await model.sampler()
    const draw: Draw = (params, numSamples = 1, promptLogprobs = false) => sampler.sample(PROMPT, { maxTokens: MAX_TOKENS, seed: 17, ...params }, { numSamples, promptLogprobs })
    const { row: seedRow, seeded } = await checkSeeds(draw)
    const { row: logprobRow, meaning } = await checkLogprobs(model, draw)
    const { row: stopRow, included } = await checkStop(draw)
    const rows = [seedRow, await checkLength(draw), logprobRow, stopRow, await checkPromptLogprobs(draw)]
    return { rows, sampleLogprobs: meaning, stopTokenIncluded: included, seededSampling: seeded }
  })
}

const tokensOf = (sequence: SampledSequence | undefined): string => sequence?.tokens.join(" ") ?? ""

async function checkSeeds(draw: Draw): Promise<{ readonly row: CheckRow; readonly seeded: boolean }> {
  const name = "seeds"
  const [first, again, several, other] = [await draw({}, 2), await draw({}, 2), await draw({}, 8), await draw({ seed: 1817 }, 8)]
  const seeded = first.sequences.every((sequence, i) => tokensOf(sequence) === tokensOf(again.sequences[i]))
  const distinct = new Set(several.sequences.map(tokensOf)).size
  const moved = several.sequences.some((sequence, i) => tokensOf(sequence) !== tokensOf(other.sequences[i]))
  if (distinct === 1) return { row: { name, status: "wrong", detail: "8 samples of one request are all the same: a group would have one response" }, seeded }
  if (!moved) return { row: { name, status: "wrong", detail: "another seed gives the same samples" }, seeded: false }
  return seeded
    ? { row: { name, status: "ok", detail: `the same seed repeats, 8 samples have ${distinct} responses` }, seeded }
    : { row: { name, status: "differs", detail: "the same seed gives other samples: runs cannot be repeated" }, seeded }
}

async function checkLength(draw: Draw): Promise<CheckRow> {
  const { sequences } = await draw({ maxTokens: 3 }, 2)
  const wrong = sequences.find(({ tokens, stopReason }) => tokens.length > 3 || (tokens.length < 3 && stopReason === "length"))
  return wrong === undefined
    ? { name: "max_tokens", status: "ok", detail: "honoured" }
    : { name: "max_tokens", status: "wrong", detail: `expected at most 3 tokens, got ${wrong.tokens.length} with stop_reason ${wrong.stopReason}` }
}

/** Log-probs of samples against those of a forward pass, at temperature 1, at another one, and with a part cut off. */
async function checkLogprobs(model: TrainingModel, draw: Draw): Promise<{ readonly row: CheckRow; readonly meaning: ServerCapabilities["sampleLogprobs"] }> {
  const name = "log-probs of samples"
  const apart = async (params: Partial<SamplingParams>): Promise<number> => {
    const { sequences } = await draw(params, 4)
    let worst = 0
    for (const { tokens, logprobs } of sequences) {
      if (tokens.length === 0) continue
      if (logprobs === undefined || logprobs.length !== tokens.length) return Number.NaN
      const sequence = { all: [...PROMPT, ...tokens], prompt: PROMPT.length }
      const { outputs } = await model.forward([probeDatum(sequence, {}, true)])
      worst = Math.max(worst, largestDifference(Array.from(logprobs), countedPart(outputs[0]!.logprobs, sequence)))
    }
    return worst
  }
  const [plain, cool, cut] = [await apart({}), await apart({ temperature: 0.5 }), await apart({ topP: 0.5 })]
  const numbers = `apart from training by ${[plain, cool, cut].map((x) => x.toExponential(1)).join(", ")} at temperature 1, 0.5, and top_p 0.5`
  if (!(plain < LOGPROB_TOLERANCE)) return { row: { name, status: "differs", detail: `${numbers}: not used, a forward pass takes their place` }, meaning: "none" }
  if (cool < LOGPROB_TOLERANCE && cut < LOGPROB_TOLERANCE) return { row: { name, status: "ok", detail: `of the policy at temperature 1 with nothing cut off, whatever the request says (${numbers})` }, meaning: "policy" }
  return { row: { name, status: "ok", detail: `of the distribution sampled from (${numbers})` }, meaning: "sampled" }
}

/** A token that a response is known to hold becomes its end. */
async function checkStop(draw: Draw): Promise<{ readonly row: CheckRow; readonly included: boolean }> {
  const name = "stop tokens"
  const free = (await draw({ temperature: 0 })).sequences[0]!
  const stop = free.tokens[Math.min(2, free.tokens.length - 1)]
  if (stop === undefined) return { row: { name, status: "missing", detail: "the response was empty" }, included: true }
  const place = free.tokens.indexOf(stop)
  const { tokens, stopReason } = (await draw({ temperature: 0, stop: [stop] })).sequences[0]!
  const shown = `${tokens.join(" ")} (${stopReason})`
  if (stopReason === "stop" && tokens.length === place + 1 && tokens.at(-1) === stop) return { row: { name, status: "ok", detail: "end the response and are its last token" }, included: true }
  if (stopReason === "stop" && tokens.length === place) return { row: { name, status: "differs", detail: "end the response and are left out of it: put back here" }, included: false }
  return { row: { name, status: "wrong", detail: `expected ${free.tokens.slice(0, place + 1).join(" ")} (stop), got ${shown}` }, included: true }
}

/** Sampling must not change what is trained, also not from weights that were saved a step earlier. */
export async function checkOlderSamplers(prober: Prober): Promise<{ readonly row: CheckRow; readonly older: ServerCapabilities["olderSamplers"] }> {
  const row = await olderSamplers(prober)
  return { row, older: row.status === "ok" ? "apart" : "in-place" }
}

async function olderSamplers(prober: Prober): Promise<CheckRow> {
  const name = "older samplers"
  return prober.withModel(async (model): Promise<CheckRow> => {
    const draw = (sampler: Sampler): Promise<unknown> => sampler.sample(PROMPT, { maxTokens: 2, seed: 17 })
    const before = await prober.logprobs(model)
    const older = await model.sampler()
    await prober.linearStep(model, Array.from({ length: countedTokens(probeSequence) }, () => -1), usual)
    const newer = await model.sampler()
    const trained = await prober.logprobs(model)
    await draw(newer)
    const afterNewer = await prober.logprobs(model)
    await draw(older)
    const afterOlder = await prober.logprobs(model)
    const moved = distance(trained, before)
    if (distance(afterNewer, trained) > moved / 2) return { name, status: "wrong", detail: "sampling changes the weights that are trained" }
    if (distance(afterOlder, trained) > moved / 2) return { name, status: "differs", detail: "put their weights back into training: only the newest is ever sampled from" }
    return { name, status: "ok", detail: "leave training alone" }
  })
}

async function checkPromptLogprobs(draw: Draw): Promise<CheckRow> {
  const name = "log-probs of prompts"
  const { promptLogprobs } = await draw({}, 1, true)
  if (promptLogprobs === undefined) return { name, status: "missing", detail: "none; forward passes give them" }
  if (promptLogprobs.length === PROMPT.length) return { name, status: "ok", detail: "one per token" }
  return { name, status: "differs", detail: `${promptLogprobs.length} for ${PROMPT.length} tokens: the first is left out` }
}
