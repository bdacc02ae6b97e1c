/** What is known of the success rate of problems: one estimate per problem id, of bounded number. */
import { CheckpointError } from "../errors.ts"

export interface SuccessEstimate {
  /** In [0, 1]. */
  readonly mean: number
  /** Groups that have been seen of the problem. */
  readonly count: number
}

export interface SuccessMemoryOptions {
  /** Estimate of a problem that is not remembered. */
  readonly prior: number
  /** Smallest weight of a new observation, in [0, 1]. */
  readonly rate: number
  /** Problems that are remembered; past it the one observed longest ago is forgotten. */
  readonly capacity: number
}

/** The memory as a checkpoint holds it, problems in the order in which they were last observed, oldest first. */
export interface SuccessMemoryState {
  readonly ids: readonly string[]
  readonly means: Float64Array
  readonly counts: Uint32Array
}

/**
 *   mean <- mean + max(rate, 1 / (count + 2)) (s - mean),  count <- count + 1,  from mean = prior and count = 0
 * for the success rate s of a group: a plain mean with the prior as its first value, until 1 / (count + 2) falls below the rate;
 * from then on an exponential mean, since the policy changes.
 */
export class SuccessMemory {
  readonly #options: SuccessMemoryOptions
  /** A Map keeps the order of insertion: the first entry is the one observed longest ago. */
  #estimates = new Map<string, SuccessEstimate>()

  constructor(options: SuccessMemoryOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#estimates.size
  }

  /** The estimate of a problem; the prior with count 0 when it is not remembered. */
  estimate(id: string): SuccessEstimate {
    return this.#estimates.get(id) ?? { mean: this.#options.prior, count: 0 }
  }

  /** @param successRate of a group of responses; brought into [0, 1] */
  observe(id: string, successRate: number): void {
    const { rate, capacity } = this.#options
    const { mean, count } = this.estimate(id)
    const seen = Math.min(1, Math.max(0, successRate))
    const weight = Math.max(rate, 1 / (count + 2))
    this.#estimates.delete(id)
    this.#estimates.set(id, { mean: mean + weight * (seen - mean), count: count + 1 })
    if (this.#estimates.size > capacity) this.#estimates.delete(this.#estimates.keys().next().value!)
  }

  state(): SuccessMemoryState {
    const entries = [...this.#estimates.values()]
    return {
      ids: [...this.#estimates.keys()],
      means: Float64Array.from(entries, ({ mean }) => mean),
      counts: Uint32Array.from(entries, ({ count }) => count),
    }
  }

  /** @throws CheckpointError when it is not the state of a memory */
  restore(state: unknown): void {
    const { ids, means, counts } = (typeof state === "object" && state !== null ? state : {}) as Partial<SuccessMemoryState>
    if (
      !Array.isArray(ids) ||
      !(means instanceof Float64Array) ||
      !(counts instanceof Uint32Array) ||
      ids.length !== means.length ||
      ids.length !== counts.length
    ) {
      throw new CheckpointError(
        "curriculum: expected a saved memory of success rates, got something else. Resume from another checkpoint.",
      )
    }
    this.#estimates = new Map(ids.map((id: string, i) => [id, { mean: means[i]!, count: counts[i]! }]))
  }
}
