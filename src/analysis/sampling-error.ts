/**
 * The sampling error of a batch's mean reward, n prompts with G responses each, from what a log tells of it.
 *
 * With between the variance of the prompts' own success rates, and within the variance of responses to one prompt:
 *   SE(mu)^2 = (between + within / G) / n,   variance of the whole batch = between + within
 */

export interface DeviationSeries {
  readonly rewards: Float64Array
  /** Standard errors as logged. */
  readonly logged?: Float64Array | undefined
  /** Mean deviation of the rewards within a group. */
  readonly group?: Float64Array | undefined
  /** Share of groups whose rewards are all equal. */
  readonly equalGroups?: Float64Array | undefined
  /** Deviation of all rewards of the batch. */
  readonly batch?: Float64Array | undefined
}

export interface BatchShape {
  readonly prompts: number | undefined
  readonly groupSize: number | undefined
  /** Batches that a row is the mean of. */
  readonly merged: number
}

export interface MeanErrors {
  /** Standard errors of the means; equal series where the log decides the matter. */
  readonly low: Float64Array
  readonly high: Float64Array
  readonly exact: boolean
  /** Where they come from. */
  readonly basis: string
}

/** @returns undefined when the log tells too little */
export function errorsOfMeans({ rewards, logged, group: meanDeviation, equalGroups, batch }: DeviationSeries, { prompts, groupSize, merged }: BatchShape): MeanErrors | undefined {
  if (logged !== undefined) return { low: logged, high: logged, exact: true, basis: "the log's own standard errors" }
  if (prompts === undefined || groupSize === undefined || prompts < 1 || groupSize < 1) return undefined
  const n = prompts * merged
  const group = meanDeviation === undefined ? undefined : rootMeanSquare(meanDeviation, equalGroups)
  const each = (variance: (i: number) => number): Float64Array => Float64Array.from(rewards, (_, i) => Math.sqrt(Math.max(0, variance(i)) / n))
  const shape = `${prompts} prompts x ${groupSize} responses`
  if (batch !== undefined && group !== undefined) {
    const both = each((i) => Math.max(0, batch[i]! ** 2 - group[i]! ** 2) + group[i]! ** 2 / groupSize)
    return { low: both, high: both, exact: true, basis: `${shape}, deviations within groups and of the batch` }
  }
  const binary = rewards.every((reward) => reward >= 0 && reward <= 1)
  if (group !== undefined) {
    const low = each((i) => group[i]! ** 2 / groupSize)
    if (!binary) return { low, high: low, exact: false, basis: `${shape}, deviation within groups alone: a lower bound` }
    const high = each((i) => Math.max(0, rewards[i]! * (1 - rewards[i]!) - group[i]! ** 2) + group[i]! ** 2 / groupSize)
    return { low: high, high, exact: true, basis: `${shape}, deviation within groups, rewards taken as 0 or 1` }
  }
  if (batch === undefined && !binary) return undefined
  const total = (i: number): number => (batch === undefined ? rewards[i]! * (1 - rewards[i]!) : batch[i]! ** 2)
  const source = batch === undefined ? "rewards taken as 0 or 1" : "deviation of the batch"
  const basis = groupSize === 1 ? `${shape}, ${source}` : `${shape}, ${source}: between all prompts alike and each prompt always right or wrong`
  return { low: each((i) => total(i) / groupSize), high: each(total), exact: groupSize === 1, basis }
}

/**
 * Logs hold the mean of the groups' deviations, where the root of their mean variance is wanted. Groups of equal rewards, with 0, make most of the
 * difference; over the others the two are taken as one: sqrt(mean variance) = mean deviation / sqrt(1 - share of equal groups).
 */
function rootMeanSquare(mean: Float64Array, equal: Float64Array | undefined): Float64Array {
  return equal === undefined ? mean : mean.map((deviation, i) => (equal[i]! < 1 ? deviation / Math.sqrt(1 - Math.max(0, equal[i]!)) : 0))
}

/**
 * Error of a single mean from how the means jump, whatever the batch: with independent batches around a straight line the second
 * difference has variance 6 SE^2, so
 *   SE^2 = mean of (mu_{t+1} - 2 mu_t + mu_{t-1})^2 / 6
 * (for two rows: the first difference and 2). It takes in whatever else changes from step to step.
 * @returns null for fewer than two rows
 * Source: J. von Neumann, Annals of Mathematical Statistics 12 (1941) 367-395, for first differences.
 */
export function errorFromDifferences(rewards: Float64Array): number | null {
  const n = rewards.length
  if (n < 2) return null
  if (n === 2) return Math.abs(rewards[1]! - rewards[0]!) / Math.SQRT2
  let sum = 0
  for (let i = 1; i < n - 1; i++) sum += (rewards[i + 1]! - 2 * rewards[i]! + rewards[i - 1]!) ** 2
  return Math.sqrt(sum / (n - 2) / 6)
}

/**
 * Correlation of a change with the next one: -1/2 for independent batches, near 0 or above when the column was smoothed, which
 * makes every noise estimate too small.
 * @returns null for fewer than 30 rows or a log without changes
 */
export function correlationOfChanges(rewards: Float64Array): number | null {
  if (rewards.length < 30) return null
  let [products, squares] = [0, 0]
  for (let i = 1; i < rewards.length; i++) {
    const change = rewards[i]! - rewards[i - 1]!
    squares += change ** 2
    if (i > 1) products += change * (rewards[i - 1]! - rewards[i - 2]!)
  }
  return squares === 0 ? null : products / squares
}
