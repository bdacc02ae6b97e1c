/** How the sequences of an optimiser batch are cut into pieces that run at once. */

/**
 * Groups sequences of like length so that rows x longest stays within the budget. A sequence longer than the budget runs alone.
 * Depends on the lengths only, so that a repeated batch is cut the same way.
 * @param lengths      tokens of each sequence
 * @param tokenBudget  tokens of one micro-batch, padding included
 * @returns indices into `lengths`, longest sequences first
 */
export function microBatches(lengths: readonly number[], tokenBudget: number): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b)
  const batches: number[][] = []
  let current: number[] = []
  let longest = 0
  for (const index of order) {
    if (current.length > 0 && (current.length + 1) * longest > tokenBudget) {
      batches.push(current)
      current = []
    }
    if (current.length === 0) longest = lengths[index]!
    current.push(index)
  }
  if (current.length > 0) batches.push(current)
  return batches
}
