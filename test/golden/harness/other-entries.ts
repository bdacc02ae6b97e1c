/** Kinds `agg`, `kl_penalty` and `misc`. */
import { evaluate, gradients, input, makeValue, mul, sum, type Value } from "../../../src/graph/index.ts"
import {
  adaptiveKlController,
  exactAggregationWeights,
  klEstimate,
  klEstimators,
  klInReward,
  valueLoss,
  type KlEstimator,
} from "../../../src/objectives/index.ts"
import type { Comparison } from "./comparison.ts"
import { batchOf, sourceFunction, type Batches, type GoldenEntry } from "./entry.ts"
import { maskedMean } from "./masked-mean.ts"
import { GoldenError } from "./fields.ts"

/** Verl adds this to every token count. */
const EPSILON = 1e-8

function rowsValue(rows: readonly ArrayLike<number>[]): Value {
  return makeValue(
    [rows.length, rows[0]!.length],
    rows.flatMap((row) => Array.from(row)),
  )
}

function valueRows(value: Value): Float64Array[] {
  const width = value.shape[1]!
  return Array.from({ length: value.shape[0]! }, (_, i) => value.data.slice(i * width, (i + 1) * width))
}

export function compareAggregation(entry: GoldenEntry, batches: Batches, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const mask = inputs.has("batch") ? batchOf(entry, batches).mask : inputs.rows("mask")
  const losses = inputs.rows("loss_mat")
  const mode = config.string("loss_agg_mode")
  const constant = config.optionalNumber("loss_scale_factor") ?? mask[0]!.length
  const weights = exactAggregationWeights(mode, mask, { epsilon: EPSILON, constant, divideByRows: false })
  const loss = weights.reduce(
    (total, row, i) => total + row.reduce((sum, weight, t) => sum + weight * losses[i]![t]!, 0),
    0,
  )
  const [expectedLoss, expectedGradient] = [outputs.number("loss"), outputs.rows("dloss_dlossmat")]

  const empty = mask.map((row) => row.every((m) => m === 0))
  if (mode === "seq-mean-token-mean" && empty.includes(true) && Number.isNaN(expectedLoss)) {
    comparison.documented =
      "the reference divides an empty response by its length 0 and gives NaN; ours lets it contribute nothing"
    comparison.claim("ours is finite", Number.isFinite(loss))
    weights.forEach((row, i) => {
      if (empty[i])
        comparison.claim(
          "an empty response has no weight",
          row.every((weight) => weight === 0),
        )
      else comparison.row("dloss_dlossmat", row, expectedGradient[i]!)
    })
    return
  }
  comparison.scalar("loss", loss, expectedLoss)
  comparison.rows("dloss_dlossmat", weights, expectedGradient)
}

const klAliases: Readonly<Record<string, KlEstimator>> = { kl: "k1", mse: "k2", low_var_kl: "k3" }

export function compareKl(entry: GoldenEntry, batches: Batches, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const name = config.string("kl_penalty")
  const kind = klEstimators.find((estimator) => estimator === name)
  if (kind === undefined) throw new GoldenError(`kl_penalty ${name}: not yet covered`)
  if (config.has("aliases")) {
    const alias = config.json("aliases")
    comparison.claim("the alias is of this estimator", alias === null || klAliases[String(alias)] === kind)
  }
  const batch = batchOf(entry, batches)
  const references = { ref_logp: batch.referenceLogprobs, old_logp: batch.behaviourLogprobs } as const
  const reference = references[inputs.string("reference") as keyof typeof references]
  if (reference === undefined) throw new GoldenError("inputs.reference: not yet covered")
  const tensor = (label: string): ReturnType<typeof input> => input(label, [batch.mask.length, batch.mask[0]!.length])
  const logprobs_BT = tensor("logprobs")
  const kl_BT = klEstimate(kind, logprobs_BT, tensor("reference"))
  const [slope_BT] = gradients(sum(mul(kl_BT, tensor("mask"))), [logprobs_BT])
  const feeds = { logprobs: rowsValue(batch.logprobs), reference: rowsValue(reference), mask: rowsValue(batch.mask) }
  const [kl, slope] = evaluate([kl_BT, slope_BT!], feeds)
  comparison.rows("kl", valueRows(kl!), outputs.rows("kl"))
  comparison.rows("dmaskedsum_dlogp", valueRows(slope!), outputs.rows("dmaskedsum_dlogp"))
  // Says that the reference refuses the name; the numbers are what its text intends.
  outputs.withoutEffect("reference_raises")
}

export function compareOther(entry: GoldenEntry, comparison: Comparison): void {
  const compare = others[sourceFunction(entry)]
  if (compare === undefined) throw new GoldenError(`${sourceFunction(entry)}: not yet covered`)
  compare(entry, comparison)
}

const others: Readonly<Record<string, (entry: GoldenEntry, comparison: Comparison) => void>> = {
  compute_rewards({ config, inputs, outputs }, comparison) {
    const [old, reference] = [inputs.rows("old_logp"), inputs.rows("ref_logp")]
    const coefficient = config.number("kl_ratio")
    const rewards = inputs.rows("token_rewards").map((row, i) => klInReward(row, old[i]!, reference[i]!, coefficient))
    comparison.rows("token_rewards_with_kl", rewards, outputs.rows("token_rewards_with_kl"))
  },

  compute_value_loss({ config, inputs, outputs }, comparison) {
    const mask = inputs.rows("mask")
    const weights = exactAggregationWeights(config.string("loss_agg_mode"), mask, { epsilon: EPSILON })
    const tensor = (label: string): ReturnType<typeof input> => input(label, [mask.length, mask[0]!.length])
    const values_BT = tensor("values")
    const { loss_BT, clipped_BT } = valueLoss({
      values_BT,
      oldValues_BT: tensor("old"),
      returns_BT: tensor("returns"),
      clipRange: config.number("cliprange_value"),
    })
    const loss = sum(mul(loss_BT, tensor("weights")))
    const [slope_BT] = gradients(loss, [values_BT])
    const feeds = {
      values: rowsValue(inputs.rows("vpreds")),
      old: rowsValue(inputs.rows("values")),
      returns: rowsValue(inputs.rows("returns")),
      weights: rowsValue(weights),
    }
    const [total, slope, clipped] = evaluate([loss, slope_BT!, clipped_BT], feeds)
    comparison.scalar("loss", total!.data[0]!, outputs.number("loss"))
    comparison.rows("dloss_dvpreds", valueRows(slope!), outputs.rows("dloss_dvpreds"))
    comparison.scalar(
      "vf_clipfrac",
      maskedMean(
        valueRows(clipped!).map((row) => Array.from(row)),
        mask,
        EPSILON,
      ),
      outputs.number("vf_clipfrac"),
    )
  },

  "AdaptiveKLController.update"({ config, inputs, outputs }, comparison) {
    const controller = adaptiveKlController({
      initial: config.number("init_kl_coef"),
      target: config.number("target_kl"),
      horizon: config.number("horizon"),
    })
    const samples = config.number("n_steps")
    const coefficients = inputs.row("current_kl").map((kl) => controller.update(kl, samples))
    comparison.row("coef_after_each_update", coefficients, outputs.row("coef_after_each_update"))
  },
}
