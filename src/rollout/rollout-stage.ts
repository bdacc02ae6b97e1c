/**
 * The first half of a training step: choose prompts, sample and verify, drop and replace groups that say nothing, shape the
 * rewards. Each part adds to the record of the one before and changes nothing in it.
 */
import type { CurriculumSettings, DynamicSamplingSettings, OverlongSettings } from "../config/index.ts"
import { byGroup, carriesSignal, successRate } from "./group-filter.ts"
import { PromptSource, type SelectedPrompt } from "./prompt-source.ts"
import { isTruncated, overlongReward } from "./reward-shaping.ts"
import { collectRollouts, type ResponseSource, type Rollout, type RolloutContext } from "./rollout.ts"
import { shapingMetrics } from "./shaping-metrics.ts"

/** A rollout as training sees it. `verdict.reward` stays what the verifier said. */
export interface StepRollout extends Rollout {
  /** What advantages are computed from: the verifier's reward and the overlong penalty. */
  readonly trainingReward: number
  /** Has no part in the loss; its reward still counts among those of its group. */
  readonly masked: boolean
  /** Its prompt was drawn without preference: the mean reward of the step is over these. */
  readonly representative: boolean
  /** Its group is trained on. */
  readonly trained: boolean
}

export interface StepRollouts {
  /** All that were sampled, in order; those of groups that were dropped included. */
  readonly rollouts: readonly StepRollout[]
  /** Of what the settings make of the rollouts. */
  readonly metrics: Readonly<Record<string, number>>
  readonly sampleSeconds: number
  readonly verifySeconds: number
}

export interface RolloutStageOptions {
  readonly seed: number
  readonly promptsPerStep: number
  readonly maxResponseTokens: number
  readonly dynamicSampling: DynamicSamplingSettings
  readonly overlong: OverlongSettings
  readonly maskTruncated: boolean
  readonly curriculum: CurriculumSettings
  /** Judged responses that a group must have to be trained on. */
  readonly smallestGroup: number
}

/** What the rounds of a step have sampled, before any reward is shaped. */
export interface Sampled {
  /** By group. */
  readonly prompts: readonly SelectedPrompt[]
  readonly rollouts: readonly Rollout[]
  /** Groups that are trained on. */
  readonly kept: ReadonlySet<number>
  readonly rounds: number
  readonly sampleSeconds: number
  readonly verifySeconds: number
}

export class RolloutStage {
  readonly #context: RolloutContext
  readonly #options: RolloutStageOptions
  readonly #source: PromptSource

  constructor(context: RolloutContext, options: RolloutStageOptions) {
    this.#context = context
    this.#options = options
    const { curriculum } = options
    this.#source = new PromptSource(context.task, options.seed, curriculum.enabled ? curriculum : undefined)
  }

  /**
   * The rollouts of a step. A step's prompts follow on those of the step before: call it once for each, in order.
   * @param source  what samples them; the engine's current policy when absent
   */
  async collect(step: number, source: ResponseSource = this.#context.engine): Promise<StepRollouts> {
    const sampled = await this.#sample(step, { ...this.#context, engine: source })
    this.#source.observe(successRates(sampled))
    const rollouts = shaped(sampled, this.#options)
    const metrics = shapingMetrics(sampled, rollouts, { ...this.#options, remembered: this.#source.remembered })
    return { rollouts, metrics, sampleSeconds: sampled.sampleSeconds, verifySeconds: sampled.verifySeconds }
  }

  /** Place in the training data, and what the curriculum knows: JSON values and typed arrays. */
  state(): unknown {
    return this.#source.state()
  }

  /** @throws CheckpointError when it is not the state of a stage with these settings */
  restore(state: unknown): void {
    this.#source.restore(state)
  }

  /** Samples until there are enough groups to train on, or the rounds are used up. */
  async #sample(step: number, context: RolloutContext): Promise<Sampled> {
    const { seed, promptsPerStep, dynamicSampling, maskTruncated, smallestGroup } = this.#options
    const rounds = dynamicSampling.enabled ? dynamicSampling.maxRounds : 1
    const counts = (rollout: Rollout): boolean => !(maskTruncated && isTruncated(rollout))
    const isKept = (group: readonly Rollout[]): boolean =>
      group.filter(({ failed }) => !failed).length >= smallestGroup && (!dynamicSampling.enabled || carriesSignal(group, counts))
    let sampled: Sampled = { prompts: [], rollouts: [], kept: new Set(), rounds: 0, sampleSeconds: 0, verifySeconds: 0 }
    while (sampled.rounds < rounds && sampled.kept.size < promptsPerStep) {
      const round = sampled.rounds + 1
      const prompts = this.#source.select(promptsPerStep - sampled.kept.size, step, round)
      const problems = prompts.map(({ problem }) => problem)
      const batch = await collectRollouts(context, problems, seed, step, sampled.prompts.length)
      const kept = byGroup(batch.rollouts).filter(isKept).map((group) => group[0]!.group)
      sampled = {
        prompts: [...sampled.prompts, ...prompts],
        rollouts: [...sampled.rollouts, ...batch.rollouts],
        kept: new Set([...sampled.kept, ...kept]),
        rounds: round,
        sampleSeconds: sampled.sampleSeconds + batch.sampleSeconds,
        verifySeconds: sampled.verifySeconds + batch.verifySeconds,
      }
    }
    return sampled
  }
}

function shaped({ rollouts, prompts, kept }: Sampled, options: RolloutStageOptions): StepRollout[] {
  const { maxResponseTokens, overlong, maskTruncated, curriculum } = options
  // Without a uniform part there is only the mean of all.
  const everyPrompt = !curriculum.enabled || curriculum.uniformShare === 0
  return rollouts.map((rollout): StepRollout => ({
    ...rollout,
    trainingReward: rollout.verdict.reward + overlongReward(rollout.sequence.tokens.length, maxResponseTokens, overlong),
    masked: maskTruncated && isTruncated(rollout),
    representative: everyPrompt || prompts[rollout.group]!.uniform,
    trained: kept.has(rollout.group),
  }))
}

function successRates({ rollouts, prompts }: Sampled): { id: string; successRate: number }[] {
  return byGroup(rollouts.filter(({ failed }) => !failed)).map((group) => ({
    id: prompts[group[0]!.group]!.problem.id,
    successRate: successRate(group),
  }))
}
