/**
 * Configs of runs that an older version saved. They lack the settings that came later; where the default of such a
 * setting is not what runs did before, the run goes on as it was.
 */
import { loadConfigFile } from "./load.ts"
import { applyOverrides } from "./overrides.ts"
import { isSection, parseConfig } from "./parse.ts"
import type { ResolvedConfig } from "./schema.ts"

/** A setting that came later: its default, and the value that runs without it had in effect. */
interface LaterSetting {
  readonly path: string
  readonly byDefault: unknown
  readonly before: unknown
}

/** Texts were bare text, whatever the tokenizer had. */
const laterSettings: readonly LaterSetting[] = [{ path: "rollout.chatTemplate", byDefault: "auto", before: false }]

function settingAt(value: unknown, path: string): unknown {
  return path.split(".").reduce((section, key) => (isSection(section) ? section[key] : undefined), value)
}

function asOverride({ path, before }: LaterSetting): string {
  return `${path}=${JSON.stringify(before)}`
}

/** A saved config with what its run did in place of settings that it does not know. */
export function withEarlierBehaviour(saved: unknown): unknown {
  return applyOverrides(saved, laterSettings.filter(({ path }) => settingAt(saved, path) === undefined).map(asOverride))
}

/**
 * The config of a run, as the run was trained.
 * @param file  its config.yaml
 * @throws ConfigError  when the file cannot be read, or a setting is wrong
 */
export function resolveSavedConfig(file: string): ResolvedConfig {
  return parseConfig(withEarlierBehaviour(loadConfigFile(file).value))
}

/**
 * The config to go on with: a setting that the saved config does not know and that nobody changed stays what it was in
 * effect.
 * @param file    config.yaml of the run
 * @param config  what the continuation was asked for
 */
export function continuedConfig(file: string, config: ResolvedConfig): ResolvedConfig {
  const saved = loadConfigFile(file).value
  const kept = laterSettings.filter(
    ({ path, byDefault }) => settingAt(saved, path) === undefined && settingAt(config, path) === byDefault,
  )
  return kept.length === 0 ? config : parseConfig(applyOverrides(config, kept.map(asOverride)))
}
