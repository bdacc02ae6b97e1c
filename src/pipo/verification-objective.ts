/** The loss of the verification update, derived from the base objective. */
import { ConfigError } from "../errors.ts"
import { isBatchObjective, type ObjectiveTerm } from "../objectives/batch-objective.ts"
import type { Objective } from "../objectives/objective.ts"
import { referenceSurrogate } from "../objectives/reference-surrogate.ts"

/** Bases whose published PIPO loss is -min(r, clip(r)) C. */
const groupRelativeBases = ["grpo", "rloo", "reinforce++"]
/** Bases whose published PIPO loss is their own, without dual clip. */
const ownFormBases = ["gspo", "ppo", "bapo"]

const everyTerm: readonly ObjectiveTerm[] = ["kl", "entropy", "dualClip"]

/**
 * The base objective's own expression without KL, entropy bonus and dual clip (or without those not in `keep`), log-ratios
 * clamped; or the loss of the published code.
 *
 * An objective that is not of this project is used as it is.
 * @throws ConfigError when the published code has no such loss for the base
 */
export function verificationObjective(
  base: Objective,
  surrogate: "base" | "reference-code",
  keep: readonly ObjectiveTerm[] = [],
): Objective {
  const left = everyTerm.filter((term) => !keep.includes(term))
  const own = isBatchObjective(base) ? base.without(left) : base
  if (surrogate === "base" || ownFormBases.includes(base.name)) return own
  if (!groupRelativeBases.includes(base.name)) {
    const known = [...groupRelativeBases, ...ownFormBases].join(", ")
    const message = `pipo: expected one of ${known} under surrogate "reference-code", got ${base.name}. Use surrogate "base".`
    throw new ConfigError([{ path: "pipo.surrogate", message }])
  }
  return referenceSurrogate(`${base.name} reference-code`, { clipLow: base.constants["clipLow"] ?? 0.2 })
}
