/**
 * How close two signals of training come to the truth: xi's numerator (the batch mean less the mean of the 8 before) and the paired improvement, against
 * the change of the held-out expected accuracy that the judged update made. One line per run, then the means.
 *
 *   npx tsx experiments/closed-loop/signals.ts RUN_FOLDER...
 */
import { readRun } from "../../src/index.ts"
import { mean, standardError } from "../../src/statistics.ts"

const WINDOW = 8

interface Point {
  readonly truth: number
  readonly paired: number
  readonly means: number
  readonly pairedError: number
  readonly meanError: number
}

/** The line of step t judges the update of step t - 1: J after it less J before it. */
function points(directory: string): Point[] {
  const { metrics } = readRun(directory)
  const found: Point[] = []
  for (let i = WINDOW; i < metrics.length; i++) {
    const [line, after, before] = [metrics[i]!, metrics[i - 1]!, metrics[i - 2]!]
    const [improvement, high, low] = [line["improvement"], after["expectedAccuracy"], before["expectedAccuracy"]]
    if (typeof improvement !== "number" || typeof high !== "number" || typeof low !== "number") continue
    const window = metrics.slice(i - WINDOW, i).map(({ mu }) => mu)
    found.push({
      truth: high - low,
      paired: improvement,
      means: line.mu - mean(window),
      pairedError: Number(line["improvementStandardError"]),
      meanError: Number(line["muStandardError"]),
    })
  }
  return found
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)]
  const covariance = mean(a.map((x, i) => (x - ma) * (b[i]! - mb)))
  return covariance / Math.sqrt(mean(a.map((x) => (x - ma) ** 2)) * mean(b.map((x) => (x - mb) ** 2)))
}

function sameSign(a: readonly number[], b: readonly number[]): number {
  return mean(a.map((x, i) => Number(x > 0 === b[i]! > 0)))
}

const rows = process.argv.slice(2).flatMap((directory) => {
  const found = points(directory)
  if (found.length < WINDOW) {
    console.error(`${directory}: left out, ${found.length} updates with both signals and a held-out change`)
    return []
  }
  const column = (key: keyof Point): number[] => found.map((point) => point[key])
  const truth = column("truth")
  return [
    {
      run: directory.split("/").slice(-4).join("/"),
      updates: found.length,
      trueChange: Math.sqrt(mean(truth.map((x) => x ** 2))),
      pairedError: mean(column("pairedError")),
      meanError: mean(column("meanError")),
      pairedCorrelation: correlation(column("paired"), truth),
      meansCorrelation: correlation(column("means"), truth),
      pairedSign: sameSign(column("paired"), truth),
      meansSign: sameSign(column("means"), truth),
      helped: mean(truth.map((x) => Number(x > 0))),
    },
  ]
})
for (const row of rows) console.log(JSON.stringify(row, (_key, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(4)) : value)))
const numbers = ["trueChange", "pairedError", "meanError", "pairedCorrelation", "meansCorrelation", "pairedSign", "meansSign", "helped"] as const
const summary = numbers.map((key) => {
  const values = rows.map((row) => row[key])
  return `${key} ${mean(values).toFixed(3)} +- ${standardError(values).toFixed(3)}`
})
console.log(`mean of ${rows.length} runs, ${rows.reduce((sum, { updates }) => sum + updates, 0)} updates: ${summary.join(", ")}`)
