/** Models that a command or a config names, fetched from the hub where that is where they are. */
import type { ResolvedConfig } from "../config/index.ts"
import { fetchConfiguredModel } from "../hub/configured-model.ts"
import type { HubObserver } from "../hub/fetch-files.ts"
import { fetchHubModel } from "../hub/fetch-model.ts"
import { parseHubReference } from "../hub/repository.ts"
import type { CliContext } from "./command.ts"
import { downloadProgress } from "./download-progress.ts"
import { resolveModelSource, type ModelSource } from "../trainer/model-source.ts"

const ARGUMENT = "MODEL_OR_RUN"

async function shown<T>(name: string, context: CliContext, fetch: (observer: HubObserver) => Promise<T>): Promise<T> {
  const progress = downloadProgress(context, name)
  try {
    const result = await fetch(progress)
    progress.done()
    return result
  } finally {
    progress.close()
  }
}

/**
 * The model that an argument means: a path, or `hub:owner/name`, which is fetched unless it is there.
 * @param step  checkpoint of a run; the newest when undefined
 * @throws ConfigError  when there is none, and as `fetchHubModel`
 */
export async function findModel(word: string, step: number | undefined, context: CliContext): Promise<ModelSource> {
  const reference = parseHubReference(word, ARGUMENT)
  const path = reference === undefined ? word : await shown(reference.name, context, (observer) => fetchHubModel({ ...reference, setting: ARGUMENT }, observer).then((model) => model.path))
  const model = resolveModelSource(path, step)
  for (const note of model.notes ?? []) context.err.write(`warning: ${note}\n`)
  // Adapters need the model that they belong to, a run on a server its tokenizer.
  if (model.config?.lora.enabled === true || model.config?.engine.kind === "tinker") await fetchModelOf(model.config, context)
  return model
}

/**
 * The config with its model fetched and the commit of it written down; unchanged when it is none of the hub.
 * @param before  config of the run that is resumed
 */
export async function fetchModelOf(config: ResolvedConfig, context: CliContext, before?: ResolvedConfig): Promise<ResolvedConfig> {
  const { hub } = config.model
  if (hub === undefined) return config
  return await shown(hub, context, (observer) => fetchConfiguredModel(config, before, observer))
}
