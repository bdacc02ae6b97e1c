/**
 * Configs that earlier runs saved. A saved config is whole, but for settings that pirl did not have then; and what a person left to
 * the defaults stays what it was when the run began.
 */
import { isSection } from "./parse.ts"
import type { ResolvedConfig } from "./schema.ts"

type Raw = Readonly<Record<string, unknown>>

/** What runs did before the setting existed, where the default is something else. */
const former: readonly (readonly [section: string, key: string, value: unknown])[] = [
  ["optimizer", "warmupSteps", 0],
  ["pipo", "duringWarmup", "judge"],
  // Texts were bare text, whatever the tokenizer had.
  ["rollout", "chatTemplate", false],
  ["engine", "headChunk", 16_384],
  ["engine", "tokenBudget", 2048],
  ["train", "skipWithoutAdvantage", "never"],
]

/** The value of a config that a run or a comparison saved, with what it did before a setting existed. */
export function withFormerSettings(saved: unknown): unknown {
  return former.reduce<unknown>((config, [section, key, value]) => withDefault(config, section, key, value), saved)
}

/**
 * The value of a config that a run goes on with: where it leaves a setting to a default that depends on other settings or has
 * changed since, that of the run holds.
 */
export function withSettingsOf(saved: ResolvedConfig, value: unknown): unknown {
  return former.reduce<unknown>((config, [section, key]) => {
    const settings: unknown = Object.entries(saved).find(([name]) => name === section)?.[1]
    return isSection(settings) ? withDefault(config, section, key, settings[key]) : config
  }, withoutAutomaticBudget(value))
}

/** A token budget that is asked for as "auto" was decided when the run began. */
function withoutAutomaticBudget(config: unknown): unknown {
  if (!isSection(config) || !isSection(config["engine"]) || config["engine"]["tokenBudget"] !== "auto") return config
  const { tokenBudget: _, ...engine } = config["engine"]
  return { ...config, engine } satisfies Raw
}

function withDefault(config: unknown, section: string, key: string, value: unknown): unknown {
  if (!isSection(config)) return config
  const settings = config[section] ?? {}
  // What is no section is for the checks to find.
  if (!isSection(settings) || (settings[key] ?? undefined) !== undefined) return config
  return { ...config, [section]: { ...settings, [key]: value } } satisfies Raw
}
