/** What the server does with gradients: losses, reduction, Adam, clipping, resume, numbers of requests. */
import { z } from "zod"
import { TinkerError, type AdamParams, type OptimStepOutput, type TrainingModel } from "../../../tinker/index.ts"
import { protocolLosses, tokenLoss, type ProtocolLoss } from "../loss-formulas.ts"
import type { ServerCapabilities } from "../server-capabilities.ts"
import { countedPart, countedTokens, distance, gradientOf, gradNorm, largestDifference, offPolicyRows, otherSequence, probeConfigs, probeDatum, probeSequence, proportional, usual, type Prober } from "./probe.ts"
import type { CheckRow } from "./report.ts"

/** Log-probs of half-precision servers wander by this much. */
const LOGPROB_TOLERANCE = 0.02
/** Of a ratio of two measured steps. */
const RATIO_TOLERANCE = 0.15
/** Of a reported loss against the formula, relative to the largest. */
const LOSS_TOLERANCE = 0.02

const SMALLEST_MOVE = 0.01
const LARGEST_MOVE = 0.1
const MOST_ATTEMPTS = 8

type Reduction = ServerCapabilities["lossReduction"]

const ones = (count: number): number[] => Array.from({ length: count }, () => 1)
const near = (value: number, wanted: number): boolean => Math.abs(value / wanted - 1) < RATIO_TOLERANCE
/** How far a step's gradient was, by its norm where the server tells, else by how far the log-probs moved. */
interface Measured {
  readonly size: number
  readonly byNorm: boolean
}

async function measured(prober: Prober, step: (model: TrainingModel, adam: AdamParams) => Promise<OptimStepOutput>, adam: AdamParams): Promise<Measured> {
  return prober.withModel(async (model) => {
    const before = await prober.logprobs(model)
    const output = await step(model, adam)
    const norm = gradNorm(output)
    if (norm !== undefined && norm > 0) return { size: norm, byNorm: true }
    return { size: distance(await prober.logprobs(model), before), byNorm: false }
  })
}

/** Where no norm is told: a learning rate at which log-probs move by more than noise and less than what bends. */
async function visibleStep(prober: Prober, gradient: readonly number[]): Promise<{ readonly adam: AdamParams; readonly alone: Measured }> {
  // Adam takes g / (|g| + eps): far above the gradient, an epsilon leaves nothing but proportion.
  let learningRate = 5
  for (let attempt = 0; ; attempt++) {
    const adam = { ...proportional, learningRate, eps: 100 }
    const alone = await measured(prober, (model, used) => prober.linearStep(model, gradient, used), adam)
    if (alone.byNorm || attempt >= MOST_ATTEMPTS || (alone.size > SMALLEST_MOVE && alone.size < LARGEST_MOVE)) return { adam, alone }
    learningRate *= alone.size >= LARGEST_MOVE ? 0.15 : 7
  }
}

/** Log-probs: numbers below zero that repeat, and that do not depend on what follows. */
export async function checkForward(prober: Prober): Promise<CheckRow> {
  return prober.withModel(async (model): Promise<CheckRow> => {
    const [first, again] = [await prober.logprobs(model), await prober.logprobs(model)]
    const short = await prober.logprobs(model, { ...probeSequence, all: probeSequence.all.slice(0, -2) })
    const name = "log-probs"
    if (!first.every((lp) => Number.isFinite(lp) && lp <= 1e-6)) return { name, status: "wrong", detail: `expected numbers below zero, got ${first.map((lp) => lp.toFixed(3)).join(" ")}` }
    const [repeated, causal] = [largestDifference(first, again), largestDifference(short, first)]
    if (repeated > LOGPROB_TOLERANCE) return { name, status: "wrong", detail: `two forward passes differ by ${repeated.toExponential(1)}` }
    if (causal > LOGPROB_TOLERANCE) return { name, status: "wrong", detail: `a longer sequence changes the log-probs of its beginning by ${causal.toExponential(1)}: positions are not where the protocol has them` }
    return { name, status: "ok", detail: `repeat to ${repeated.toExponential(1)}, causal to ${causal.toExponential(1)}` }
  })
}

