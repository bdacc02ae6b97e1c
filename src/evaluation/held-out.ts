/** Accuracy on the held-out problems: of greedy responses, and the expected one where answers are unique. */
import type { Problem, Task } from "../data/task.ts"
import type { Engine, SampleProgress } from "../engine/engine.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { collectRollouts, type Rollout } from "../rollout/rollout.ts"
import { encodePrompt, encodeResponse, type PromptFormat } from "../rollout/prompt-encoder.ts"
import { mean, standardError } from "../statistics.ts"

export interface HeldOutContext {
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly eosTokens: readonly number[]
  readonly stopStrings: readonly string[]
  /** Default: through the chat template when there is one. */
  readonly promptFormat?: PromptFormat
  readonly maxResponseTokens: number
  readonly verifierTimeoutMs: number
  /** Once aborted, the evaluation is given up: it is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface HeldOutOptions {
  readonly greedy: boolean
  readonly expected: boolean
  /** Number of problems, from the first; all when absent. */
  readonly size?: number
  /** Expected accuracy of so many of the first problems beside that of all; none when absent. */
  readonly stepSize?: number
  /** Hears every few seconds how far the greedy responses are, where the engine can tell. */
  readonly onProgress?: (progress: SampleProgress, total: number) => void
}

const PROGRESS_EVERY_MS = 5000

export interface HeldOutResult {
  /** Problems measured. */
  readonly size: number
  /** Share of problems whose greedy response is right. */
  readonly greedyAccuracy?: number
  readonly greedyStandardError?: number
  /** Per held-out problem, in order: 1 right, 0 wrong, - not judged. Makes paired comparisons of two evaluations possible. */
  readonly greedyCorrect?: string
  /** Mean reward of the greedy responses: their accuracy where rewards are 0 and 1. */
  readonly greedyReward?: number
  readonly greedyRewardStandardError?: number
  /** Per held-out problem, in order; null not judged. Only where some reward is not that of right or wrong. */
  readonly greedyRewards?: readonly (number | null)[]
  /** Shares of the judged greedy responses: no answer was found in them; cut off at the limit of tokens. */
  readonly greedyNoAnswerRate?: number
  readonly greedyTruncationRate?: number
  /** Mean probability of the unique right answer under the policy at temperature 1. */
  readonly expectedAccuracy?: number
  /** Over the problems: the policy itself is not sampled. */
  readonly expectedStandardError?: number
  /** Expected accuracy of the problems that steps are measured on: before the first update, J(0) of their curve. */
  readonly stepExpectedAccuracy?: number
  /** Greedy accuracy of each source, where problems name theirs. */
  readonly greedyAccuracyBySource?: Readonly<Record<string, number>>
  /** Greedy responses that could not be judged; they count as neither right nor wrong. */
  readonly verifierFailures?: number
}

export async function evaluateHeldOut(context: HeldOutContext, options: HeldOutOptions): Promise<HeldOutResult> {
  const problems = context.task.heldOut.slice(0, options.size ?? context.task.heldOut.length)
  if (problems.length === 0) return { size: 0 }
  const greedy = options.greedy ? await greedyAccuracy(context, problems, options.onProgress) : {}
  const expected = options.expected ? await expectedAccuracy(context, problems) : undefined
  const ofSteps = expected === undefined ? undefined : await stepAccuracy(context, expected, options.stepSize ?? 0)
  return {
    size: problems.length,
    ...greedy,
    ...(expected === undefined ? {} : { expectedAccuracy: expected.mean, expectedStandardError: expected.standardError }),
    ...(ofSteps === undefined ? {} : { stepExpectedAccuracy: ofSteps }),
  }
}

/** Over the problems of the steps: part of what was measured, unless steps measure more than an evaluation. */
async function stepAccuracy(
  context: HeldOutContext,
  { probabilities }: ExpectedAccuracy,
  stepSize: number,
): Promise<number | undefined> {
  const problems = context.task.heldOut.slice(0, stepSize)
  if (problems.length === 0) return undefined
  if (problems.length <= probabilities.length) return mean(probabilities.slice(0, problems.length))
  return (await expectedAccuracy(context, problems))?.mean
}

