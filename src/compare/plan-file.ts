/** plan.json: what the folder of a comparison holds. A later command may add arms and seeds to it, and change none. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { configChanges, parseConfig, withFormerSettings, type ResolvedConfig } from "../config/index.ts"
import { ConfigError, DataError, type ConfigIssue } from "../errors.ts"
import { writeFileAtomic } from "../runs/index.ts"
import { armNameForm } from "./arms.ts"
import { settingAt, type ComparisonPlan } from "./plan.ts"
import { definitions } from "./statistics.ts"

export interface SavedArm {
  readonly name: string
  readonly overrides: readonly string[]
  readonly changes: Readonly<Record<string, unknown>>
}

export interface SavedPlan {
  readonly format: 1
  /** Version of pirl that wrote it last. */
  readonly pirl: string
  readonly node: string
  /** The command lines that made it, each once, in their order; absent in plans of versions that did not keep them. */
  readonly commands?: readonly string[]
  readonly definitions: Readonly<Record<string, string>>
  readonly seeds: readonly number[]
  readonly arms: readonly SavedArm[]
  readonly config: ResolvedConfig
}

const fileName = "plan.json"
/** Settings that decide neither what is learnt nor what is measured. */
const free = ["seed", "checkpoint", "logging"]

/** @throws DataError  when there is none or it cannot be read */
export function readPlanFile(directory: string): SavedPlan {
  const path = join(directory, fileName)
  if (!existsSync(path)) throw new DataError(`compare ${directory}: expected the folder of a comparison, got none (no ${fileName}). Check the path.`)
  try {
    const saved: unknown = JSON.parse(readFileSync(path, "utf8"))
    if (!isPlan(saved)) throw new Error("another format")
    // Arms and seeds name folders: no path may hide in them.
    const strange = [...saved.arms.map(({ name }) => name).filter((name) => !armNameForm.test(name)), ...saved.seeds.filter((seed) => !Number.isInteger(seed))]
    if (strange.length > 0) throw new Error(`an arm or a seed named ${JSON.stringify(strange[0])}`)
    return { ...saved, config: wholeConfig(saved.config) }
  } catch (cause) {
    throw new DataError(`${path}: expected the plan of a comparison, got ${cause instanceof Error ? cause.message : String(cause)}. Choose another folder.`, { cause })
  }
}

function isPlan(value: unknown): value is SavedPlan {
  const { format, arms, seeds, config } = (value ?? {}) as Partial<SavedPlan>
  const isArm = (arm: Partial<SavedArm> | null): boolean => typeof arm?.name === "string" && Array.isArray(arm.overrides) && typeof arm.changes === "object" && arm.changes !== null
  return format === 1 && Array.isArray(arms) && arms.every(isArm) && Array.isArray(seeds) && typeof config?.rollout === "object" && config.rollout !== null
}

/** Names of the arms that a folder has already; none where there is no comparison. @throws DataError  when its plan cannot be read */
export function armsIn(directory: string): string[] {
  return existsSync(join(directory, fileName)) ? readPlanFile(directory).arms.map(({ name }) => name) : []
}

/** The config without any arm that a folder has already; undefined where there is no comparison. @throws DataError  when its plan cannot be read */
export function plannedConfig(directory: string): ResolvedConfig | undefined {
  return existsSync(join(directory, fileName)) ? readPlanFile(directory).config : undefined
}

/**
 * Joins a plan with the one that the folder has, and writes it.
 * @param version  of pirl
 * @param command  command line that asks for it; undefined where none did
 * @returns all arms and seeds of the folder, those of earlier commands first
 * @throws ConfigError  when an arm of the folder would change its meaning
 */
export function writePlanFile(directory: string, plan: ComparisonPlan, version: string, command?: string): SavedPlan {
  const before = existsSync(join(directory, fileName)) ? readPlanFile(directory) : undefined
  const now = plan.arms.map(({ name, overrides, changes }): SavedArm => ({ name, overrides, changes: withoutFree(changes) }))
  if (before !== undefined) {
    const issues = planIssues(before, plan.config, now, directory)
    if (issues.length > 0) throw new ConfigError(issues)
  }
  const known = before?.arms ?? []
  const commands = [...new Set([...(before?.commands ?? []), ...(command === undefined ? [] : [command])])]
  const saved: SavedPlan = {
    format: 1,
    pirl: version,
    node: process.version,
    ...(commands.length === 0 ? {} : { commands }),
    definitions,
    seeds: [...new Set([...(before?.seeds ?? []), ...plan.seeds])].sort((a, b) => a - b),
    arms: [...known, ...now.filter(({ name }) => known.every((arm) => arm.name !== name))],
    config: before?.config ?? plan.config,
  }
  writeFileAtomic(join(directory, fileName), `${JSON.stringify(saved, null, 2)}\n`)
  return saved
}

function isFree(path: string): boolean {
  return free.some((name) => path === name || path.startsWith(`${name}.`))
}

function withoutFree(changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(changes).filter(([path]) => !isFree(path)))
}

/** The config of a plan that an earlier version may have written, with the defaults of settings that came since. */
function wholeConfig(config: ResolvedConfig): ResolvedConfig {
  try {
    return parseConfig(withFormerSettings(config))
  } catch {
    // A setting that is gone or means something else now: the comparison with the new config names it.
    return config
  }
}

function planIssues(before: SavedPlan, config: ResolvedConfig, arms: readonly SavedArm[], directory: string): ConfigIssue[] {
  const changed = configChanges(before.config, config).filter((path) => !isFree(path))
  const shown = (value: ResolvedConfig, path: string): string => JSON.stringify(settingAt(value, path.split("."))) ?? "nothing"
  const issues: ConfigIssue[] = changed.map((path) => ({
    path,
    message: `expected ${shown(before.config, path)} as in the comparison in ${directory}, got ${shown(config, path)}. Set it back, or choose another folder by --out DIR.`,
  }))
  for (const arm of arms) {
    const old = before.arms.find(({ name }) => name.toLowerCase() === arm.name.toLowerCase())
    if (old === undefined) continue
    if (old.name === arm.name && sorted(old.changes) === sorted(arm.changes)) continue
    issues.push({ path: "", message: `arm ${arm.name}: expected the arm ${old.name} of ${directory} (${describe(old)}), got another (${describe(arm)}). Give it another name, or choose another folder by --out DIR.` })
  }
  return issues
}

function sorted(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(changes).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function describe({ changes }: SavedArm): string {
  const parts = Object.entries(changes).map(([path, value]) => `${path}=${JSON.stringify(value)}`)
  return parts.length === 0 ? "the config itself" : parts.join(", ")
}
