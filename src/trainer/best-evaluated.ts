/** `evaluation.keepBest`: the policy of the best evaluation so far, in memory and in checkpoints. */
import type { Engine } from "../engine/engine.ts"
import type { FileHashes } from "../integrity/index.ts"
import type { EvaluationLine } from "../runs/index.ts"
import { KeptPolicy } from "./kept-policy.ts"

/** What a checkpoint says of it. */
export interface BestEvaluation {
  readonly step: number
  readonly score: number
}

export class BestEvaluated {
  readonly #policy: KeptPolicy
  readonly #greedy: boolean
  #best: BestEvaluation | undefined

  /** @param greedy  greedy responses are evaluated: their mean reward decides, else the expected accuracy */
  constructor(engine: Engine, greedy: boolean) {
    this.#policy = new KeptPolicy(engine, "best-evaluated")
    this.#greedy = greedy
  }

  /** The best so far: undefined before the first evaluation. */
  get best(): BestEvaluation | undefined {
    return this.#best
  }

  /** Keeps the current policy when its evaluation is better than every one before: of equal ones the first stays. */
  async observe(line: EvaluationLine): Promise<void> {
    const score = this.#greedy ? line.greedyReward : line.expectedAccuracy
    if (score === undefined || (this.#best !== undefined && score <= this.#best.score)) return
    await this.#policy.keep()
    this.#best = { step: line.step, score }
  }

  /** The best policy becomes the current one. */
  async restore(): Promise<void> {
    await this.#policy.restore()
  }

  /** Adds it to a checkpoint. @returns hashes of its files there */
  async save(checkpoint: string): Promise<FileHashes> {
    return this.#policy.save(checkpoint)
  }

  /** @param saved  what the checkpoint says of it */
  async load(checkpoint: string, saved: BestEvaluation): Promise<void> {
    await this.#policy.load(checkpoint)
    this.#best = saved
  }
}
