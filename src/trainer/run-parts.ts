/** What the training loop is made of, put together once from a config. */
import { defaultImportanceMaximum, type ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import type { HeldOutContext } from "../evaluation/held-out.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { AdvantageEstimator, Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"
import { samplingOf, type RolloutContext } from "../rollout/rollout.ts"
import { RolloutStage } from "../rollout/rollout-stage.ts"
import { checkEngine, freezeOf } from "./engine-checks.ts"
import type { GreedyContext } from "./greedy-baseline.ts"
import { createAdvantageOf } from "./objective-parts.ts"
import { RolloutFeed, type Overlap } from "./rollout-feed.ts"
import { aggregator, createObjectiveOf, createRule, criticized } from "./rule.ts"
import type { ScoringNeeds } from "./score-batch.ts"

/** Deadline of verifiers that answer later. */
export const VERIFIER_TIMEOUT_MS = 30_000

/** The policy and task of a run, and what may take the place of the config's own objective and rule. */
export interface RunInputs {
  readonly config: ResolvedConfig
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly eosTokens: readonly number[]
  /** The objective; the one that the config names when absent. Advantages and aggregation stay the config's. */
  readonly objective?: Objective
  /** The update rule; from the config and the objective when absent. */
  readonly rule?: UpdateRule
  /** Once aborted, what can be given up is: verdicts are not waited for any more. */
  readonly stop?: AbortSignal | undefined
}

export interface RunParts {
  readonly config: ResolvedConfig
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly rule: UpdateRule
  readonly estimator: AdvantageEstimator
  /** Weights of the tokens of an optimiser batch. */
  readonly aggregate: (masks: readonly Float32Array[]) => Float32Array[]
  /** What a step learns from: prompts, responses, verdicts, shaped rewards. */
  readonly rollouts: RolloutFeed
  /** How greedy responses are sampled and rewarded, for advantages that compare with them. */
  readonly greedy: GreedyContext
  readonly heldOut: HeldOutContext
  /** What the objective and the advantage want to know of a batch. */
  readonly scoring: ScoringNeeds
  /** Responses without advantage contribute nothing to any update of the rule. */
  readonly leavesOutSilent: boolean
  /** The objective compares with a reference policy, token by token or over the vocabulary. */
  readonly needsReference: boolean
}

export function runParts(inputs: RunInputs): RunParts {
  const { config, engine, tokenizer, task, eosTokens } = inputs
  const { maxResponseTokens, stopStrings, groupSize, precision } = config.rollout
  const objective = criticized(config, inputs.objective ?? createObjectiveOf(config))
  const estimator = createAdvantageOf(config)
  const scoring = scoringNeeds(config, objective, estimator)
  checkEngine(engine, objective)
  const rule = inputs.rule ?? createRule(config, objective)
  const common = {
    engine,
    tokenizer,
    task,
    promptFormat: config.rollout,
    verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
    signal: inputs.stop,
  }
  const sampling = { ...samplingOf(config.rollout, eosTokens), precision }
  const rollout: RolloutContext = { ...common, sampling, groupSize, rewardNoise: config.rollout.rewardNoise }
  return {
    config,
    engine,
    tokenizer,
    task,
    rule,
    estimator,
    aggregate: aggregator(config),
    rollouts: new RolloutFeed(
      new RolloutStage(rollout, { ...config.rollout, seed: config.seed, smallestGroup: estimator.smallestGroup ?? 1 }),
      overlapOf(inputs, rule),
    ),
    greedy: { rollout, maxResponseTokens, overlong: config.rollout.overlong },
    heldOut: { ...common, eosTokens, stopStrings, maxResponseTokens },
    scoring,
    leavesOutSilent: objective.silentWithoutAdvantage === true,
    needsReference: scoring.reference || objective.needs.includes("fullKl"),
  }
}

function overlapOf({ config, engine }: RunInputs, rule: UpdateRule): Overlap | undefined {
  return config.train.overlap ? { freeze: freezeOf(engine, rule), lastStep: config.train.steps } : undefined
}

/** What the objective and the advantage want to know of a batch. */
export function scoringNeeds({ objective: settings }: ResolvedConfig, objective: Objective, { needs }: AdvantageEstimator): ScoringNeeds {
  const { importanceCorrection: mode, importanceMaximum = defaultImportanceMaximum, importanceMinimum } = settings
  const klInReward = settings.klIn === "reward" && settings.klCoefficient > 0
  return {
    reference: klInReward || objective.needs.includes("reference"),
    values: needs.includes("values"),
    greedy: needs.includes("greedy"),
    rewards: needs.includes("rewards"),
    klInReward,
    correction:
      mode === undefined || mode === "none"
        ? undefined
        : {
            mode,
            ...(importanceMaximum === null ? {} : { maximum: importanceMaximum }),
            ...(importanceMinimum === undefined ? {} : { minimum: importanceMinimum }),
          },
  }
}
