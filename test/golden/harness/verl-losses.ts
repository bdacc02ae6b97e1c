/** Kind `policy_loss`: the policy losses of the PIPO authors' verl. */
import {
  createObjective,
  evaluateObjective,
  exactAggregationWeights,
  IMPORTANCE_INPUT,
  importanceWeights,
  type BatchObjective,
  type Objective,
  type ObjectiveOptions,
  type PreparationSequence,
} from "../../../src/objectives/index.ts"
import { verificationObjective } from "../../../src/pipo/index.ts"
import type { Comparison } from "./comparison.ts"
import { batchOf, type Batches, type GoldenBatch, type GoldenEntry } from "./entry.ts"
import { maskedMean } from "./masked-mean.ts"
import { GoldenError, type Fields } from "./fields.ts"

/** Verl adds this to every token count. */
const EPSILON = 1e-8

interface Mode {
  readonly objective: Objective | BatchObjective
  /** Statistics that verl calls pg_clipfrac, pg_clipfrac_lower and ppo_kl; absent ones are reported as 0. */
  readonly clipped?: string
  readonly clippedLower?: string
  readonly kl?: string
  /** The reference ignores loss_agg_mode. */
  readonly sequenceMean?: boolean
  readonly lossScale?: number
}

function clipRange(config: Fields): { clipLow: number; clipHigh: number } {
  const symmetric = config.number("clip_ratio")
  return {
    clipLow: config.optionalNumber("clip_ratio_low") ?? symmetric,
    clipHigh: config.optionalNumber("clip_ratio_high") ?? symmetric,
  }
}

/** Fields that only some modes read. */
function unused(config: Fields, ...keys: readonly string[]): void {
  config.withoutEffect(...keys)
}