/** Weights beside advantages: where a server refuses them it cannot divide by them either. */
export async function findWeights(prober: Prober): Promise<CheckRow> {
  try {
    await prober.withModel((model) => prober.linearStep(model, ones(countedTokens(probeSequence)), usual))
    return { name: "weights beside advantages", status: "ok", detail: "taken" }
  } catch (error) {
    if (!(error instanceof TinkerError) || (error.kind !== "invalid" && error.kind !== "failed")) throw error
    prober.withWeights = false
    return { name: "weights beside advantages", status: "differs", detail: `refused (${error.detail}); the check goes on without them` }
  }
}

/** Sum, or mean over sequences of weighted means: a second sequence without a gradient, and weights of zero, tell. */
export async function checkReduction(prober: Prober): Promise<{ readonly row: CheckRow; readonly reduction: Reduction | undefined }> {
  const name = "loss reduction"
  const count = countedTokens(probeSequence)
  const gradient = ones(count).map((_, t) => (t < count / 2 ? -1 : 0))
  const { adam, alone } = await visibleStep(prober, gradient)
  const resting = ones(countedTokens(otherSequence))
  const still = probeDatum(otherSequence, { advantages: resting.map(() => 0), logprobs: resting.map(() => -1) }, prober.withWeights)
  const together = await measured(prober, (model, used) => prober.linearStep(model, gradient, used, [still]), adam)
  const masked = await measured(
    prober,
    async (model, used) => {
      const logprobs = await prober.logprobs(model)
      const weights = gradient.map((g) => (g === 0 ? 0 : 1))
      return prober.step(model, [probeDatum(probeSequence, { weights, advantages: gradient.map((g) => -g), logprobs }, prober.withWeights)], "importance_sampling", used)
    },
    adam,
  )
  const [batch, tokens] = [together.size / alone.size, masked.size / alone.size]
  const how = `${alone.byNorm ? "gradient norms" : "steps"}: x${batch.toFixed(2)} with a second sequence, x${tokens.toFixed(2)} with half the weights`
  if (near(batch, 1) && near(tokens, 1)) {
    // Adam alone hides the size of a gradient; a norm, or a step in proportion, does not.
    const trusted = alone.byNorm || near((await measured(prober, (model, used) => prober.linearStep(model, gradient.map((g) => g * 2), used), adam)).size / alone.size, 2)
    if (trusted) return { row: { name, status: "ok", detail: `sum (${how})` }, reduction: "sum" }
  }
  if (near(batch, 0.5) && near(tokens, count / Math.ceil(count / 2))) return { row: { name, status: "differs", detail: `mean over sequences of each one's weighted mean (${how})` }, reduction: "mean-per-sequence" }
  return { row: { name, status: "missing", detail: `neither the sum nor the mean per sequence can be seen (${how}); ask the server's makers and set engine.server.lossReduction` }, reduction: undefined }
}

/** What the server reports and does for each built-in loss. */
export async function checkLosses(prober: Prober): Promise<{ readonly rows: CheckRow[]; readonly losses: ProtocolLoss[] }> {
  const rows: CheckRow[] = []
  const losses: ProtocolLoss[] = []
  for (const loss of protocolLosses) {
    const row = await checkLoss(prober, loss)
    rows.push(row)
    if (row.status === "ok") losses.push(loss)
  }
  return { rows, losses }
}

