/** Advantage estimators by name. */
import { ConfigError } from "../../errors.ts"
import { suggestion } from "../../config/nearest-name.ts"
import type { AdvantageEstimator } from "./estimator.ts"
import { gae, type GaeOptions } from "./gae.ts"
import { gpg, type GpgOptions } from "./gpg.ts"
import { grpoPassK, type PassAtKOptions } from "./grpo-passk.ts"
import { groupRelative, groupScales, type GroupRelativeOptions } from "./grpo.ts"
import { opo } from "./opo.ts"
import { reinforcePlusPlus, reinforcePlusPlusBaseline, type ReinforcePlusPlusOptions } from "./reinforce-plus-plus.ts"
import { remax, type RemaxOptions } from "./remax.ts"
import { rloo } from "./rloo.ts"

/** Options of every estimator together; each reads its own and ignores the rest. */
export type AdvantageOptions = GroupRelativeOptions &
  PassAtKOptions &
  GpgOptions &
  ReinforcePlusPlusOptions &
  GaeOptions &
  RemaxOptions

export type AdvantageName =
  | "grpo"
  | "drgrpo"
  | "batch-std"
  | "grpo-passk"
  | "rloo"
  | "reinforce++"
  | "reinforce++-baseline"
  | "opo"
  | "remax"
  | "gpg"
  | "gae"

const estimators: Readonly<Record<AdvantageName, (options: AdvantageOptions) => AdvantageEstimator>> = {
  grpo: (options) => groupRelative("grpo", groupScales.grpo, options),
  drgrpo: (options) => groupRelative("drgrpo", groupScales.drgrpo, options),
  "batch-std": (options) => groupRelative("batch-std", groupScales["batch-std"], options),
  "grpo-passk": grpoPassK,
  rloo,
  "reinforce++": reinforcePlusPlus,
  "reinforce++-baseline": reinforcePlusPlusBaseline,
  opo,
  remax,
  gpg,
  gae,
}

export const advantageNames: readonly AdvantageName[] = Object.keys(estimators) as AdvantageName[]

function isAdvantageName(name: string): name is AdvantageName {
  return Object.hasOwn(estimators, name)
}

/** @throws ConfigError for an unknown name, with the names that exist */
export function createAdvantage(name: string, options: AdvantageOptions = {}): AdvantageEstimator {
  if (!isAdvantageName(name)) {
    const message = `advantage: expected one of ${advantageNames.join(", ")}, got ${name}. ${suggestion(name, advantageNames)}`
    throw new ConfigError([{ path: "objective.advantage", message }])
  }
  return estimators[name](options)
}
