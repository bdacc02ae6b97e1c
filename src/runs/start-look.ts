/**
 * What a run says of itself before its first update, in words: where it starts, whether its rewards teach anything,
 * what it needs of memory and time. The trainer tells it as it measures; page and report read it from the log. Pure.
 */
import { formatDuration } from "../age.ts"
import { formatBytes, formatShare } from "../amounts.ts"
import { measuredAccuracies, type EvaluationPoint } from "../analysis/held-out.ts"

/**
 * Of the first step's responses. Those that could not be judged are left out of all but `responses` and the lengths.
 */
export interface RewardCounts {
  readonly responses: number
  /** Reward above 0. */
  readonly rewarded: number
  readonly groups: number
  /** Rewards of the group differ: there is something to compare. */
  readonly groupsWithSignal: number
  readonly meanReward: number
  /** Mean length, tokens. */
  readonly responseLength: number
  /** Cut off at rollout.maxResponseTokens. */
  readonly truncated: number
}

/** How long a run will take. */
export interface RunForecast {
  readonly steps: number
  /** That of step 0 included. */
  readonly evaluations: number
  readonly stepSeconds: number
  readonly evaluationSeconds: number
  /** All steps and all evaluations, from the first evaluation on. */
  readonly runSeconds: number
  /** Of `runSeconds`. */
  readonly evaluationShare: number
}

export interface TimeLook {
  readonly sampleSeconds: number
  /** Verification, and scores of other policies. */
  readonly scoreSeconds: number
  /** Forecast from a probe; undefined where the engine is elsewhere, or nothing is trained on. */
  readonly trainSeconds: number | undefined
  /** Undefined without `trainSeconds`. */
  readonly run: RunForecast | undefined
}

export interface MemoryLook {
  readonly neededBytes: number
  /** Free for the process when it was asked. */
  readonly availableBytes: number
}

export interface StartLook {
  /** Evaluation of step 0; undefined when there was none. */
  readonly start: EvaluationPoint | undefined
  readonly rewards: RewardCounts
  readonly memory: MemoryLook | undefined
  readonly time: TimeLook
}

/** A fact and its name. */
export type LookRow = readonly [name: string, text: string]

/** A row per fact. */
export function lookRows({ start, rewards, memory, time }: StartLook): LookRow[] {
  const { responses, responseLength, truncated } = rewards
  return [
    ...(start === undefined ? [] : accuracyRows(start)),
    ["rewards", describeRewards(rewards)],
    ["responses", `${responseLength.toFixed(1)} tokens on average, ${truncated} of ${responses} cut off`],
    ...(memory === undefined ? [] : [["memory", describeMemory(memory)] as const]),
    ...timeRows(time),
  ]
}

/** The greedy one first: it is what a run is summed up by. */
function accuracyRows(start: EvaluationPoint): LookRow[] {
  const parts = (["greedy", "expected"] as const).flatMap((kind) => {
    const measured = measuredAccuracies([start], kind)[0]
    if (measured === undefined) return []
    const { accuracy, interval } = measured
    const range =
      interval === null ? "" : `, 95 %: ${(100 * interval.low).toFixed(1)} to ${(100 * interval.high).toFixed(1)}`
    return [
      `${formatShare(accuracy)} ${kind}${kind === "greedy" ? ` (${start.size ?? "?"} held-out problems${range})` : ""}`,
    ]
  })
  return parts.length === 0 ? [] : [["accuracy", parts.join(", ")]]
}

function describeRewards({ responses, rewarded, groups, groupsWithSignal, meanReward }: RewardCounts): string {
  return (
    `${rewarded} of ${responses} responses rewarded, ${meanReward.toFixed(3)} on average; ` +
    `${groupsWithSignal} of ${groups} groups with a signal (their rewards differ)`
  )
}

function timeRows({ sampleSeconds, scoreSeconds, trainSeconds, run }: TimeLook): LookRow[] {
  const sampling = spanText(sampleSeconds)
  if (run === undefined || trainSeconds === undefined) {
    return [["time", `sampling took ${sampling}; how long a step takes is known after the first`]]
  }
  const scoring = scoreSeconds < 0.5 ? "" : `, scoring ${spanText(scoreSeconds)}`
  const parts = `sampling ${sampling}${scoring}, training ${spanText(trainSeconds)}`
  return [
    ["a step", `about ${spanText(run.stepSeconds)} (${parts})`],
    ["the run", describeForecast(run)],
  ]
}

