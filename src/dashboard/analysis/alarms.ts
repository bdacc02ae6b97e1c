/** What a person should look at, from what a run has logged. Each alarm has its threshold here, and says what to try. */
import { formatShare } from "../../amounts.ts"
import { shareStandardError } from "../../analysis/intervals.ts"
import { describeGap, gapAdvice, heldOutGap, type EvaluationPoint, type RewardedStep } from "../../analysis/index.ts"
import { MOST_LOGPROB_MISMATCH } from "../../runs/index.ts"
import type { Alarm, RunEventInfo, RunInfo } from "../api.ts"
import { median } from "../../statistics.ts"
import { meanOf } from "./table.ts"
import type { Table } from "./table.ts"

/** Thresholds of the alarms. Windows are in steps. That of drift, at which the run itself warns, is MOST_LOGPROB_MISMATCH of runs/records.ts. */
export const alarmLimits = {
  /** Means are taken over so many last steps. */
  window: 20,
  /** Falls during a run, which it may still come back from: the mean reward of the window below this share of the best window's, J this far below its best. */
  fallenRewardShare: 0.5,
  fallenAccuracy: 0.1,
  /** Entropy below this share of the first window's, and below so many nats. */
  entropyShare: 0.05,
  entropyNats: 0.02,
  /** KL to the policy that sampled, or to the reference, nats per token. */
  kl: 0.5,
  truncation: 0.2,
  /** Share of responses that no verdict was reached on. */
  verifierFailures: 0.01,
  zeroVariance: 0.95,
  /** Stalled: no line for this many median steps, and for this many seconds. */
  stalledSteps: 10,
  stalledSeconds: 120,
} as const

