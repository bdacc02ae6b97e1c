/** Options of the objectives. Every number is in the units of its formula; see docs/objectives.md. */
import { suggestion } from "../config/nearest-name.ts"
import type { ConfigIssue } from "../errors.ts"
import { klEstimators, type KlEstimator } from "./kl.ts"

/** Read by every objective. */
export interface CommonOptions {
  /** Weight of the KL term in the loss. Default 0: no term, no reference policy needed. */
  readonly klCoefficient?: number
  /** Default "k3". "full" is no estimate but the sum over the vocabulary: the engine must hold whole distributions. */
  readonly klEstimator?: KlEstimator | "full"
  /** Which policy the KL term holds the new one to. Default "reference". */
  readonly klTo?: "reference" | "behaviour"
  /** Clamps inside k3; see kl.ts. Default true. */
  readonly klClamp?: boolean
  /** Multiply the KL term by the importance ratio, which makes its gradient unbiased off policy. Default false. */
  readonly klBiasCorrection?: boolean
  /** Weight of the entropy bonus. Default 0. */
  readonly entropyCoefficient?: number
  /** The policy loss is multiplied by the per-token input "importanceWeights". Default false. */
  readonly importance?: boolean
  /** Sequences with A < 0 whose mean log(behaviour / pi) exceeds this are left out. Default null: off. */
  readonly offPolicyThreshold?: number | null
  /** Largest |log-ratio| of a token that enters exp. Default 20; null: no clamp. */
  readonly logRatioClamp?: number | null
}

/** Read by the clipped surrogates. */
export interface ClippedOptions {
  /** Ratios below 1 - clipLow have no gradient for A < 0. */
  readonly clipLow?: number
  /** Ratios above 1 + clipHigh have no gradient for A > 0. */
  readonly clipHigh?: number
  /** For A < 0 the loss is at most dualClip |A|; must exceed 1. null: off. */
  readonly dualClip?: number | null
  /** Two-sided clip: the unclipped branch's ratio is capped here. Default null: off. */
  readonly delta?: number | null
  /** Ratio of a token, or of the whole sequence (geometric mean over its tokens). */
  readonly level?: "token" | "sequence"
  /**
   * Where a sequence ratio's gradient goes: "token" gives each token the gradient of its own loss (GSPO-token), "sequence"
   * differentiates the mean. The same unless advantages or importance weights vary within a sequence. Default "token".
   */
  readonly sequenceGradient?: "token" | "sequence"
  /** Largest sequence log-ratio. Default 10; null: no clamp. */
  readonly sequenceClamp?: number | null
}

/** Read by single objectives. */
export interface SpecificOptions {
  /** rloo, reinforce++: "clipped" surrogate or "plain" -A log pi. */
  readonly form?: "clipped" | "plain"
  /** cispo: largest ratio, absolute. */
  readonly ratioCap?: number
  /** sapo: temperature of the gate where A > 0. */
  readonly temperaturePositive?: number
  /** sapo: where A <= 0. */
  readonly temperatureNegative?: number
  /** bapo: positive over negative contribution to reach. */
  readonly targetShare?: number
  /** bapo: bounds of the lower clip and its step. */
  readonly lowStart?: number
  readonly lowEnd?: number
  readonly lowStep?: number
  /** bapo: bounds of the upper clip and its step. */
  readonly highStart?: number
  readonly highEnd?: number
  readonly highStep?: number
  /** kl-cov, clip-cov: share of the counted tokens that is held back. */
  readonly covarianceShare?: number
  /** kl-cov: weight of |log-ratio| on the selected tokens. */
  readonly covarianceCoefficient?: number
  /** clip-cov: covariances that make a token a candidate, exclusive. */
  readonly covarianceLow?: number
  readonly covarianceHigh?: number
  /** vespo: shape and rate of the gamma weight for A >= 0 and A < 0. */
  readonly shapePositive?: number
  readonly ratePositive?: number
  readonly shapeNegative?: number
  readonly rateNegative?: number
}

