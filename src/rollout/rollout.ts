/** Groups of responses for a batch of problems, verified. */
import type { RolloutSettings } from "../config/index.ts"
import type { Problem, Task } from "../data/task.ts"
import type { Engine, SamplingOptions, Sequence } from "../engine/engine.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { deriveSeed, integerBelow, uniform } from "../random.ts"
import type { Verdict } from "../verifiers/verifier.ts"
import { decodeResponse, encodePrompt, type PromptFormat } from "./prompt-encoder.ts"
import { untilAborted } from "./until-aborted.ts"
import { isFailure, verifierInput, verifyResponse } from "./verify.ts"

/** One sampled and verified response. */
export interface Rollout {
  readonly problem: Problem
  /** Index of the prompt within the step. */
  readonly group: number
  readonly promptTokens: readonly number[]
  readonly sequence: Sequence
  readonly text: string
  readonly verdict: Verdict
  /** The verdict says nothing about the response: not trained on, not counted in any mean. */
  readonly failed: boolean
}

export interface RolloutBatch {
  readonly rollouts: readonly Rollout[]
  readonly sampleSeconds: number
  readonly verifySeconds: number
}

/** How a config samples, in float32. */
export function samplingOf(rollout: RolloutSettings, eosTokens: readonly number[]): SamplingOptions {
  const { temperature, topK, topP, minP, stopStrings, maxResponseTokens } = rollout
  return { temperature, topK, topP, minP, stopStrings, maxTokens: maxResponseTokens, stopTokens: eosTokens }
}

/** What responses come from. */
export type ResponseSource = Pick<Engine, "sample">

export interface RolloutContext {
  readonly engine: ResponseSource
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly sampling: SamplingOptions
  /** Default: through the chat template when there is one. */
  readonly promptFormat?: PromptFormat
  readonly groupSize: number
  /** Share of rewards that are turned over. Default 0. */
  readonly rewardNoise?: number
  /** For verifiers that answer later. */
  readonly verifierTimeoutMs: number
  /**
   * Once aborted, responses are neither sampled nor waited for; what was asked for them is rejected with its reason.
   */
  readonly signal?: AbortSignal | undefined
}

/** Seed of a response: a pure function of the run's seed, the step, the prompt's and the response's place. */
export function responseSeed(seed: number, step: number, prompt: number, response: number): number {
  return integerBelow(Number.MAX_SAFE_INTEGER, deriveSeed(seed, "responses"), step, prompt, response)
}

/** The verdict, or with the given probability one whose reward is 1 - r: a pure function of seed and place. */
function turnedOver(verdict: Verdict, share: number, seed: number, step: number, group: number, response: number): Verdict {
  if (share === 0 || isFailure(verdict) || uniform(deriveSeed(seed, "reward-noise"), step, group, response) >= share) return verdict
  return { ...verdict, reward: 1 - verdict.reward, reason: `${verdict.reason} (reward turned over by rollout.rewardNoise)` }
}

/** Text and verdict of a sampled sequence. */
export async function judge(
  { tokenizer, task, verifierTimeoutMs }: Pick<RolloutContext, "tokenizer" | "task" | "verifierTimeoutMs">,
  problem: Problem,
  sequence: Sequence,
): Promise<{ readonly text: string; readonly verdict: Verdict }> {
  const text = decodeResponse(sequence.tokens, tokenizer)
  return { text, verdict: await verifyResponse(task.verifierFor(problem), verifierInput(problem, text), verifierTimeoutMs) }
}

/**
 * Samples `groupSize` responses to every problem and verifies them.
 * @param firstGroup  number of the first problem's group, for further rounds of one step
 */
export async function collectRollouts(
  context: RolloutContext,
  problems: readonly Problem[],
  seed: number,
  step: number,
  firstGroup: number = 0,
): Promise<RolloutBatch> {
  const { engine, tokenizer, sampling, promptFormat, groupSize, rewardNoise = 0, signal } = context
  const prompts = problems.map((problem) => encodePrompt(problem, tokenizer, promptFormat))
  const started = performance.now()
  const groups = await engine.sample(
    prompts.map((promptTokens, prompt) => ({
      promptTokens,
      seeds: Array.from({ length: groupSize }, (_, response) => responseSeed(seed, step, firstGroup + prompt, response)),
      options: sampling,
    })),
    signal,
  )
  const sampled = performance.now()
  const verified = Promise.all(
    groups.flatMap((sequences, prompt) =>
      sequences.map(async (sequence, response): Promise<Rollout> => {
        const problem = problems[prompt]!
        const group = firstGroup + prompt
        const { text, verdict: judged } = await judge(context, problem, sequence)
        const verdict = turnedOver(judged, rewardNoise, seed, step, group, response)
        return { problem, group, promptTokens: prompts[prompt]!, sequence, text, verdict, failed: isFailure(verdict) }
      }),
    ),
  )
  const rollouts = await untilAborted(verified, signal)
  return { rollouts, sampleSeconds: (sampled - started) / 1000, verifySeconds: (performance.now() - sampled) / 1000 }
}
