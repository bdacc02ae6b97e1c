/**
 * The tables of README.md.
 *
 *   npx tsx experiments/good-start/table.ts OUT    reads the runs of run.sh, writes results.json, prints
 *   npx tsx experiments/good-start/table.ts        prints what results.json holds
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { intervalMean, measureCurve } from "../../src/compare/statistics.ts"
import { readRun } from "../../src/index.ts"

/** A run; accuracies are expected ones unless they say greedy. */
interface Result {
  readonly part: "tune" | "claims"
  readonly arm: string
  readonly seed: number
  /** Before the first step, on the problems that the steps are measured on. */
  readonly start: number
  /** After each of the first steps. */
  readonly steps: readonly number[]
  readonly end: number
  readonly greedyEnd: number | null
  readonly collapsed: boolean
}

/** Steps that are kept of a run. */
const kept = { tune: 40, claims: 25 } as const
/** Of which the lowest accuracy is the loss of the start. */
const startSteps = 20
const file = join(import.meta.dirname, "results.json")

const rounded = (value: number): number => Number(value.toFixed(4))

function collect(out: string, part: Result["part"]): Result[] {
  const runs = join(out, part, "runs")
  const arms = existsSync(runs) ? readdirSync(runs) : []
  const folders = arms.flatMap((arm) => readdirSync(join(runs, arm)).map((name) => ({ arm, name })))
  return folders.flatMap(({ arm, name }): Result[] => {
    const { state, metrics, evaluations } = readRun(join(runs, arm, name))
    if (state !== "finished") {
      console.error(`${part}/${arm}/${name}: left out, ${state}`)
      return []
    }
    const seed = Number(name.slice("seed-".length))
    const curve = evaluations.map(({ step, expectedAccuracy }) => ({ x: step, value: expectedAccuracy! }))
    const last = evaluations.at(-1)!
    return [
      {
        part,
        arm,
        seed,
        start: rounded(part === "tune" ? startOf(out, seed) : curve[0]!.value),
        steps: metrics.slice(0, kept[part]).map((line) => rounded(Number(line["expectedAccuracy"]))),
        end: rounded(last.expectedAccuracy!),
        greedyEnd: last.greedyAccuracy ?? null,
        collapsed: measureCurve(curve)!.collapsed,
      },
    ]
  })
}

/** The steps of the tuning runs are measured on fewer problems than their starts: run.sh measures these again. */
function startOf(out: string, seed: number): number {
  const text = readFileSync(join(out, "tune", `start-${seed}.json`), "utf8")
  return (JSON.parse(text) as { readonly expectedAccuracy: number }).expectedAccuracy
}

function cell(values: readonly number[]): string {
  const { mean, standardError } = intervalMean(values)!
  return standardError === null ? mean.toFixed(3) : `${mean.toFixed(3)} +- ${standardError.toFixed(3)}`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`
}

const lossOf = ({ start, steps }: Result): number => start - Math.min(...steps.slice(0, startSteps))
const after = (step: number) => (result: Result): number => result.steps[step - 1]!

function armTable(results: readonly Result[], steps: readonly number[]): void {
  const columns = steps.map((step) => `after ${step}`)
  console.log(row(["arm", "seeds", "before", ...columns, "loss of the start", "end", "greedy", "collapsed"]))
  console.log(row(Array<string>(steps.length + 7).fill("---")))
  const arms = [...new Set(results.map((result) => result.arm))]
  for (const arm of arms.sort((a, b) => a.localeCompare(b, "en", { numeric: true }))) {
    const own = results.filter((result) => result.arm === arm)
    const column = (value: (result: Result) => number): string => cell(own.map(value))
    const greedy = own.flatMap(({ greedyEnd }) => (greedyEnd === null ? [] : [greedyEnd]))
    const collapsed = `${own.filter((result) => result.collapsed).length}/${own.length}`
    const ends = [column(lossOf), column(({ end }) => end), greedy.length === 0 ? "-" : cell(greedy), collapsed]
    const cells = steps.map((step) => column(after(step)))
    console.log(row([arm, String(own.length), column(({ start }) => start), ...cells, ...ends]))
  }
}

/** After less before, paired by seed. */
function differences(results: readonly Result[]): void {
  const of = (arm: string, seed: number): Result | undefined =>
    results.find((result) => result.arm === arm && result.seed === seed)
  const pairs = [...new Set(results.map(({ seed }) => seed))].flatMap((seed) => {
    const [before, now] = [of("before", seed), of("after", seed)]
    return before === undefined || now === undefined ? [] : [[before, now] as const]
  })
  if (pairs.some(([before, now]) => before.start !== now.start)) throw new Error("arms of one seed have other starts")
  const measures: readonly (readonly [name: string, value: (result: Result) => number])[] = [
    ["loss of the start", lossOf],
    ["after step 1", after(1)],
    ["after step 25", after(25)],
    ["end", ({ end }) => end],
    ["greedy end", ({ greedyEnd }) => greedyEnd ?? Number.NaN],
  ]
  for (const [name, value] of measures) {
    const found = intervalMean(pairs.map(([before, now]) => value(now) - value(before)))
    if (found === undefined || found.low === null || found.high === null) continue
    const interval = `[${found.low.toFixed(3)}, ${found.high.toFixed(3)}]`
    console.log(`${name}, after less before: ${found.mean.toFixed(3)} ${interval}, ${found.n} pairs`)
  }
}

const [out] = process.argv.slice(2)
if (out !== undefined) {
  const lines = [...collect(out, "tune"), ...collect(out, "claims")].map((result) => JSON.stringify(result))
  writeFileSync(file, `[\n${lines.join(",\n")}\n]\n`)
}
const results = JSON.parse(readFileSync(file, "utf8")) as Result[]
console.log("Tuning\n")
armTable(results.filter(({ part }) => part === "tune"), [1, 2, 5, 10, 20, 40])
console.log("\nClaims\n")
const claims = results.filter(({ part }) => part === "claims")
armTable(claims, [1, 2, 5, 10, 15, 20, 25])
console.log()
differences(claims)
