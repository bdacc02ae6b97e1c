/** Mean over counted tokens; `epsilon` is added to their number. Nothing recorded counts as 0. */
export function maskedMean(
  rows: readonly ArrayLike<number>[] | undefined,
  mask: readonly (readonly number[])[],
  epsilon = 0,
): number {
  if (rows === undefined) return 0
  let [total, count] = [0, 0]
  rows.forEach((row, i) => {
    for (let t = 0; t < row.length; t++) {
      if (mask[i]![t] === 0) continue
      total += row[t]!
      count += 1
    }
  })
  return total / (count + epsilon)
}
