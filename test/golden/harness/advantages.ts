/** Kinds `advantage`, `advantage_dense` and `trl_advantage`. */
import {
  createAdvantage,
  severalRewards,
  type AdvantageEstimator,
  type RewardedResponse,
} from "../../../src/objectives/index.ts"
import type { Comparison } from "./comparison.ts"
import { groupNumbers, sourceFunction, type GoldenEntry } from "./entry.ts"
import { asNumber, GoldenError, type Fields, type Json } from "./fields.ts"

const estimators: Readonly<Record<string, (config: Fields) => AdvantageEstimator>> = {
  compute_grpo_outcome_advantage: (config) => {
    const name = config.boolean("norm_adv_by_std_in_grpo") ? "grpo" : "drgrpo"
    return createAdvantage(name, {
      epsilon: config.number("epsilon"),
      zeroVarianceMask: config.boolean("use_zero_variance_mask"),
    })
  },
  compute_grpo_passk_outcome_advantage: (config) =>
    createAdvantage("grpo-passk", {
      normalizeStd: config.boolean("norm_adv_by_std_in_grpo"),
      epsilon: config.number("epsilon"),
    }),
  compute_reinforce_plus_plus_baseline_outcome_advantage: () => createAdvantage("reinforce++-baseline"),
  compute_rloo_outcome_advantage: () => createAdvantage("rloo"),
  compute_opo_outcome_advantage: () => createAdvantage("opo"),
  compute_gpg_outcome_advantage: (config) => createAdvantage("gpg", { norm: config.number("f_norm") }),
  compute_reinforce_plus_plus_outcome_advantage: (config) =>
    createAdvantage("reinforce++", { gamma: config.number("gamma") }),
  compute_remax_outcome_advantage: () => createAdvantage("remax", { keepMasked: true }),
  compute_gae_advantage_return: (config) =>
    createAdvantage("gae", { gamma: config.number("gamma"), lambda: config.number("lambda"), keepMasked: true }),
}

function estimatorOf(entry: GoldenEntry): AdvantageEstimator {
  const create = estimators[sourceFunction(entry)]
  if (create === undefined) throw new GoldenError(`${sourceFunction(entry)}: not yet covered`)
  return create(entry.config)
}

function compareEstimate(entry: GoldenEntry, responses: readonly RewardedResponse[], comparison: Comparison): void {
  const { outputs } = entry
  const estimator = estimatorOf(entry)
  const { advantages, returns } = estimator.estimate(responses)
  comparison.rows("advantages", advantages, outputs.rows("advantages"))
  if (outputs.has("returns")) comparison.rows("returns", returns ?? [], outputs.rows("returns"))
}

export function compareAdvantage(entry: GoldenEntry, comparison: Comparison): void {
  const { inputs } = entry
  const groups = groupNumbers(inputs.json("uid"))
  const lengths = inputs.row("lengths")
  const width = inputs.number("T")
  // The layout is told in words: mask 1 for t < length, the reward on the last of them.
  inputs.string("layout")
  const responses = inputs.row("rewards").map((reward, i) => ({
    reward,
    group: groups[i]!,
    mask: Array.from({ length: width }, (_, t) => (t < lengths[i]! ? 1 : 0)),
  }))
  compareEstimate(entry, responses, comparison)
}

export function compareDenseAdvantage(entry: GoldenEntry, comparison: Comparison): void {
  const { inputs } = entry
  const mask = inputs.rows("mask")
  const values = inputs.has("values") ? inputs.rows("values") : undefined
  const greedy = inputs.has("reward_baselines") ? inputs.row("reward_baselines") : undefined
  const response = (tokenRewards: readonly number[], i: number): RewardedResponse => ({
    reward: 0,
    group: i,
    mask: mask[i]!,
    tokenRewards,
    ...(values === undefined ? {} : { values: values[i]! }),
    ...(greedy === undefined ? {} : { greedyReward: greedy[i]! }),
  })
  const responses = inputs.rows("token_rewards").map(response)
  compareEstimate(entry, responses, comparison)
}

const aggregations = { sum_then_normalize: "sum-then-normalize", normalize_then_sum: "normalize-then-sum" } as const

export function compareTrlAdvantage(entry: GoldenEntry, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const scale = (["group", "batch", "none"] as const).find((name) => name === config.string("scale_rewards"))
  const aggregation = aggregations[config.string("multi_objective_aggregation") as keyof typeof aggregations]
  if (aggregation === undefined || scale === undefined) throw new GoldenError("scaling: not yet covered")
  const size = config.number("num_generations")
  const epsilon = config.number("epsilon")
  const expected = outputs.row("advantages_seq")
  const blocks = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.floor(i / size))

  if (inputs.has("rewards")) {
    const rewards = inputs.row("rewards")
    const groups = blocks(rewards.length)
    const name = { group: "grpo", batch: "batch-std", none: "drgrpo" }[scale]
    const estimator = createAdvantage(name, { epsilon, zeroVarianceMask: false })
    const { advantages } = estimator.estimate(rewards.map((reward, i) => ({ reward, group: groups[i]!, mask: [1] })))
    comparison.row(
      "advantages_seq",
      advantages.map((row) => row[0]!),
      expected,
    )
    comparison.claim("one reward function needs no other aggregation", aggregation === "sum-then-normalize")
    return
  }
  const table = inputs.json("rewards_per_func")
  if (!Array.isArray(table)) throw new GoldenError("rewards_per_func: expected rows")
  const rewards = table.map((row: Json) => {
    if (!Array.isArray(row)) throw new GoldenError("rewards_per_func: expected rows")
    // "NaN" says that the function returned nothing for the row.
    return row.map((x: Json) => (x === "NaN" ? undefined : asNumber(x, "rewards_per_func")))
  })
  const options = { aggregation, scale, epsilon, weights: config.row("reward_weights") }
  comparison.row("advantages_seq", severalRewards(rewards, blocks(rewards.length), options), expected)
}
