/**
 * `verified` with the slope at 2/3 (and at 1/2) of a step against the arms of the first plan, on the same seeds and starts.
 *
 *   npx tsx experiments/closed-loop/slope.ts RESULTS a b c d
 *
 * RESULTS holds the folders verified-X and slope-X. Final accuracy, paired by seed, mean and 95 % t interval.
 */
import { join } from "node:path"
import { readComparison } from "../../src/compare/index.ts"
import { intervalMean } from "../../src/compare/statistics.ts"

const [results, ...settings] = process.argv.slice(2)
if (results === undefined || settings.length === 0) throw new Error("usage: slope.ts RESULTS a b c d")

/** Final accuracy and collapse by arm and seed. */
function finals(name: string): Map<string, Map<number, { readonly start: number; readonly final: number; readonly collapsed: boolean }>> {
  const arms = new Map<string, Map<number, { readonly start: number; readonly final: number; readonly collapsed: boolean }>>()
  for (const { arm, seed, expected } of readComparison(join(results!, name)).results) {
    if (expected !== undefined) arms.set(arm, (arms.get(arm) ?? new Map()).set(seed, expected))
  }
  return arms
}

for (const setting of settings) {
  const [before, now] = [finals(`verified-${setting}`), finals(`slope-${setting}`)]
  for (const [name, runs] of now) {
    // When the stored runs were made, two thirds was the default.
    const arm = name === "verified" ? "two-thirds" : name
    const own = intervalMean([...runs.values()].map(({ final }) => final))!
    console.log(`${setting} ${arm}: ${own.mean.toFixed(3)} +- ${own.standardError!.toFixed(3)}, ${[...runs.values()].filter(({ collapsed }) => collapsed).length}/${runs.size} collapsed`)
    for (const [other, others] of before) {
      const pairs = [...runs].flatMap(([seed, run]) => (others.has(seed) ? [[run, others.get(seed)!] as const] : []))
      if (pairs.some(([a, b]) => Math.abs(a.start - b.start) > 1e-9)) throw new Error(`${setting}: ${arm} and ${other} have other starts`)
      const { mean, low, high } = intervalMean(pairs.map(([a, b]) => a.final - b.final))!
      const digits = (value: number | null): string => `${value! < 0 ? "" : "+"}${value!.toFixed(3)}`
      console.log(`  - ${other === "verified" ? "the end of a step" : other}: ${digits(mean)} [${digits(low)}, ${digits(high)}]`)
    }
  }
}
