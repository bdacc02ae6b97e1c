/** Kind `trl_loss`: the losses of TRL's GRPO trainer. */
import {
  createObjective,
  evaluateObjective,
  exactAggregationWeights,
  IMPORTANCE_INPUT,
  importanceWeights,
  klEstimate,
  type ImportanceCorrection,
  type ObjectiveOptions,
  type ObjectiveResult,
  type ObjectiveRun,
} from "../../../src/objectives/index.ts"
import { evaluate, gradients, input, makeValue, mul, sum } from "../../../src/graph/index.ts"
import type { Comparison } from "./comparison.ts"
import { batchOf, type Batches, type GoldenBatch, type GoldenEntry } from "./entry.ts"
import { maskedMean } from "./masked-mean.ts"
import { GoldenError, type Fields } from "./fields.ts"

const clippedTypes = new Set(["grpo", "bnpo", "dr_grpo", "dapo", "luspo"])
const objectiveOf: Readonly<Record<string, string>> = { dr_grpo: "drgrpo" }

interface Settings {
  readonly type: string
  readonly level: "token" | "sequence"
  readonly beta: number
  readonly options: ObjectiveOptions
}

function readSettings(config: Fields, corrected: boolean): Settings {
  const type = config.string("loss_type")
  const level = config.has("importance_sampling_level") ? config.string("importance_sampling_level") : "token"
  if (level !== "token" && level !== "sequence")
    throw new GoldenError(`importance_sampling_level ${level}: not yet covered`)
  const beta = config.optionalNumber("beta") ?? 0
  const common: ObjectiveOptions = {
    klCoefficient: beta,
    klClamp: false,
    klBiasCorrection: config.has("use_bias_correction_kl") && config.boolean("use_bias_correction_kl"),
    offPolicyThreshold: config.optionalNumber("off_policy_mask_threshold") ?? null,
    importance: corrected,
  }
  const sequence: ObjectiveOptions = { level, sequenceGradient: "sequence", sequenceClamp: null, logRatioClamp: null }
  if (clippedTypes.has(type)) {
    const clips = { clipLow: config.number("epsilon_low"), clipHigh: config.number("epsilon_high"), dualClip: null }
    return {
      type,
      level,
      beta,
      options: { ...common, ...sequence, ...clips, delta: config.optionalNumber("delta") ?? null },
    }
  }
  if (type === "cispo") {
    config.withoutEffect("epsilon_low")
    if (level === "sequence") throw new GoldenError("cispo on sequence ratios: not yet covered")
    return { type, level, beta, options: { ...common, ratioCap: config.number("epsilon_high"), logRatioClamp: null } }
  }
  if (type === "sapo") {
    config.withoutEffect("epsilon_low", "epsilon_high")
    const temperaturePositive = config.optionalNumber("sapo_temperature_pos") ?? 1
    const temperatureNegative = config.optionalNumber("sapo_temperature_neg") ?? 1.05
    return { type, level, beta, options: { ...common, ...sequence, temperaturePositive, temperatureNegative } }
  }
  if (type === "vespo") {
    config.withoutEffect("epsilon_low", "epsilon_high")
    return { type, level, beta, options: common }
  }
  throw new GoldenError(`loss_type ${type}: not yet covered`)
}

function aggregate(type: string, config: Fields, mask: readonly (readonly number[])[]): Float64Array[] {
  const steps = config.number("gradient_accumulation_steps")
  const tokens = config.number("num_items_in_batch") / config.number("num_processes")
  const longest = type === "dr_grpo" ? config.number("max_completion_length") : 0
  if (type !== "dr_grpo") config.withoutEffect("max_completion_length")
  if (type === "dapo" || type === "cispo" || type === "vespo")
    return exactAggregationWeights("token-mean", mask, { tokenCount: Math.max(1, tokens) })
  const modes: Readonly<Record<string, string>> = {
    bnpo: "token-mean",
    dr_grpo: "seq-mean-token-sum-norm",
    luspo: "seq-mean-token-sum",
  }
  const weights = exactAggregationWeights(modes[type] ?? "seq-mean-token-mean", mask, { constant: longest })
  return weights.map((row) => row.map((weight) => weight / steps))
}

function readCorrection(entry: GoldenEntry, batch: GoldenBatch): Float64Array[] | undefined {
  if (!entry.config.has("rollout_is")) return undefined
  const fields = entry.config.object("rollout_is")
  const mode = fields.string("mode").replace("_", "-") as ImportanceCorrection
  const [minimum, maximum] = [fields.optionalNumber("clip_min"), fields.optionalNumber("clip_max")]
  fields.close()
  const bounds = { ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) }
  return importanceWeights(mode, batch.behaviourLogprobs, batch.samplerLogprobs, batch.mask, bounds)
}

