/** Task, tokenizer and running engine of a model that is on disk. */
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { openPolicy, type OpenPolicy } from "./open-policy.ts"
import type { ModelSource } from "./model-source.ts"

/** A saved policy on the task of `config`. A checkpoint of adapters needs the model that they belong to, one on a server the server. */
export async function openSaved(model: ModelSource, config: ResolvedConfig, given?: Task): Promise<OpenPolicy> {
  if (model.config?.lora.enabled === true || model.config?.engine.kind === "tinker") {
    const policy = await openPolicy(config, given)
    await policy.engine.load(model.path)
    return policy
  }
  const { dtype, base } = config.model
  // A checkpoint is a whole model, whatever its run started from.
  const adapterBase = model.config !== undefined || base === undefined ? {} : { base }
  return openPolicy({ ...config, model: { path: model.path, dtype, ...adapterBase }, lora: { ...config.lora, enabled: false } }, given)
}