function referenceLoss(base: string, config: Fields): Mode {
  unused(config, "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "tis_imp_ratio_cap")
  config.expect("kl_loss_coef", 0)
  const objective = verificationObjective(
    createObjective(base, { clipLow: config.number("clip_ratio") }),
    "reference-code",
  )
  return { objective, clipped: "clipFraction", kl: "behaviourKl", lossScale: config.number("layback_loss_scale") }
}

function bapoOptions(config: Fields): ObjectiveOptions {
  const options: Record<string, number> = {}
  const names = {
    bapo_rho_0: "targetShare",
    bapo_a_minus: "lowStart",
    bapo_b_minus: "lowEnd",
    bapo_delta_2: "lowStep",
    bapo_a_plus: "highStart",
    bapo_b_plus: "highEnd",
    bapo_delta_1: "highStep",
  }
  for (const [theirs, ours] of Object.entries(names)) {
    const value = config.optionalNumber(theirs)
    if (value !== undefined) options[ours] = value
  }
  return { ...options, klCoefficient: config.number("kl_loss_coef"), klTo: "behaviour" }
}

const modes: Readonly<Record<string, (config: Fields, corrected: boolean) => Mode>> = {
  vanilla(config, importance) {
    unused(config, "layback_loss_scale")
    config.expect("kl_loss_coef", 0)
    const objective = createObjective("grpo", {
      ...clipRange(config),
      dualClip: config.number("clip_ratio_c"),
      importance,
    })
    return { objective, clipped: "clipFraction", clippedLower: "dualClipFraction", kl: "behaviourKl" }
  },
  ppo_layback(config) {
    unused(config, "clip_ratio_c", "tis_imp_ratio_cap", "layback_loss_scale")
    config.expect("kl_loss_coef", 0)
    return {
      objective: verificationObjective(createObjective("ppo", clipRange(config)), "reference-code"),
      clipped: "clipFraction",
      kl: "behaviourKl",
    }
  },
  gspo(config) {
    unused(config, "clip_ratio_c", "tis_imp_ratio_cap", "layback_loss_scale")
    config.expect("kl_loss_coef", 0)
    return {
      objective: createObjective("gspo", clipRange(config)),
      clipped: "clipFraction",
      kl: "behaviourKl",
      sequenceMean: true,
    }
  },
  gspo_layback(config) {
    unused(config, "clip_ratio_c", "tis_imp_ratio_cap")
    config.expect("kl_loss_coef", 0)
    const objective = verificationObjective(createObjective("gspo", clipRange(config)), "reference-code")
    return {
      objective,
      clipped: "clipFraction",
      kl: "behaviourKl",
      sequenceMean: true,
      lossScale: config.number("layback_loss_scale"),
    }
  },
  grpo_layback: (config) => referenceLoss("grpo", config),
  rloo_layback: (config) => referenceLoss("rloo", config),
  reinforce_plus_plus_layback: (config) => referenceLoss("reinforce++", config),
  geo_mean(config) {
    unused(config, "clip_ratio_c", "tis_imp_ratio_cap", "layback_loss_scale")
    config.expect("kl_loss_coef", 0)
    return {
      objective: createObjective("gmpo", clipRange(config)),
      clipped: "clipFractionPositive",
      clippedLower: "clipFractionNegative",
      kl: "behaviourKl",
      sequenceMean: true,
    }
  },
  gpg(config) {
    unused(
      config,
      "clip_ratio",
      "clip_ratio_low",
      "clip_ratio_high",
      "clip_ratio_c",
      "tis_imp_ratio_cap",
      "layback_loss_scale",
    )
    config.expect("kl_loss_coef", 0)
    return { objective: createObjective("gpg") }
  },
  kl_cov(config) {
    unused(
      config,
      "clip_ratio",
      "clip_ratio_low",
      "clip_ratio_high",
      "clip_ratio_c",
      "tis_imp_ratio_cap",
      "layback_loss_scale",
    )
    config.expect("kl_loss_coef", 0)
    const own = config.object("policy_loss")
    const options = { covarianceShare: own.number("kl_cov_ratio"), covarianceCoefficient: own.number("ppo_kl_coef") }
    own.close()
    return { objective: createObjective("kl-cov", { ...options, logRatioClamp: null }), kl: "absoluteLogRatio" }
  },
  clip_cov(config) {
    unused(config, "clip_ratio_c", "tis_imp_ratio_cap", "layback_loss_scale")
    config.expect("kl_loss_coef", 0)
    const own = config.object("policy_loss")
    const options = {
      covarianceShare: own.number("clip_cov_ratio"),
      covarianceLow: own.number("clip_cov_lb"),
      covarianceHigh: own.number("clip_cov_ub"),
    }
    own.close()
    const objective = createObjective("clip-cov", { ...clipRange(config), ...options, logRatioClamp: null })
    return { objective, clipped: "selectedFraction", kl: "behaviourKl" }
  },
  bapo(config) {
    unused(
      config,
      "clip_ratio",
      "clip_ratio_low",
      "clip_ratio_high",
      "clip_ratio_c",
      "tis_imp_ratio_cap",
      "layback_loss_scale",
    )
    return {
      objective: createObjective("bapo", bapoOptions(config)),
      clipped: "clipFractionHigh",
      clippedLower: "clipFractionLow",
      kl: "behaviourKl",
    }
  },
  bapo_layback(config) {
    unused(config, "clip_ratio", "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "tis_imp_ratio_cap")
    const objective = verificationObjective(createObjective("bapo", bapoOptions(config)), "reference-code", ["kl"])
    const lossScale = config.number("layback_loss_scale")
    return { objective, clipped: "clipFractionHigh", clippedLower: "clipFractionLow", kl: "behaviourKl", lossScale }
  },
}

/** The optimiser batch as `prepare` reads it. */
function preparationBatch({ logprobs, behaviourLogprobs, advantages, mask }: GoldenBatch): PreparationSequence[] {
  return logprobs.map((row, i) => ({
    logprobs: row,
    behaviourLogprobs: behaviourLogprobs[i]!,
    advantages: advantages[i]!,
    mask: mask[i]!,
  }))
}

export function comparePolicyLoss(entry: GoldenEntry, batches: Batches, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const batch = batchOf(entry, batches)
  const mode = config.string("loss_mode")
  const create = modes[mode]
  if (create === undefined) throw new GoldenError(`loss_mode ${mode}: not yet covered`)
  const sampled = inputs.boolean("uses_rollout_logp")
  const cap = mode === "vanilla" ? config.number("tis_imp_ratio_cap") : -1
  const corrected = sampled && cap > 0
  const { objective, clipped, clippedLower, kl, sequenceMean = false, lossScale = 1 } = create(config, corrected)

  const aggregation = config.string("loss_agg_mode")
  const weights = exactAggregationWeights(sequenceMean ? "seq-mean-token-mean" : aggregation, batch.mask, {
    epsilon: EPSILON,
    constant: batch.mask[0]!.length,
    divideByRows: false,
  }).map((row) => row.map((weight) => weight * lossScale))
  const prepared = "prepare" in objective ? objective.prepare?.(preparationBatch(batch), () => 0.5) : undefined
  const correction = corrected
    ? {
        [IMPORTANCE_INPUT]: importanceWeights(
          "token-truncate",
          batch.behaviourLogprobs,
          batch.samplerLogprobs,
          batch.mask,
          { maximum: cap },
        ),
      }
    : {}
  const result = evaluateObjective(objective, {
    ...batch,
    weights,
    tokenInputs: { ...prepared?.tokenInputs, ...correction },
    constants: prepared?.constants ?? {},
  })

  comparison.scalar("loss", result.loss, outputs.number("loss"))
  comparison.rows("dloss_dlogp", result.gradient, outputs.rows("dloss_dlogp"))
  const statistic = (name: string | undefined): number =>
    maskedMean(name === undefined ? undefined : result.statistics[name]!, batch.mask, EPSILON)
  comparison.scalar("pg_clipfrac", statistic(clipped), outputs.number("pg_clipfrac"))
  comparison.scalar("pg_clipfrac_lower", statistic(clippedLower), outputs.number("pg_clipfrac_lower"))
  comparison.scalar("ppo_kl", statistic(kl), outputs.number("ppo_kl"))
  const decided = {
    c_low: "clipLow",
    c_high: "clipHigh",
    rho: "positiveShare",
    n_candidates: "candidateTokens",
    clip_num: "budget",
  }
  for (const [theirs, ours] of Object.entries(decided)) {
    if (outputs.has(theirs)) comparison.scalar(theirs, prepared?.statistics[ours] ?? NaN, outputs.number(theirs))
  }
}
