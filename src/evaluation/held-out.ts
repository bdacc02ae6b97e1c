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
  return {
    greedyAccuracy: accuracy,
    greedyStandardError: Math.sqrt((accuracy * (1 - accuracy)) / judged.length),
    greedyCorrect: rollouts.map(({ failed, verdict }) => (failed ? "-" : verdict.status === "correct" ? "1" : "0")).join(""),
    ...(accuracies.length === 0 ? {} : { greedyAccuracyBySource: Object.fromEntries(accuracies) }),
    verifierFailures,
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
  const { engine, tokenizer, eosTokens, promptFormat } = context
  if (!hasExpectedAccuracy(problems)) return undefined
  const logprobs = await engine.logprobs(
    problems.map((problem) => ({
      promptTokens: encodePrompt(problem, tokenizer, promptFormat),
      responseTokens: encodeResponse(problem.solution!, tokenizer, eosTokens),
    })),
  )
  const probabilities = logprobs.map((row) => Math.exp(row.reduce((total, x) => total + x, 0)))
  return { mean: mean(probabilities), probabilities, standardError: standardError(probabilities) }
}
