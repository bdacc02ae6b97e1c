/** What the training loop is made of, put together once from a config. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import { ConfigError } from "../errors.ts"
import type { HeldOutContext } from "../evaluation/held-out.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { AdvantageEstimator, Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"
import type { RolloutContext } from "../rollout/rollout.ts"
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
  readonly rollout: RolloutContext
  readonly heldOut: HeldOutContext
  /** The objective compares with the policy that the run started from. */
  readonly needsReference: boolean
}

/** @throws ConfigError when the engine cannot give what the objective reads */
function checkObjective({ name, needs }: Objective, { capabilities }: Engine): void {
  if (!needs.includes("entropy") || capabilities.entropy) return
  const message = `${name}: expected an engine that gives entropies, got ${capabilities.name}, which gives log-probs of single tokens. Leave the entropy out, or use engine.kind: onnx.`
  throw new ConfigError([{ path: "objective", message }])
}

export function runParts(inputs: RunInputs): RunParts {
  const { config, engine, tokenizer, task, eosTokens } = inputs
  const { maxResponseTokens, temperature, topK, topP, minP, stopStrings, groupSize } = config.rollout
  const objective = inputs.objective ?? createObjectiveOf(config)
  checkObjective(objective, engine)
  const common = { engine, tokenizer, task, verifierTimeoutMs: VERIFIER_TIMEOUT_MS }
  const sampling = { temperature, topK, topP, minP, maxTokens: maxResponseTokens, stopTokens: eosTokens, stopStrings }
  return {
    config,
    engine,
    task,
    rule: inputs.rule ?? createRule(config, objective),
    estimator: createAdvantageOf(config),
    aggregate: aggregator(config),
    rollout: { ...common, sampling, groupSize },
    heldOut: { ...common, eosTokens, stopStrings, maxResponseTokens },
    needsReference: objective.needs.includes("reference"),
  }
}