export type ObjectiveOptions = CommonOptions & ClippedOptions & SpecificOptions

export const commonOptionNames: readonly (keyof CommonOptions)[] = [
  "klCoefficient",
  "klEstimator",
  "klTo",
  "klClamp",
  "klBiasCorrection",
  "entropyCoefficient",
  "importance",
  "offPolicyThreshold",
  "logRatioClamp",
]

/** Lower bounds of the numbers, exclusive when `open`. Not listed: any finite number. */
const bounds: Readonly<Partial<Record<keyof ObjectiveOptions, { readonly least: number; readonly open?: boolean }>>> = {
  klCoefficient: { least: 0 },
  clipLow: { least: 0 },
  clipHigh: { least: 0 },
  dualClip: { least: 1, open: true },
  delta: { least: 0, open: true },
  logRatioClamp: { least: 0, open: true },
  sequenceClamp: { least: 0, open: true },
  ratioCap: { least: 0, open: true },
  temperaturePositive: { least: 0, open: true },
  temperatureNegative: { least: 0, open: true },
  lowStep: { least: 0, open: true },
  highStep: { least: 0, open: true },
  covarianceShare: { least: 0, open: true },
  rateNegative: { least: 0, open: true },
  ratePositive: { least: 0, open: true },
}

/** Values of the options that are one of several words. */
const choices: Readonly<Partial<Record<keyof ObjectiveOptions, readonly string[]>>> = {
  klEstimator: [...klEstimators, "full"],
  klTo: ["reference", "behaviour"],
  level: ["token", "sequence"],
  sequenceGradient: ["token", "sequence"],
  form: ["clipped", "plain"],
}

function choiceIssues(name: string, options: ObjectiveOptions): ConfigIssue[] {
  return Object.entries(choices).flatMap(([option, known]) => {
    const value: unknown = options[option as keyof ObjectiveOptions]
    if (value === undefined || known.includes(value as string)) return []
    const message = `${name}: expected one of ${known.join(", ")}, got ${String(value)}. ${suggestion(String(value), known)}`
    return [{ path: `objective.${option}`, message }]
  })
}

/** The whole distribution is only known of policies that are there, and has no sampled token whose ratio could correct it. */
function fullKlIssues(name: string, { klEstimator, klTo = "reference", klBiasCorrection = false }: ObjectiveOptions): ConfigIssue[] {
  if (klEstimator !== "full") return []
  const issue = (option: string, expected: string, got: unknown): ConfigIssue => ({
    path: `objective.${option}`,
    message: `${name}: expected ${expected} with klEstimator full, got ${String(got)}. Change it, or use klEstimator: k3.`,
  })
  return [
    ...(klTo === "reference" ? [] : [issue("klTo", "reference", klTo)]),
    ...(klBiasCorrection ? [issue("klBiasCorrection", "false", klBiasCorrection)] : []),
  ]
}

/** Problems of the option values of one objective; unknown names are the registry's to find. */
export function optionIssues(name: string, options: ObjectiveOptions): ConfigIssue[] {
  const issues: ConfigIssue[] = [...choiceIssues(name, options), ...fullKlIssues(name, options)]
  for (const [option, value] of Object.entries(options)) {
    if (typeof value !== "number") continue
    const bound = bounds[option as keyof ObjectiveOptions]
    const tooSmall = bound !== undefined && (bound.open === true ? value <= bound.least : value < bound.least)
    if (!Number.isFinite(value) || tooSmall) {
      const range =
        bound === undefined
          ? "a finite number"
          : `a number ${bound.open === true ? "above" : "of at least"} ${bound.least}`
      issues.push({
        path: `objective.${option}`,
        message: `${name}: expected ${range}, got ${value}. Change ${option}.`,
      })
    }
  }
  return issues
}