export function compareTrlLoss(entry: GoldenEntry, batches: Batches, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const batch = batchOf(entry, batches)
  const correction = readCorrection(entry, batch)
  const settings = readSettings(config, correction !== undefined)
  const perSequence = inputs.string("advantage") === "adv_seq"
  const advantages = perSequence
    ? batch.mask.map((mask, i) => mask.map(() => batch.sequenceAdvantages![i]!))
    : batch.advantages
  const run: ObjectiveRun = {
    logprobs: batch.logprobs,
    referenceLogprobs: batch.referenceLogprobs,
    mask: batch.mask,
    advantages,
    // Without recorded log-probs TRL takes the current ones, cut off from the gradient.
    behaviourLogprobs: inputs.boolean("old_logp_missing") ? batch.logprobs : batch.behaviourLogprobs,
    weights: aggregate(settings.type, config, batch.mask),
    ...(correction === undefined ? {} : { tokenInputs: { [IMPORTANCE_INPUT]: correction } }),
  }
  const result = evaluateObjective(createObjective(objectiveOf[settings.type] ?? settings.type, settings.options), run)

  const leaks = settings.type === "luspo" && (settings.level === "token" || settings.beta !== 0)
  const shown = leaks ? paddingLeak(settings, run) : result
  if (leaks) {
    comparison.documented = "the reference averages over padding too: its number is ours with the padding's part added"
    comparison.claim(
      "ours is finite",
      Number.isFinite(result.loss) && result.gradient.every((row) => row.every(Number.isFinite)),
    )
    comparison.claim(
      "ours has no gradient in the padding",
      result.gradient.every((row, i) => row.every((g, t) => batch.mask[i]![t] !== 0 || g === 0)),
    )
  }
  comparison.scalar("loss", shown.loss, outputs.number("loss"))
  comparison.rows("dloss_dlogp", shown.gradient, outputs.rows("dloss_dlogp"))
  if (outputs.has("is_ratio")) {
    const recorded = outputs.rows("is_ratio")
    comparison.rows(
      "is_ratio",
      recorded.map((row, i) => correction![i]!.slice(0, row.length)),
      recorded,
    )
  }
  compareMetrics(
    outputs.object("metrics"),
    result,
    batch.mask,
    settings.level === "sequence" || (settings.type === "vespo" && perSequence),
    comparison,
  )
}

/** TRL's luspo: every position, padding included, weighs len_i / (B T); the KL is not masked, nor is a token ratio. */
function paddingLeak(settings: Settings, run: ObjectiveRun): Pick<ObjectiveResult, "loss" | "gradient"> {
  const [rows, width] = [run.mask.length, run.mask[0]!.length]
  const masks = run.mask.map((mask) => Array.from(mask))
  const weights = masks.map((mask) => {
    const length = mask.reduce((sum, m) => sum + m, 0)
    return mask.map(() => length / (rows * width))
  })
  const open = settings.level === "token" ? masks.map((mask) => mask.map(() => 1)) : masks
  const policy = evaluateObjective(createObjective("luspo", { ...settings.options, klCoefficient: 0 }), {
    ...run,
    mask: open,
    weights,
  })
  if (settings.beta === 0) return policy

  const tensor = (name: string): ReturnType<typeof input> => input(name, [rows, width])
  const logprobs_BT = tensor("logprobs")
  const kl_BT = klEstimate("k3", logprobs_BT, tensor("reference"), { clamp: false })
  const loss = sum(mul(mul(tensor("weights"), settings.beta), kl_BT))
  const value = (values: readonly ArrayLike<number>[]): ReturnType<typeof makeValue> =>
    makeValue(
      [rows, width],
      values.flatMap((row) => Array.from(row)),
    )
  const feeds = {
    logprobs: value(run.logprobs),
    reference: value(run.referenceLogprobs ?? []),
    weights: value(weights),
  }
  const [total, slope] = evaluate([loss, gradients(loss, [logprobs_BT])[0]!], feeds)
  return {
    loss: policy.loss + total!.data[0]!,
    gradient: policy.gradient.map((row, i) => row.map((g, t) => g + slope!.data[i * width + t]!)),
  }
}

function compareMetrics(
  metrics: Fields,
  result: ObjectiveResult,
  mask: readonly (readonly number[])[],
  perSequence: boolean,
  comparison: Comparison,
): void {
  const bySequence = (rows: readonly ArrayLike<number>[]): number[] =>
    rows.map((row, i) => maskedMean([row], [mask[i]!]))
  const average = (rows: readonly ArrayLike<number>[]): number => {
    const means = bySequence(rows)
    return perSequence ? means.reduce((sum, x) => sum + x, 0) / means.length : maskedMean(rows, mask)
  }
  const statistic = (name: string): Float64Array[] => {
    const rows = result.statistics[name]
    if (rows === undefined)
      throw new GoldenError(`metrics: expected a statistic ${name}, got ${Object.keys(result.statistics).join(", ")}`)
    return rows
  }
  const readers: Readonly<Record<string, () => number>> = {
    kl: () => maskedMean(statistic("kl"), mask),
    "clip_ratio/low_mean": () => average(statistic("clipFractionLow")),
    "clip_ratio/high_mean": () => average(statistic("clipFractionHigh")),
    "clip_ratio/region_mean": () => average(statistic("clipFraction")),
    "clip_ratio/low_min": () => Math.min(...bySequence(statistic("clipFractionLow"))),
    "clip_ratio/high_max": () => Math.max(...bySequence(statistic("clipFractionHigh"))),
    cispo_clip_ratio: () => average(statistic("clipFraction")),
    "vespo/phi_seq_mean": () => average(statistic("sequenceWeight")),
  }
  for (const [name, read] of Object.entries(readers)) {
    if (metrics.has(name)) comparison.scalar(name, read(), metrics.number(name))
  }
  metrics.close()
}
