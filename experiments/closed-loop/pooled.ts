/**
 * The arms of one setting under several objectives, as the tables of docs/results.md have them: final accuracy and collapsed runs by arm and
 * objective; then the difference of every pair of arms, pooled over the objectives that have both. Objectives share seeds and starts, so their
 * differences are not independent: a seed counts once, with the mean over its objectives, and the 95 % t interval is over seeds.
 *
 *   npx tsx experiments/closed-loop/pooled.ts experiments/closed-loop/results/add2-b-*
 */
import { readComparison } from "../../src/compare/index.ts"
import { intervalMean } from "../../src/compare/statistics.ts"
import { mean, standardError } from "../../src/statistics.ts"

interface Final {
  readonly objective: string
  /** Without the objective's name: base, two-epochs, ... */
  readonly arm: string
  readonly seed: number
  readonly final: number
  readonly collapsed: boolean
}

function finalsOf(folder: string): Final[] {
  return readComparison(folder).results.flatMap(({ arm, seed, expected, greedy }) => {
    const measure = expected ?? greedy
    const [objective, kind = "base"] = arm.split("+")
    return measure === undefined ? [] : [{ objective: objective!, arm: kind, seed, final: measure.final, collapsed: measure.collapsed }]
  })
}

const finals = process.argv.slice(2).flatMap(finalsOf)
const objectives = [...new Set(finals.map(({ objective }) => objective))]
const arms = [...new Set(finals.map(({ arm }) => arm))]
const seeds = [...new Set(finals.map(({ seed }) => seed))]

function cell(arm: string, objective: string): string {
  const runs = finals.filter((run) => run.arm === arm && run.objective === objective)
  const values = runs.map(({ final }) => final)
  return runs.length === 0 ? "-" : `${mean(values).toFixed(3)} +- ${standardError(values).toFixed(3)}, ${runs.filter(({ collapsed }) => collapsed).length} of ${runs.length}`
}

/** Of one seed: arm - other, the mean over the objectives that have both. */
function difference(arm: string, other: string, seed: number): number {
  const finalOf = (name: string, objective: string): number | undefined => finals.find((run) => run.arm === name && run.objective === objective && run.seed === seed)?.final
  return mean(
    objectives.flatMap((objective) => {
      const [a, b] = [finalOf(arm, objective), finalOf(other, objective)]
      return a === undefined || b === undefined ? [] : [a - b]
    }),
  )
}

console.log(`| arm | ${objectives.join(" | ")} |\n|---|${"---|".repeat(objectives.length)}`)
for (const arm of arms) console.log(`| ${arm} | ${objectives.map((objective) => cell(arm, objective)).join(" | ")} |`)
for (const [i, other] of arms.entries()) {
  for (const arm of arms.slice(i + 1)) {
    const pooled = intervalMean(seeds.map((seed) => difference(arm, other, seed)).filter(Number.isFinite))
    if (pooled !== undefined) console.log(`${arm} - ${other}: ${pooled.mean.toFixed(3)} [${pooled.low?.toFixed(3)}, ${pooled.high?.toFixed(3)}], ${pooled.n} seeds`)
  }
}