/** Tells of progress until the promise is settled. */
async function whileTelling<T>({ engine }: HeldOutContext, total: number, onProgress: HeldOutOptions["onProgress"], work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    const progress = engine.sampled?.()
    if (progress !== undefined) onProgress?.(progress, total)
  }, PROGRESS_EVERY_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

async function greedyAccuracy(
  context: HeldOutContext,
  problems: readonly Problem[],
  onProgress: HeldOutOptions["onProgress"],
): Promise<Omit<HeldOutResult, "size">> {
  const { eosTokens, stopStrings, maxResponseTokens } = context
  const sampling = { temperature: 0, maxTokens: maxResponseTokens, stopTokens: eosTokens, stopStrings }
  const sampled = collectRollouts({ ...context, sampling, groupSize: 1 }, problems, 0, 0)
  const { rollouts } = await whileTelling(context, problems.length, onProgress, sampled)
  const judged = rollouts.filter(({ failed }) => !failed)
  const verifierFailures = rollouts.length - judged.length
  if (judged.length === 0) return { verifierFailures }
  const sources = [...new Set(judged.map(({ problem }) => problem.source))].filter((source) => source !== undefined).sort()
  const accuracies = sources.map((source) => [source, shareCorrect(judged.filter(({ problem }) => problem.source === source))] as const)
  const accuracy = shareCorrect(judged)
  const share = (holds: (rollout: Rollout) => boolean): number => judged.filter(holds).length / judged.length
  return {
    greedyAccuracy: accuracy,
    greedyStandardError: Math.sqrt((accuracy * (1 - accuracy)) / judged.length),
    greedyCorrect: rollouts.map(({ failed, verdict }) => (failed ? "-" : verdict.status === "correct" ? "1" : "0")).join(""),
    ...rewardsOf(rollouts),
    greedyNoAnswerRate: share(({ verdict }) => verdict.status === "no-answer"),
    greedyTruncationRate: share(({ sequence }) => sequence.stopReason === "length"),
    ...(accuracies.length === 0 ? {} : { greedyAccuracyBySource: Object.fromEntries(accuracies) }),
    verifierFailures,
  }
}

/** Mean reward of what was judged, and each reward where rewards say more than right and wrong. */
function rewardsOf(rollouts: readonly Rollout[]): Partial<HeldOutResult> {
  const judged = rollouts.filter(({ failed }) => !failed)
  const rewards = judged.map(({ verdict }) => verdict.reward)
  const graded = judged.some(({ verdict }) => verdict.reward !== (verdict.status === "correct" ? 1 : 0))
  return {
    greedyReward: mean(rewards),
    greedyRewardStandardError: standardError(rewards),
    ...(graded ? { greedyRewards: rollouts.map(({ failed, verdict }) => (failed ? null : verdict.reward)) } : {}),
  }
}

function shareCorrect(rollouts: readonly Rollout[]): number {
  return rollouts.filter(({ verdict }) => verdict.status === "correct").length / rollouts.length
}

export interface ExpectedAccuracy {
  readonly mean: number
  /** Of the right answer of each problem. */
  readonly probabilities: readonly number[]
  /** Over the problems. */
  readonly standardError: number
}

/** Every answer is unique: its probability is the accuracy that is to be expected. */
export function hasExpectedAccuracy(problems: readonly Problem[]): boolean {
  return problems.every(({ unique, solution }) => unique === true && solution !== undefined)
}

/** exp(sum log p(answer)), averaged: free of sampling noise. Undefined when an answer is not unique. */
export async function expectedAccuracy(context: HeldOutContext, problems: readonly Problem[]): Promise<ExpectedAccuracy | undefined> {
  const { engine, tokenizer, eosTokens, promptFormat, signal } = context
  if (!hasExpectedAccuracy(problems)) return undefined
  const logprobs = await engine.logprobs(
    problems.map((problem) => ({
      promptTokens: encodePrompt(problem, tokenizer, promptFormat),
      responseTokens: encodeResponse(problem.solution!, tokenizer, eosTokens),
    })),
    signal === undefined ? {} : { signal },
  )
  const probabilities = logprobs.map((row) => Math.exp(row.reduce((total, x) => total + x, 0)))
  return { mean: mean(probabilities), probabilities, standardError: standardError(probabilities) }
}