/** What the alarms are computed from. */
export interface AlarmInput {
  readonly metrics: Table
  readonly evaluations: Table
  readonly events: readonly RunEventInfo[]
  readonly state: RunInfo["state"]
  /** Who holds the run, in words, where somebody does. */
  readonly holder: string | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Every alarm that holds now, serious ones first. */
export function findAlarms(input: AlarmInput): Alarm[] {
  const found = checks.flatMap((check) => check(input) ?? [])
  return [...found.filter(({ severity }) => severity === "serious"), ...found.filter(({ severity }) => severity === "warning")]
}

const evaluationNumbers = [
  "step",
  "size",
  "verifierFailures",
  "greedyAccuracy",
  "greedyStandardError",
  "greedyReward",
  "greedyRewardStandardError",
  "expectedAccuracy",
  "expectedStandardError",
]

type Check = (input: AlarmInput) => Alarm | undefined

const checks: readonly Check[] = [
  crashed,
  silent,
  notFinite,
  rewardFall,
  accuracyFall,
  gap,
  drift,
  entropyFloor,
  klCeiling,
  truncation,
  verifierFailures,
  noSignal,
  stalled,
]

/** Mean of the last window of a metric. */
function recent(table: Table, name: string): number {
  return meanOf(table, name, table.rows - alarmLimits.window)
}

/** Mean of the window that ends at a row. */
function windowMean(table: Table, name: string, row: number): number {
  return meanOf(table, name, row + 1 - alarmLimits.window, row + 1)
}

/**
 * Step of the first row from which on a condition holds up to the last row: the first evidence of what holds now.
 * @param holds  of the log up to and with a row; it holds for the last
 */
function sinceStep(table: Table, holds: (row: number) => boolean): number | null {
  let row = table.rows - 1
  while (row > 0 && holds(row - 1)) row -= 1
  return table.column("step")?.[row] ?? null
}

function lastStep(table: Table): number | null {
  return table.column("step")?.[table.rows - 1] ?? null
}

function crashed({ state, metrics, events }: AlarmInput): Alarm | undefined {
  const step = lastStep(metrics)
  const after = step === null ? "before its first step" : `after step ${step}`
  if (state === "crashed") {
    return { id: "crashed", severity: "serious", step, message: `The process of the run is gone without a word, ${after}.`, advice: "Look for a lack of memory (dmesg, the scheduler's log) and go on with pirl train --resume." }
  }
  if (state !== "failed") return undefined
  const reason = events.findLast(({ kind }) => kind === "failure")?.message ?? "no reason was written down"
  return { id: "failed", severity: "serious", step, message: `The run failed ${after}: ${reason}`, advice: "Mend what the message names and go on with pirl train --resume." }
}

function silent({ state, holder, metrics }: AlarmInput): Alarm | undefined {
  if (state !== "silent" || holder === undefined) return undefined
  return { id: "silent", severity: "serious", step: lastStep(metrics), message: `The run is held by ${holder}.`, advice: "See to that machine. Only if the process is gone for certain, remove lock.json from the folder of the run and go on with pirl train --resume." }
}

function notFinite({ metrics, events }: AlarmInput): Alarm | undefined {
  const event = events.findLast(({ alarm }) => alarm === "not-finite")
  const refused = metrics.column("refusedUpdates")
  let [count, last, first]: [number, number | null, number | null] = [0, event?.step ?? null, null]
  for (let i = 0; i < metrics.rows && refused !== undefined; i++) {
    if (!(refused[i]! > 0)) continue
    count += refused[i]!
    last = metrics.column("step")?.[i] ?? last
    first ??= last
  }
  if (event === undefined && count === 0) return undefined
  const step = first ?? events.find(({ alarm }) => alarm === "not-finite")?.step ?? null
  const many = count > 1 ? `${count} updates were` : "An update was"
  return {
    id: "nan",
    severity: "serious",
    step,
    message: `${many} not applied, because loss or gradients were not finite; the last at step ${last}.`,
    advice: "Lower optimizer.learningRate or optimizer.gradientClip; the batches are in refused/.",
  }
}

function rewardFall({ metrics }: AlarmInput): Alarm | undefined {
  const { window, fallenRewardShare } = alarmLimits
  const mu = metrics.column("mu")
  if (mu === undefined || metrics.rows < 2 * window) return undefined
  let [sum, count, best, bestRow, fellRow] = [0, 0, -Infinity, 0, -1]
  let now = Number.NaN
  for (let i = 0; i < metrics.rows; i++) {
    if (!Number.isNaN(mu[i]!)) [sum, count] = [sum + mu[i]!, count + 1]
    const out = mu[i - window] ?? Number.NaN
    if (!Number.isNaN(out)) [sum, count] = [sum - out, count - 1]
    if (i < window - 1 || count === 0) continue
    now = sum / count
    if (now > best) [best, bestRow] = [now, i]
    if (!(now < fallenRewardShare * best)) fellRow = -1
    else if (fellRow < 0) fellRow = i
  }
  if (!(best > 0.02) || fellRow < 0) return undefined
  const [bestStep, step] = [bestRow, fellRow].map((row) => metrics.column("step")?.[row] ?? null)
  return {
    id: "reward-fall",
    severity: "serious",
    step: step!,
    message:
      `The mean reward fell to less than half: ${formatShare(best)} around step ${bestStep}, ` +
      `${formatShare(now)} over the last ${window} steps.`,
    advice:
      "Go back to a checkpoint before it. Lower optimizer.learningRate, raise objective.klCoefficient, or lower " +
      "pipo.lambda; read responses from both sides of the fall.",
  }
}

function accuracyFall({ evaluations }: AlarmInput): Alarm | undefined {
  const name = evaluations.column("greedyAccuracy") === undefined ? "expectedAccuracy" : "greedyAccuracy"
  const values = evaluations.column(name)
  if (values === undefined) return undefined
  let [best, bestRow, last, fellRow] = [-Infinity, 0, Number.NaN, -1]
  const size = evaluations.column("size")?.[evaluations.rows - 1] ?? Number.NaN
  for (let i = 0; i < evaluations.rows; i++) {
    if (Number.isNaN(values[i]!)) continue
    last = values[i]!
    if (last > best) [best, bestRow] = [last, i]
    // Three standard errors of a difference of two accuracies on the same number of problems.
    const noise = size > 0 ? 3 * Math.SQRT2 * shareStandardError(best, size) : 0
    if (!(best - last > Math.max(alarmLimits.fallenAccuracy, noise))) fellRow = -1
    else if (fellRow < 0) fellRow = i
  }
  if (fellRow < 0) return undefined
  const [bestStep, step] = [bestRow, fellRow].map((row) => evaluations.column("step")?.[row] ?? null)
  const kind = name === "greedyAccuracy" ? "greedy" : "expected"
  return {
    id: "held-out-fall",
    severity: "serious",
    step: step!,
    message: `Held-out accuracy (${kind}) fell from ${formatShare(best)} at step ${bestStep} to ${formatShare(last)}.`,
    advice:
      "The best policy lies behind: use a checkpoint near that step, stop earlier, or lower optimizer.learningRate. " +
      "If the training reward still rises, it is being gamed: read responses.",
  }
}

/** From the logs and not from the run's own words, so that runs of earlier versions are looked at too. */
function gap({ metrics, evaluations }: AlarmInput): Alarm | undefined {
  const numbers = (table: Table, row: number, names: readonly string[]): Record<string, number> =>
    Object.fromEntries(names.flatMap((name) => {
      const value = table.column(name)?.[row] ?? Number.NaN
      return Number.isNaN(value) ? [] : [[name, value]]
    }))
  const rows = (table: Table, names: readonly string[]): Record<string, number>[] =>
    Array.from({ length: table.rows }, (_, row) => numbers(table, row, names))
  const steps = (): RewardedStep[] => rows(metrics, ["step", "mu"]) as unknown as RewardedStep[]
  const points = rows(evaluations, evaluationNumbers) as unknown as EvaluationPoint[]
  const found = heldOutGap(steps, points)
  if (found === undefined) return undefined
  const message = describeGap(found)
  return { id: "held-out-gap", severity: "serious", step: found.bestStep, message, advice: gapAdvice }
}

function drift({ metrics }: AlarmInput): Alarm | undefined {
  const values = metrics.column("logprobMismatch")
  if (values === undefined) return undefined
  for (let i = 0; i < metrics.rows; i++) {
    // Where the run itself warns.
    if (!(values[i]! > MOST_LOGPROB_MISMATCH)) continue
    const step = metrics.column("step")?.[i] ?? null
    return { id: "drift", severity: "warning", step, message: `Sampler and trainer drift apart: log-probs of the same weights differ by ${values[i]!.toExponential(1)} nats, first at step ${step}.`, advice: "Ratios are wrong by that much. Train in f32, or report the config: the two should agree up to rounding." }
  }
  return undefined
}

function entropyFloor({ metrics }: AlarmInput): Alarm | undefined {
  const { window, entropyShare, entropyNats } = alarmLimits
  const now = recent(metrics, "entropy")
  const start = meanOf(metrics, "entropy", 0, window)
  const isLow = (value: number): boolean => value < entropyShare * start && value < entropyNats
  if (metrics.rows < 2 * window || !isLow(now)) return undefined
  const step = sinceStep(metrics, (row) => isLow(windowMean(metrics, "entropy", row)))
  return {
    id: "entropy",
    severity: "warning",
    step,
    message: `The policy hardly explores: entropy ${now.toFixed(4)} nats a token, ${start.toFixed(3)} at the start.`,
    advice:
      "Raise rollout.temperature or objective.clipHigh (clip-higher), add an entropy term, or stop: it has learnt " +
      "what it will.",
  }
}

function klCeiling({ metrics }: AlarmInput): Alarm | undefined {
  const [name, value] = (["kl", "behaviourKl"] as const).map((column) => [column, recent(metrics, column)] as const).find(([, mean]) => mean > alarmLimits.kl) ?? []
  if (name === undefined) return undefined
  const from = name === "kl" ? "the reference policy" : "the policy that sampled"
  const step = sinceStep(metrics, (row) => windowMean(metrics, name, row) > alarmLimits.kl)
  return {
    id: "kl",
    severity: "warning",
    step,
    message: `KL to ${from} is ${value!.toFixed(2)} nats a token.`,
    advice:
      name === "kl"
        ? "Raise objective.klCoefficient or lower optimizer.learningRate."
        : "Lower optimizer.learningRate, optimizer.epochs or optimizer.miniBatches.",
  }
}

function truncation({ metrics }: AlarmInput): Alarm | undefined {
  const share = recent(metrics, "truncationRate")
  if (!(share > alarmLimits.truncation)) return undefined
  const step = sinceStep(metrics, (row) => windowMean(metrics, "truncationRate", row) > alarmLimits.truncation)
  return {
    id: "truncation",
    severity: "warning",
    step,
    message: `${formatShare(share)} of the responses are cut at the length limit.`,
    advice:
      "Raise rollout.maxResponseTokens, or see whether responses run on without end: a policy that lost its stop " +
      "token.",
  }
}

function verifierFailures({ metrics }: AlarmInput): Alarm | undefined {
  const share = recent(metrics, "verifierFailures") / recent(metrics, "sampledResponses")
  if (!(share > alarmLimits.verifierFailures)) return undefined
  const failed = (row: number): number => windowMean(metrics, "verifierFailures", row)
  const sampled = (row: number): number => windowMean(metrics, "sampledResponses", row)
  const step = sinceStep(metrics, (row) => failed(row) / sampled(row) > alarmLimits.verifierFailures)
  return {
    id: "verifier",
    severity: "warning",
    step,
    message: `The verifier reached no verdict on ${formatShare(share)} of the responses.`,
    advice:
      "They are left out of training. Filter completions by status failure and timeout, and try one with pirl verify.",
  }
}

function noSignal({ metrics }: AlarmInput): Alarm | undefined {
  const share = recent(metrics, "zeroVarianceShare")
  if (metrics.rows < 5 || !(share > alarmLimits.zeroVariance)) return undefined
  const mu = recent(metrics, "mu")
  const advice = mu > 0.5 ? "The task is solved: take a harder one, or stop." : "Nothing is ever right: warm-start longer, take an easier task, or raise rollout.groupSize."
  const step = sinceStep(metrics, (row) => windowMean(metrics, "zeroVarianceShare", row) > alarmLimits.zeroVariance)
  return {
    id: "no-signal",
    severity: "warning",
    step,
    message: `${formatShare(share)} of the groups have one reward for all responses: there is nothing to learn from.`,
    advice,
  }
}

function stalled({ metrics, state, now }: AlarmInput): Alarm | undefined {
  const at = metrics.column("time.at")?.[metrics.rows - 1]
  if (state !== "running" || at === undefined || Number.isNaN(at)) return undefined
  const seconds = metrics.column("time.seconds")
  const times = Array.from({ length: Math.min(alarmLimits.window, metrics.rows) }, (_, i) => seconds?.[metrics.rows - 1 - i] ?? Number.NaN)
  const usual = median(times.filter((value) => !Number.isNaN(value)))
  const silent = now / 1000 - at
  const limit = Math.max(alarmLimits.stalledSeconds, alarmLimits.stalledSteps * (Number.isNaN(usual) ? 0 : usual))
  if (silent <= limit) return undefined
  return { id: "stalled", severity: "serious", step: lastStep(metrics), message: `No step for ${Math.round(silent)} s${Number.isNaN(usual) ? "" : `; one usually takes ${usual.toFixed(1)} s`}.`, advice: "An evaluation or a checkpoint may take its time. Else look at the process and the disk; a killed run goes on with --resume." }
}