async function checkLoss(prober: Prober, loss: ProtocolLoss): Promise<CheckRow> {
  const name = `loss ${loss}`
  let gradient: number[] = []
  try {
    const done = await prober.withModel(async (model) => {
      const before = await prober.logprobs(model)
      const rows = offPolicyRows(before)
      gradient = gradientOf(loss, before, rows)
      const datum = loss === "cross_entropy" ? probeDatum(probeSequence, {}, true) : probeDatum(probeSequence, rows, prober.withWeights)
      const config = probeConfigs[loss]
      const passed = model.forwardBackward([datum], loss, config === undefined ? {} : { config })
      const stepped = model.optimStep(usual)
      await Promise.allSettled([passed, stepped])
      const { outputs } = await passed
      await stepped
      const expected = before.map((logprob, t) => tokenLoss(loss, config ?? {}, { logprob, behaviour: rows.logprobs[t]!, advantage: rows.advantages[t]!, weight: 1 }).loss)
      const reported = outputs[0]!.losses === undefined ? undefined : countedPart(outputs[0]!.losses, probeSequence)
      return { before, after: await prober.logprobs(model), expected, reported }
    })
    const scale = Math.max(...done.expected.map(Math.abs))
    const off = done.reported === undefined ? undefined : largestDifference(done.reported, done.expected) / scale
    if (off !== undefined && !(off < LOSS_TOLERANCE)) {
      const guess = done.reported!.map((x) => x.toFixed(3)).join(" ")
      return { name, status: "wrong", detail: `computes another loss than asked: reports ${guess}, the formula gives ${done.expected.map((x) => x.toFixed(3)).join(" ")}` }
    }
    // One sequence of the same weights: whatever the reduction, it treats both alike.
    const linear = await prober.withModel(async (model) => {
      await prober.linearStep(model, gradient, usual)
      return prober.logprobs(model)
    })
    const [moved, apart] = [distance(done.after, done.before), distance(done.after, linear)]
    const told = off === undefined ? "value not reported" : `value to ${off.toExponential(1)}`
    if (!(moved > 0)) return { name, status: "wrong", detail: `${told}, but its step moves nothing` }
    if (apart / moved > RATIO_TOLERANCE) return { name, status: "wrong", detail: `${told}, but its step differs from that of its gradient by ${((100 * apart) / moved).toFixed(0)} %: it does another loss than asked` }
    return { name, status: "ok", detail: `${told}, step to ${((100 * apart) / moved).toFixed(1)} %` }
  } catch (error) {
    if (!(error instanceof TinkerError) || (error.kind !== "invalid" && error.kind !== "failed")) throw error
    return { name, status: "missing", detail: `refused: ${error.detail}` }
  }
}

/** Whether epsilon and beta1 are taken from the request, and whether gradients are clipped. */
export async function checkAdam(prober: Prober): Promise<{ readonly rows: CheckRow[]; readonly adam: ServerCapabilities["adam"]; readonly clipping: boolean }> {
  const gradient = ones(countedTokens(probeSequence)).map(() => -1)
  const moved = (adam: typeof usual): Promise<number> =>
    prober.withModel(async (model) => {
      const before = await prober.logprobs(model)
      await prober.linearStep(model, gradient, adam)
      return distance(await prober.logprobs(model), before)
    })
  const small = { ...usual, learningRate: 1e-3 }
  const [sharp, blunt] = [await moved(small), await moved({ ...small, eps: 1e3 })]
  const epsilon = blunt < sharp / 5
  // With beta1 = 0 a step without a gradient stands still; with 0.9 it rolls on.
  const rolled = (beta1: number): Promise<number> =>
    prober.withModel(async (model) => {
      await prober.linearStep(model, gradient, small)
      const between = await prober.logprobs(model)
      await prober.linearStep(model, gradient.map(() => 0), { ...small, beta1 })
      return distance(await prober.logprobs(model), between)
    })
  const [still, rolling] = [await rolled(0), await rolled(0.9)]
  const momentum = still < rolling / 5
  const adam = epsilon && momentum ? "all" : "learning-rate"
  const free = await moved({ ...proportional, learningRate: 0.1 })
  const clipped = await moved({ ...proportional, learningRate: 0.1, gradClipNorm: 1e-4 })
  const clipping = epsilon && clipped < free / 5
  return {
    adam,
    clipping,
    rows: [
      adam === "all"
        ? { name: "Adam's parameters", status: "ok", detail: "beta1 and epsilon are those of the request" }
        : { name: "Adam's parameters", status: "differs", detail: `${[...(momentum ? [] : ["beta1"]), ...(epsilon ? [] : ["epsilon"])].join(" and ")} of the request without effect: the server has its own` },
      clipping
        ? { name: "gradient clipping", status: "ok", detail: `a norm of at most 1e-4 shortens the step to ${((100 * clipped) / free).toFixed(1)} %` }
        : { name: "gradient clipping", status: "missing", detail: epsilon ? "grad_clip_norm has no effect" : "cannot be seen, and is taken as not there" },
    ],
  }
}

