/**
 * Which problems a step is about: the next ones of the task's training stream, or with a curriculum a choice among them by
 * their estimated success rate. Where it stands in the stream is part of a checkpoint.
 */
import type { CurriculumSettings } from "../config/index.ts"
import type { Problem, Task } from "../data/task.ts"
import { CheckpointError } from "../errors.ts"
import { deriveSeed, uniform } from "../random.ts"
import { SuccessMemory, type SuccessEstimate } from "./success-memory.ts"

/** A problem that was chosen, and why. */
export interface SelectedPrompt {
  readonly problem: Problem
  /** Drawn without preference: the mean reward of these is that of the task. */
  readonly uniform: boolean
  /** What was known of it when it was chosen; undefined without a curriculum. */
  readonly estimate: SuccessEstimate | undefined
}

/** State in a checkpoint. */
export interface PromptSourceState {
  /** Next position of the training stream. */
  readonly position: number
  /** Of the success rates; null without a curriculum. */
  readonly memory: unknown
}

/** How much a problem of success rate p can teach: the variance of one response's reward. */
function promise({ mean }: SuccessEstimate): number {
  return mean * (1 - mean)
}

/**
 * Probability of each candidate in a first draw: exploration / m + (1 - exploration) p (1 - p) / sum of p (1 - p); even where no
 * candidate has promise.
 */
export function selectionWeights(estimates: readonly SuccessEstimate[], exploration: number): number[] {
  const total = estimates.reduce((sum, estimate) => sum + promise(estimate), 0)
  const even = 1 / Math.max(estimates.length, 1)
  return estimates.map((estimate) => (total === 0 ? even : exploration * even + (1 - exploration) * (promise(estimate) / total)))
}

/**
 * Positions of a weighted draw without replacement, ascending: those of the largest log(u_i) / w_i. A pure function of the
 * weights and the uniform numbers in (0, 1).
 *
 * Source: Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir", algorithm A.
 */
export function drawWeighted(weights: readonly number[], count: number, uniformAt: (index: number) => number): number[] {
  const keys = weights.map((weight, i) => (weight > 0 ? Math.log(uniformAt(i)) / weight : Number.NEGATIVE_INFINITY))
  return weights
    .map((_, i) => i)
    .sort((a, b) => (keys[a] === keys[b] ? a - b : keys[b]! - keys[a]!))
    .slice(0, count)
    .sort((a, b) => a - b)
}

export class PromptSource {
  readonly #task: Task
  readonly #seed: number
  readonly #curriculum: CurriculumSettings | undefined
  readonly #memory: SuccessMemory
  #position = 0

  /** @param curriculum undefined for the plain stream */
  constructor(task: Task, seed: number, curriculum: CurriculumSettings | undefined) {
    this.#task = task
    this.#seed = seed
    this.#curriculum = curriculum
    this.#memory = new SuccessMemory(curriculum ?? { prior: 0.5, rate: 1, capacity: 1 })
  }

  /** Problems that are remembered. */
  get remembered(): number {
    return this.#memory.size
  }

  /**
   * The next problems, in the order of the stream.
   * @param round  of sampling within the step, from 1. Only the first has a uniform part: its size does not depend on what was
   *               sampled
   */
  select(count: number, step: number, round: number): SelectedPrompt[] {
    const curriculum = this.#curriculum
    if (curriculum === undefined) return this.#next(count).map((problem) => ({ problem, uniform: true, estimate: undefined }))
    const uniformCount = round === 1 ? Math.ceil(curriculum.uniformShare * count) : 0
    const chosenCount = count - uniformCount
    const { trainSize = Number.POSITIVE_INFINITY } = this.#task
    // Within one pass over the data no problem comes up twice.
    const pool = Math.max(chosenCount, Math.min(chosenCount * curriculum.candidates, trainSize - uniformCount))
    const length = uniformCount + pool
    const problems = this.#next(length).map((problem, i): SelectedPrompt => ({
      problem,
      // Evenly spread over the stretch, whatever stands there.
      uniform: Math.floor(((i + 1) * uniformCount) / length) > Math.floor((i * uniformCount) / length),
      estimate: this.#memory.estimate(problem.id),
    }))
    const candidates = problems.flatMap((prompt, i) => (prompt.uniform ? [] : [i]))
    const weights = selectionWeights(candidates.map((i) => problems[i]!.estimate!), curriculum.exploration)
    const seed = deriveSeed(this.#seed, "curriculum")
    const drawn = new Set(drawWeighted(weights, chosenCount, (i) => uniform(seed, step, round, i)).map((i) => candidates[i]))
    return problems.filter((prompt, i) => prompt.uniform || drawn.has(i))
  }

  /** Success rates of groups that were sampled. Without a curriculum nothing is remembered. */
  observe(groups: readonly { readonly id: string; readonly successRate: number }[]): void {
    if (this.#curriculum === undefined) return
    for (const { id, successRate } of groups) this.#memory.observe(id, successRate)
  }

  state(): PromptSourceState {
    return { position: this.#position, memory: this.#curriculum === undefined ? null : this.#memory.state() }
  }

  /** @throws CheckpointError when it is not the state of a source with these settings */
  restore(state: unknown): void {
    const { position, memory } = (typeof state === "object" && state !== null ? state : {}) as Partial<PromptSourceState>
    if (!Number.isSafeInteger(position) || position! < 0) {
      throw new CheckpointError(
        `prompts: expected a saved position in the training data, got ${String(position)}. Resume from another checkpoint.`,
      )
    }
    this.#position = position!
    if (this.#curriculum !== undefined) this.#memory.restore(memory)
  }

  #next(count: number): Problem[] {
    const first = this.#position
    this.#position += count
    return Array.from({ length: count }, (_, i) => this.#task.trainProblem(this.#seed, first + i))
  }
}
