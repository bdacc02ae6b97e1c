/** Seeds of an arm as one curve with a band. */

/** A curve: points of rising x. */
export interface Curve {
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
}

/** Mean, least and greatest over the curves at every x of the longest one. */
export interface Band {
  readonly x: readonly number[]
  readonly mean: readonly (number | null)[]
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
}

/** Value at x, on the line between its neighbours; null outside the curve. */
function valueAt({ x, y }: Curve, at: number, hint: { index: number }): number | null {
  let i = hint.index
  while (i > 0 && x[i - 1]! > at) i -= 1
  while (i < x.length && x[i]! < at) i += 1
  hint.index = i
  if (i >= x.length) return null
  const value = y[i] ?? null
  if (x[i] === at) return value
  const before = i === 0 ? null : (y[i - 1] ?? null)
  if (before === null || value === null) return null
  const share = (at - x[i - 1]!) / (x[i]! - x[i - 1]!)
  return before + share * (value - before)
}

/** A curve without the points that have no value: evaluations lie at some steps only. */
function known({ x, y }: Curve): Curve {
  const kept = x.map((_, i) => i).filter((i) => y[i] !== null && y[i] !== undefined)
  return { x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) }
}

/** The band of an arm's seeds. Curves that end earlier are left out from there on. */
export function bandOf(curves: readonly Curve[]): Band {
  const lines = curves.map(known).filter(({ x }) => x.length > 0)
  const x = lines.reduce<readonly number[]>((longest, line) => (line.x.length > longest.length ? line.x : longest), [])
  const hints = lines.map(() => ({ index: 0 }))
  const [mean, low, high]: (number | null)[][] = [[], [], []]
  for (const at of x) {
    const values = lines.map((line, i) => valueAt(line, at, hints[i]!)).filter((value) => value !== null)
    mean!.push(values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length)
    low!.push(values.length === 0 ? null : Math.min(...values))
    high!.push(values.length === 0 ? null : Math.max(...values))
  }
  return { x, mean: mean!, low: low!, high: high! }
}