/** Whether a new model steps with gradients that an unloaded one left. */
export async function checkLeftGradients(prober: Prober): Promise<{ readonly row: CheckRow; readonly left: ServerCapabilities["unloadedGradients"] }> {
  const name = "gradients of a gone model"
  await prober.withModel(async (model) => {
    const logprobs = await prober.logprobs(model)
    await model.forwardBackward([probeDatum(probeSequence, { advantages: logprobs.map(() => 1), logprobs }, prober.withWeights)], "importance_sampling")
  })
  try {
    const { size } = await measured(prober, (model, adam) => model.optimStep(adam), usual)
    if (size === 0) return { row: { name, status: "ok", detail: "are gone with it" }, left: "dropped" }
    return { row: { name, status: "differs", detail: "go to the model that takes its place: the place is cleared before a model is used" }, left: "inherited" }
  } catch (error) {
    if (!(error instanceof TinkerError) || (error.kind !== "invalid" && error.kind !== "failed")) throw error
    return { row: { name, status: "ok", detail: `are gone with it: a step without gradients is refused (${error.detail})` }, left: "dropped" }
  }
}

/** Create, load, train: the second step after a load must be the second step. */
export async function checkResume(prober: Prober): Promise<CheckRow> {
  const name = "save, load, go on"
  const count = countedTokens(probeSequence)
  const [first, second] = [ones(count).map((_, t) => (t % 2 === 0 ? -1 : 1)), ones(count).map((_, t) => (t % 3 === 0 ? -2 : 0.5))]
  const whole = await prober.withModel(async (model) => {
    await prober.linearStep(model, first, usual)
    const path = await model.saveWeights("check-resume")
    const saved = await prober.logprobs(model)
    await prober.linearStep(model, second, usual)
    return { path, saved, after: await prober.logprobs(model) }
  })
  const again = async (optimizer: boolean): Promise<{ readonly saved: number[]; readonly after: number[] }> =>
    prober.withModel(async (model) => {
      await model.loadWeights(whole.path, { optimizer })
      const saved = await prober.logprobs(model)
      await prober.linearStep(model, second, usual)
      return { saved, after: await prober.logprobs(model) }
    })
  const loaded = await again(true)
  const moved = distance(whole.after, whole.saved)
  const [weights, state] = [distance(loaded.saved, whole.saved), distance(loaded.after, whole.after)]
  await prober.client.deleteCheckpoint(...checkpointOf(whole.path))
  if (weights > RATIO_TOLERANCE * moved) return { name, status: "wrong", detail: `loaded weights differ from the saved ones (by ${weights.toExponential(1)} in log-probs)` }
  if (state > RATIO_TOLERANCE * moved) return { name, status: "wrong", detail: `the step after a load differs by ${((100 * state) / moved).toFixed(0)} %: the optimiser's state is not restored` }
  return { name, status: "ok", detail: `the step after a load agrees to ${((100 * state) / moved).toFixed(2)} %` }
}

function checkpointOf(path: string): [modelId: string, kind: "weights", name: string] {
  const [modelId, , name] = path.replace("tinker://", "").split("/")
  return [modelId!, "weights", name!]
}

/** A request that is sent twice is done once; a used number or name with other content is refused; what is unknown is 404. */
export async function checkRequests(prober: Prober): Promise<CheckRow[]> {
  const { client } = prober
  const rows = await prober.withModel(async (model): Promise<CheckRow[]> => {
    const first = await client.optimStepRequest(model.id, 1, usual)
    const again = await client.optimStepRequest(model.id, 1, usual)
    await client.result({ what: "optim_step", requestId: first, schema: z.unknown() }).catch(() => undefined)
    const reused = await client.optimStepRequest(model.id, 1, { ...usual, beta1: 0.5 }).then(
      () => "taken",
      (error: unknown) => (error instanceof TinkerError ? String(error.status) : String(error)),
    )
    return [
      first === again
        ? { name: "a request sent twice", status: "ok", detail: "is one request" }
        : { name: "a request sent twice", status: "wrong", detail: "is done twice: a lost answer would double an optimiser step" },
      reused === "409"
        ? { name: "a number used again", status: "ok", detail: "409" }
        : { name: "a number used again", status: "differs", detail: `expected 409, got ${reused}` },
    ]
  })
  const unknown = await client.optimStepRequest("model_that_is_not_there", 1, usual).then(
    () => "taken",
    (error: unknown) => (error instanceof TinkerError ? String(error.status) : String(error)),
  )
  rows.push({ name: "an unknown model", status: unknown === "404" ? "ok" : "differs", detail: unknown === "404" ? "404" : `expected 404, got ${unknown}` })
  return rows
}
