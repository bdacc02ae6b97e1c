/** Task, tokenizer and running engine of a config. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { Engine } from "../engine/engine.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { createEmbeddedEngine, openConfiguredTask, planPolicy } from "./policy.ts"
import { createServerEngine, planServerPolicy } from "./server-policy.ts"

export interface OpenPolicy {
  /** The caller closes it. */
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  /** Tokens that end a response. */
  readonly eosTokens: readonly number[]
  /** How the model's makers advise to sample from it. */
  readonly generation: GenerationDefaults
}

/**
 * Opens the task, reads or makes the model, starts the engine; the kind of the engine decides whether the weights are here.
 * @param given  the task; that of the config when absent
 * @throws ConfigError, CheckpointError, DataError  when one of them cannot be used
 */
export async function openPolicy(config: ResolvedConfig, given?: Task): Promise<OpenPolicy> {
  const task = given ?? (await openConfiguredTask(config))
  if (config.engine.kind === "tinker") {
    const plan = await planServerPolicy(config, task)
    const { tokenizer, eosTokens } = plan
    return { engine: await createServerEngine(config, plan), tokenizer, task, eosTokens, generation: { eosTokens } }
  }
  const plan = await planPolicy(config, task)
  const engine = await createEmbeddedEngine(config, plan)
  return { engine, tokenizer: plan.tokenizer, task, eosTokens: plan.eosTokens, generation: plan.generation }
}
