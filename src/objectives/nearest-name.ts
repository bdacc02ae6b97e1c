/** Suggestions for misspelt names. */

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    previous = row
  }
  return previous[b.length]!
}

/** A sentence that names the closest of the names: `Did you mean grpo?` */
export function nearestName(name: string, names: readonly string[]): string {
  const wanted = name.toLowerCase()
  const best = [...names].sort((a, b) => editDistance(wanted, a) - editDistance(wanted, b))[0]
  return best === undefined ? "There is none." : `Did you mean ${best}?`
}
