/** The jobs of a comparison, in the order they are begun: seed by seed, the start before the arms that need it. */
import { join } from "node:path"
import type { ResolvedConfig } from "../config/index.ts"
import type { ComparisonPlan } from "./plan.ts"
import { runDirectory } from "./results.ts"
import { configFromStart, startDirectory, startKey } from "./starts.ts"

export interface StartJob {
  readonly kind: "start"
  /** Shown to a person. */
  readonly name: string
  readonly directory: string
  readonly config: ResolvedConfig
}

export interface RunJob {
  readonly kind: "run"
  readonly name: string
  readonly directory: string
  readonly arm: string
  readonly seed: number
  /** Folder of the start that it needs; undefined when the config has no warm start. */
  readonly start: string | undefined
  /** Key of that start. */
  readonly startKey: string
  /** Of the arm, warm start and all. */
  readonly config: ResolvedConfig
}

export type Job = StartJob | RunJob

/** Every job of a plan. @param shared  folder of starts, where comparisons share one; `starts` in the comparison's own when absent */
export function jobsOf(plan: ComparisonPlan, out: string, shared?: string): Job[] {
  const mainKey = startKey(plan.config)
  return plan.seeds.flatMap((seed) => {
    const starts = new Map<string, StartJob>()
    const runs = plan.arms.map((arm): RunJob => {
      const config = { ...arm.config, seed }
      const key = startKey(config)
      const directory = shared === undefined ? startDirectory(join(out, "starts"), seed, key, mainKey) : startDirectory(shared, seed, key, undefined)
      const needed = config.warmStart.enabled
      if (needed && !starts.has(directory)) {
        const name = `start of seed ${seed}${key === mainKey ? "" : ` for ${arm.name}`}`
        starts.set(directory, { kind: "start", name, directory, config })
      }
      const run = { arm: arm.name, seed }
      return { kind: "run", name: `${arm.name} seed ${seed}`, directory: runDirectory(out, run), ...run, start: needed ? directory : undefined, startKey: key, config }
    })
    return [...starts.values(), ...runs]
  })
}

/** What a worker trains for a run, once its start is there. */
export function runConfig({ start, config }: RunJob): ResolvedConfig {
  return start === undefined ? config : configFromStart(config, start)
}
