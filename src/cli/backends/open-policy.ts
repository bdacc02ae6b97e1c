/** Task, tokenizer and running engine of a config, or of a model that is on disk. */
import type { ResolvedConfig } from "../../config/index.ts"
import type { Task } from "../../data/task.ts"
import type { Engine } from "../../engine/engine.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import { createEngine, openConfiguredTask, planPolicy } from "../../trainer/policy.ts"
import type { ModelSource } from "../model-source.ts"

export interface OpenPolicy {
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly eosTokens: readonly number[]
}

/** @param given  the task; that of the config when absent */
export async function openPolicy(config: ResolvedConfig, given?: Task): Promise<OpenPolicy> {
  const task = given ?? (await openConfiguredTask(config))
  const plan = await planPolicy(config, task)
  const engine = await createEngine(config, plan)
  return { engine, tokenizer: plan.tokenizer, task, eosTokens: plan.eosTokens }
}

/** A saved policy on the task of `config`. A checkpoint of adapters needs the model that they belong to. */
export async function openSaved(model: ModelSource, config: ResolvedConfig, given?: Task): Promise<OpenPolicy> {
  if (model.config?.lora.enabled === true) {
    const policy = await openPolicy(config, given)
    await policy.engine.load(model.directory)
    return policy
  }
  const { preset: _preset, tokenizer: _tokenizer, alphabet: _alphabet, ...rest } = config.model
  return openPolicy({ ...config, model: { ...rest, path: model.directory }, lora: { ...config.lora, enabled: false } }, given)
}
