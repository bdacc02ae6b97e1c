/** What a comparison is: every arm's config, resolved and checked before anything runs. */
import { configChanges, loadConfigFile, resolveConfigFile, type ConfigCheck, type ResolvedConfig } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { chooseArms, type Arm, type ArmRequest } from "./arms.ts"

/** An arm with what it comes to. */
export interface PlannedArm extends Arm {
  /** Settings in which it differs from the config, by dotted path; null where it takes one away. */
  readonly changes: Readonly<Record<string, unknown>>
  readonly config: ResolvedConfig
}

export interface ComparisonPlan {
  /** The config without any arm. Its seed means nothing: runs have those of the plan. */
  readonly config: ResolvedConfig
  readonly arms: readonly PlannedArm[]
  readonly seeds: readonly number[]
}

export interface PlanRequest {
  readonly configFile: string
  /** `--set` overrides: of every arm. */
  readonly overrides: readonly string[]
  readonly arms: ArmRequest
  readonly seeds: readonly number[]
  /** Engine threads of each run. */
  readonly threads: number
  readonly checks: readonly ConfigCheck[]
}

/** Runs of a comparison keep little, unless the config says otherwise. */
const keepLittle: readonly (readonly [section: string, key: string, value: number])[] = [
  ["checkpoint", "every", 25],
  ["checkpoint", "keep", 1],
  ["logging", "completionsPerStep", 0],
]

/**
 * Resolves every arm.
 * @throws ConfigError  with every problem of config and arms
 */
export function planComparison({ configFile, overrides, arms: request, seeds, threads, checks }: PlanRequest): ComparisonPlan {
  const raw = loadConfigFile(configFile).value
  const little = keepLittle.filter(([section, key]) => settingAt(raw, [section, key]) === undefined).map(([section, key, value]) => `${section}.${key}=${value}`)
  const common = [...little, ...overrides, `engine.threads=${threads}`, "train.runDir="]
  const config = resolveConfigFile(configFile, common, checks)
  const settings = Object.keys((settingAt(raw, ["objective"]) as object | undefined) ?? {})
  const overridden = overrides.flatMap((override) => /^\s*objective\.([^.=\s]+)/.exec(override)?.[1] ?? [])
  const chosen = chooseArms(request, { name: config.objective.name, settings: [...new Set([...settings, ...overridden])] })
  const issues: ConfigIssue[] = []
  const arms = chosen.flatMap((arm): PlannedArm[] => {
    try {
      const resolved = resolveConfigFile(configFile, [...common, ...arm.overrides], checks)
      const paths = configChanges(config, resolved)
      const changes = Object.fromEntries(paths.map((path) => [path, settingAt(resolved, path.split(".")) ?? null]))
      return [{ ...arm, changes, config: resolved }]
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      issues.push(...error.issues.map(({ path, message }) => ({ path: "", message: `arm ${arm.name}: ${path === "" ? "" : `${path}: `}${message}` })))
      return []
    }
  })
  issues.push(...arms.filter(({ changes }) => "seed" in changes).map(({ name }) => ({ path: "", message: `arm ${name}: expected the seed of the comparison, got one of its own. Use --seeds.` })))
  if (issues.length > 0) throw new ConfigError(issues)
  return { config, arms, seeds }
}

export function settingAt(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined
    found = (found as Record<string, unknown>)[key]
  }
  return found
}

/** Groups of arms that are the same run under several names. */
export function equalArms(arms: readonly PlannedArm[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const { name, config } of arms) {
    const key = JSON.stringify(config)
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  return [...groups.values()].filter((names) => names.length > 1)
}
