/** What the training loop is made of, put together once from a config. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import type { HeldOutContext } from "../evaluation/held-out.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { AdvantageEstimator, Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"
import { RolloutStage } from "../rollout/rollout-stage.ts"
import { aggregator, createAdvantageOf, createObjectiveOf, createRule } from "./rule.ts"

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
}

export interface RunParts {
  readonly config: ResolvedConfig
  readonly engine: Engine
  readonly task: Task
  readonly rule: UpdateRule
  readonly estimator: AdvantageEstimator
  /** Weights of the tokens of an optimiser batch. */
  readonly aggregate: (masks: readonly Float32Array[]) => Float32Array[]
  /** What a step learns from: prompts, responses, verdicts, shaped rewards. */
  readonly rollouts: RolloutStage
  readonly heldOut: HeldOutContext
  /** The objective compares with the policy that the run started from. */
  readonly needsReference: boolean
}

export function runParts(inputs: RunInputs): RunParts {
  const { config, engine, tokenizer, task, eosTokens } = inputs
  const { maxResponseTokens, temperature, topK, topP, minP, stopStrings, groupSize } = config.rollout
  const objective = inputs.objective ?? createObjectiveOf(config)
  const common = { engine, tokenizer, task, verifierTimeoutMs: VERIFIER_TIMEOUT_MS }
  const estimator = createAdvantageOf(config)
  const sampling = { temperature, topK, topP, minP, maxTokens: maxResponseTokens, stopTokens: eosTokens, stopStrings }
  return {
    config,
    engine,
    task,
    rule: inputs.rule ?? createRule(config, objective),
    estimator,
    aggregate: aggregator(config),
    rollouts: new RolloutStage(
      { ...common, sampling, groupSize, rewardNoise: config.rollout.rewardNoise },
      { ...config.rollout, seed: config.seed, smallestGroup: estimator.smallestGroup ?? 1 },
    ),
    heldOut: { ...common, eosTokens, stopStrings, maxResponseTokens },
    needsReference: objective.needs.includes("reference"),
  }
}