/** As `formatDuration`, and below ten seconds with a tenth: a step of a small model takes less than one. */
function spanText(seconds: number): string {
  return seconds < 9.95 ? `${seconds.toFixed(1)}s` : formatDuration(seconds)
}

/** `200 steps and 21 evaluations about 2h25m, 11 % of it evaluations` */
export function describeForecast({ steps, evaluations, runSeconds, evaluationShare }: RunForecast): string {
  const share = evaluationShare < 0.005 ? "" : `, ${Math.round(100 * evaluationShare)} % of it evaluations`
  const made = `${steps} ${steps === 1 ? "step" : "steps"} and ${evaluations} evaluations`
  return `${made} about ${formatDuration(runSeconds)}${share}`
}

/** `about 5.9 GiB needed, 14.2 GiB free` */
export function describeMemory({ neededBytes, availableBytes }: MemoryLook): string {
  return `about ${formatBytes(neededBytes)} needed, ${formatBytes(availableBytes)} free`
}

/** GPUs of the machine that the embedded engine does not use. */
export function idleGpuText(gpus: readonly string[]): string {
  const [names, stay] = [gpus.join(", "), gpus.length === 1 ? "stays" : "stay"]
  return (
    `${names} ${stay} idle: the embedded engine computes on the CPU. Two ways to train on a GPU, both by ` +
    "engine.kind: tinker and engine.server.url: a server of the Tinker protocol on this machine (SkyRL), or a " +
    "hosted one (docs/tinker.md)."
  )
}

type Details = Readonly<Record<string, unknown>>

const rewardProblems: ReadonlySet<unknown> = new Set(["nothing-rewarded", "everything-right", "no-signal"])

/**
 * The rows from the log of a run: of its events `first-look`, and `alarm` of the same step where the rewards teach
 * nothing.
 * @param events  as they are logged, of any version
 * @param start   evaluation of step 0
 * @returns none where the log does not hold them
 */
export function loggedLook(events: readonly Details[], start: EvaluationPoint | undefined): LookRow[] {
  const event = events.find(({ kind }) => kind === "first-look")
  if (event === undefined) return []
  const time = detailsOf(event["time"])
  const [needed, available] = [numberOf(event["memoryNeededBytes"]), numberOf(time["memoryAvailableBytes"])]
  const problem = events.find(({ kind, alarm }) => kind === "alarm" && rewardProblems.has(alarm))
  const gpus = Array.isArray(time["idleGpus"]) ? time["idleGpus"].filter((name) => typeof name === "string") : []
  const rows = lookRows({
    start,
    rewards: countsOf(event),
    memory:
      needed === undefined || available === undefined ? undefined : { neededBytes: needed, availableBytes: available },
    time: {
      sampleSeconds: numberOf(time["sampleSeconds"]) ?? 0,
      scoreSeconds: numberOf(time["scoreSeconds"]) ?? 0,
      trainSeconds: numberOf(time["trainSeconds"]),
      run: forecastOf(detailsOf(time["run"])),
    },
  })
  const advice = Array.isArray(problem?.["advice"]) ? problem["advice"].filter((line) => typeof line === "string") : []
  return [
    ...rows,
    ...(problem === undefined ? [] : [["no signal", `${textOf(problem["message"])}.`] as const]),
    ...(advice.length === 0 ? [] : [["what may help", advice.join("; ")] as const]),
    ...(gpus.length === 0 ? [] : [["GPU", idleGpuText(gpus)] as const]),
  ]
}

const countNames = [
  "responses",
  "rewarded",
  "groups",
  "groupsWithSignal",
  "meanReward",
  "responseLength",
  "truncated",
] as const

function countsOf(event: Details): RewardCounts {
  const counts = countNames.map((name) => [name, numberOf(event[name]) ?? 0])
  return Object.fromEntries(counts) as Record<(typeof countNames)[number], number>
}

function forecastOf(run: Details): RunForecast | undefined {
  const names = ["steps", "evaluations", "stepSeconds", "evaluationSeconds", "runSeconds", "evaluationShare"] as const
  const values = names.map((name) => [name, numberOf(run[name])] as const)
  if (values.some(([, value]) => value === undefined)) return undefined
  return Object.fromEntries(values) as Record<(typeof names)[number], number>
}

function detailsOf(value: unknown): Details {
  return typeof value === "object" && value !== null ? (value as Details) : {}
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.replace(/[.\s]+$/, "") : ""
}
