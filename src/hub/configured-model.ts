/** The saved model that a config names, on disk. */
import { resumeIssues, type ModelSettings, type ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { fetchHubModel, type HubModel } from "./fetch-model.ts"
import type { HubOptions } from "./fetch-files.ts"

type HubSettings = ModelSettings & { readonly hub: string }

function fromHub(settings: ModelSettings): settings is HubSettings {
  return settings.hub !== undefined
}

function fetchSettings({ hub, revision, commit, file }: HubSettings, weights: boolean, options: HubOptions): Promise<HubModel> {
  return fetchHubModel({ name: hub, revision: commit ?? revision, file, weights }, options)
}

/**
 * Path of `model.path`, or of what `model.hub` names; with a commit whose files are there nothing is asked of the network.
 * @param weights  false for config and tokenizer alone
 * @returns undefined for a preset
 * @throws as `fetchHubModel`
 */
export async function savedModelPath(settings: ModelSettings, weights: boolean = true, options: HubOptions = {}): Promise<string | undefined> {
  return fromHub(settings) ? (await fetchSettings(settings, weights, options)).path : settings.path
}

/**
 * Fetches the model of a config, unless it is none of the hub, and writes down which commit it is.
 * @param before  config of the run that is resumed: its commit holds, whatever the revision is by now
 * @throws ConfigError  when the config differs from that of the run in a setting that must stay, and as `fetchHubModel`
 */
export async function fetchConfiguredModel(config: ResolvedConfig, before?: ResolvedConfig, options: HubOptions = {}): Promise<ResolvedConfig> {
  const { model, engine } = config
  if (!fromHub(model)) return config
  const commit = model.commit ?? before?.model.commit
  const pinned: HubSettings = commit === undefined ? model : { ...model, commit }
  // Nothing is fetched for a run that cannot go on so.
  const issues = before === undefined ? [] : resumeIssues(before, { ...config, model: pinned })
  if (issues.length > 0) throw new ConfigError(issues)
  // The server has the weights.
  const fetched = await fetchSettings(pinned, engine.kind !== "tinker", options)
  return { ...config, model: { ...pinned, commit: fetched.commit } }
}
