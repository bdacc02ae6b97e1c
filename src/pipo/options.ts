/** Settings of PIPO, named as in the config, and its presets. */
import { defaults } from "../config/defaults.ts"
import { pipoPresets } from "../config/pipo-settings.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import type { ObjectiveTerm } from "../objectives/batch-objective.ts"
import type { GateKind } from "./gate.ts"
import type { Deviation } from "./signal.ts"
import type { WindowConvention } from "./window.ts"

export interface PipoOptions {
  /** K: means in the window. Default 8. */
  readonly window?: number
  /** Default "paper". */
  readonly windowConvention?: WindowConvention
  /** Default "sample". */
  readonly sigma?: Deviation
  /**
   * "sampled": mean reward of all rollouts (default). "trained": of the groups that are trained on, which after dynamic sampling
   * stays near one half whatever the policy does; only to reproduce the published code.
   */
  readonly mu?: "sampled" | "trained"
  /** No verification before min(minSteps, window) means are known. Default 8. */
  readonly minSteps?: number
  /** No verification while |xi| is at or below this. Default 0. */
  readonly threshold?: number
  /** Iterations over which the learning rate rises: the window opens with the first update at the full rate. Default 0. */
  readonly warmupSteps?: number
  /** Verify on steps that are a multiple of this. Default 1. */
  readonly everyN?: number
  /** Default "leaky". */
  readonly gate?: GateKind
  /** Weight of suppression (xi < 0). Default 0.1. */
  readonly lambda?: number
  /** What lambda and |xi| scale. Default "gradient". */
  readonly scales?: "gradient" | "step"
  /** Largest learning-rate factor under `scales: "step"`. Default 2. */
  readonly stepCap?: number
  /** Loss of the verification update: the base objective's own expression (default), or the published code's. */
  readonly surrogate?: "base" | "reference-code"
  /** Terms of the base objective that the verification update keeps. Default none. */
  readonly keepTerms?: readonly ObjectiveTerm[]
}

export type PipoSettings = Required<PipoOptions>

const { threshold, everyN, stepCap, keepTerms } = defaults.pipo

/** The preset `paper`: what holds where nothing is said. */
export const pipoDefaults: PipoSettings = { ...pipoPresets.paper, threshold, everyN, stepCap, keepTerms, warmupSteps: 0 }

/** Every problem of the settings; paths below `pipo`. */
export function pipoIssues(options: PipoOptions): ConfigIssue[] {
  const settings = { ...pipoDefaults, ...options }
  const issues: ConfigIssue[] = []
  const check = (option: keyof PipoOptions, holds: boolean, expected: string): void => {
    if (!holds)
      issues.push({
        path: `pipo.${option}`,
        message: `pipo: expected ${expected}, got ${String(settings[option])}. Change pipo.${option}.`,
      })
  }
  check("window", Number.isInteger(settings.window) && settings.window >= 1, "a whole number of at least 1")
  check("minSteps", settings.minSteps >= 0, "a number of at least 0")
  check("threshold", settings.threshold >= 0, "a number of at least 0")
  check("warmupSteps", settings.warmupSteps >= 0, "a number of at least 0")
  check("everyN", settings.everyN >= 1, "a number of at least 1")
  check("lambda", settings.lambda >= 0 && Number.isFinite(settings.lambda), "a finite number of at least 0")
  check("stepCap", settings.stepCap > 0, "a number above 0")
  return issues
}

/** @throws ConfigError with every problem found */
export function resolvePipo(options: PipoOptions): PipoSettings {
  const issues = pipoIssues(options)
  if (issues.length > 0) throw new ConfigError(issues)
  return { ...pipoDefaults, ...options }
}
