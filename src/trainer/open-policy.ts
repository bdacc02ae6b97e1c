/** Task, tokenizer and running engine of a config. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { MemoryForecast } from "./memory-forecast.ts"
import { checkTokenBudget, settleTokenBudget } from "./token-budget.ts"
import { createEmbeddedEngine, openConfiguredTask, planPolicy } from "./policy.ts"
import { createServerEngine, planServerPolicy } from "./server-policy.ts"

export interface OpenPolicy {
  /** As it was given, with what was decided by the machine: `engine.tokenBudget`. */
  readonly config: ResolvedConfig
  /** The caller closes it. */
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  /** Tokens that end a response. */
  readonly eosTokens: readonly number[]
  /** How the model's makers advise to sample from it. */
  readonly generation: GenerationDefaults
  /** What training is expected to need, where somebody asked. */
  readonly memory?: MemoryForecast
}

/** What is decided and told before a policy is trained. */
export interface BeforeTraining {
  /** Hears, before the weights are read, what training will need; not called for an engine on a server. */
  readonly onMemory: (memory: MemoryForecast) => void
  /** The run goes on: its settings are not questioned any more. */
  readonly resumed: boolean
}

/**
 * Opens the task, reads or makes the model, starts the engine; the kind of the engine decides whether the weights are here.
 * @param given     the task; that of the config when absent
 * @param training  absent where nothing is trained: then nothing is decided about it
 * @throws ConfigError, CheckpointError, DataError  when one of them cannot be used
 */
export async function openPolicy(config: ResolvedConfig, given?: Task, training?: BeforeTraining): Promise<OpenPolicy> {
  const whole = given ?? (await openConfiguredTask(config))
  if (config.engine.kind === "tinker") {
    const plan = await planServerPolicy(config, whole)
    const { tokenizer, eosTokens, task } = plan
    return {
      config,
      engine: await createServerEngine(config, plan),
      tokenizer,
      task,
      eosTokens,
      generation: { eosTokens },
    }
  }
  const plan = await planPolicy(config, whole)
  const { task } = plan
  if (training?.resumed === false) checkTokenBudget(config, plan)
  const settled = training === undefined ? undefined : settleTokenBudget(config, plan)
  if (settled !== undefined) training?.onMemory(settled.memory)
  const engine = await createEmbeddedEngine(settled?.config ?? config, plan)
  return {
    config: settled?.config ?? config,
    engine,
    tokenizer: plan.tokenizer,
    task,
    eosTokens: plan.eosTokens,
    generation: plan.generation,
    ...(settled === undefined ? {} : { memory: settled.memory }),
  }
}
