/**
 * Rollouts step by step: sampled when a step asks for them, or with overlap ahead of it, by the policy of before the update that runs
 * meanwhile. At most one batch is under way.
 */
import type { FrozenPolicy } from "../engine/engine.ts"
import { CheckpointError } from "../errors.ts"
import type { RolloutStage, StepRollouts } from "../rollout/rollout-stage.ts"

/** Rollouts of a step; with overlap also by how many updates their policy is older than the current one. */
export type FedRollouts = StepRollouts & { readonly offPolicySteps?: number }

export interface Overlap {
  /** The current policy as it is now. */
  readonly freeze: () => Promise<FrozenPolicy>
  /** Nothing is sampled for steps after it. */
  readonly lastStep: number
}

/** A batch that was sampled ahead, as a checkpoint holds it. */
export interface AheadState {
  readonly step: number
  readonly rollouts: StepRollouts
}

interface UnderWay {
  readonly step: number
  readonly rollouts: Promise<StepRollouts>
  readonly stop: AbortController
}

export class RolloutFeed {
  readonly #stage: RolloutStage
  readonly #overlap: Overlap | undefined
  #ahead: UnderWay | undefined

  /** @param overlap  undefined: every batch is sampled when it is asked for */
  constructor(stage: RolloutStage, overlap?: Overlap) {
    this.#stage = stage
    this.#overlap = overlap
  }

  /** The rollouts of a step, once for each, in order. With overlap those of the next step are under way when it returns. */
  async collect(step: number): Promise<FedRollouts> {
    if (this.#overlap === undefined) return this.#stage.collect(step)
    const ahead = this.#ahead
    const rollouts = await (ahead?.rollouts ?? this.#stage.collect(step))
    this.#ahead = step < this.#overlap.lastStep ? await this.#begin(step + 1, this.#overlap) : undefined
    return { ...rollouts, offPolicySteps: ahead === undefined ? 0 : 1 }
  }

  async #begin(step: number, { freeze }: Overlap): Promise<UnderWay> {
    const policy = await freeze()
    const stop = new AbortController()
    const rollouts = this.#stage.collect(step, { sample: (requests) => policy.sample(requests, stop.signal) }).finally(() => policy.release())
    // It is thrown where the batch is asked for; until then nobody may be listening.
    rollouts.catch(() => undefined)
    return { step, rollouts, stop }
  }

  /** Place in the training data, and what the curriculum knows. Nothing may be under way: `ahead` comes first. */
  state(): unknown {
    return this.#stage.state()
  }

  /** Waits for the batch that is under way. @returns it for a checkpoint; undefined when there is none */
  async ahead(): Promise<AheadState | undefined> {
    if (this.#ahead === undefined) return undefined
    return { step: this.#ahead.step, rollouts: withoutRows(await this.#ahead.rollouts) }
  }

  /**
   * @param state  of the stage
   * @param ahead  what `ahead` gave; undefined when nothing was under way
   * @throws CheckpointError when they are something else, or the batch is not that of the step after `step`
   */
  restore(step: number, state: unknown, ahead: unknown): void {
    this.#stage.restore(state)
    if (ahead === undefined) return
    if (!isAhead(ahead) || ahead.step !== step + 1) {
      throw new CheckpointError(`rollouts: expected the batch of step ${step + 1}, sampled ahead, got something else. Resume from another checkpoint.`)
    }
    this.#ahead = { step: ahead.step, rollouts: Promise.resolve(ahead.rollouts), stop: new AbortController() }
  }

  /** Gives up what is under way, and waits until it has ended. */
  async abandon(): Promise<void> {
    const ahead = this.#ahead
    this.#ahead = undefined
    ahead?.stop.abort()
    await ahead?.rollouts.catch(() => undefined)
  }
}

/** Rows of the data set were read by the verifier and may hold anything; nobody reads them again. */
function withoutRows(batch: StepRollouts): StepRollouts {
  const rollouts = batch.rollouts.map((rollout) => {
    const { row: _row, ...problem } = rollout.problem
    return { ...rollout, problem }
  })
  return { ...batch, rollouts }
}

function isAhead(value: unknown): value is AheadState {
  const { step, rollouts } = (typeof value === "object" && value !== null ? value : {}) as Partial<AheadState>
  return typeof step === "number" && Array.isArray(rollouts?.rollouts) && rollouts.rollouts.every(({ sequence, verdict }) => sequence !== undefined && verdict !== undefined)
}
