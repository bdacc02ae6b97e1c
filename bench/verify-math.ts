/**
 * Accuracy and speed of the math verifier on case files.
 *   npx tsx bench/verify-math.ts CASES_DIR [--failures]
 * CASES_DIR holds *.jsonl with rows {id, gold, pred, expected} and, per row, strict, precision, match_types,
 * allow_set_relation_comp.
 */
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { mathOptionsFromRow, verifyMath } from "../src/verifiers/math/index.ts"

interface CaseRow extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly gold: string
  readonly pred: string
  readonly expected: boolean
}

const directory = process.argv[2]
if (directory === undefined) {
  console.error("verify-math: expected a folder of case files, got nothing. Run npx tsx bench/verify-math.ts CASES_DIR.")
  process.exit(2)
}
const showFailures = process.argv.includes("--failures")

let totalRows = 0
let totalMs = 0
for (const file of readdirSync(directory).filter((name) => name.endsWith(".jsonl")).sort()) {
  const rows = readFileSync(join(directory, file), "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as CaseRow)
  const options = rows.map(mathOptionsFromRow)
  const verify = (): boolean[] => rows.map((row, index) => verifyMath(row.gold, row.pred, options[index]!).correct)
  const verdicts = verify()
  const repeats = 5
  let slowestMs = 0
  // Processor time: other processes on the machine are not the verifier's cost.
  const start = process.cpuUsage()
  for (let repeat = 0; repeat < repeats; repeat++) verify()
  const { user, system } = process.cpuUsage(start)
  const elapsed = (user + system) / 1000
  for (const [index, row] of rows.entries()) {
    const before = process.cpuUsage()
    verifyMath(row.gold, row.pred, options[index]!)
    const cost = process.cpuUsage(before)
    slowestMs = Math.max(slowestMs, (cost.user + cost.system) / 1000)
  }
  totalRows += rows.length * repeats
  totalMs += elapsed
  const wrong = rows.filter((row, index) => verdicts[index] !== row.expected)
  const falseNegatives = wrong.filter((row) => row.expected)
  const falsePositives = wrong.filter((row) => !row.expected)
  const accuracy = (100 * (rows.length - wrong.length)) / rows.length
  console.log(
    `${file}: ${accuracy.toFixed(2)} % of ${rows.length}, ${falseNegatives.length} false negatives, ${falsePositives.length} false positives, ` +
      `${Math.round((1000 * rows.length * repeats) / elapsed)} per second, slowest ${slowestMs.toFixed(1)} ms`,
  )
  if (falseNegatives.length > 0) console.log(`  false negatives: ${falseNegatives.map((row) => row.id).join(" ")}`)
  if (falsePositives.length > 0) console.log(`  false positives: ${falsePositives.map((row) => row.id).join(" ")}`)
  if (showFailures) {
    for (const row of wrong) {
      const verdict = verifyMath(row.gold, row.pred, mathOptionsFromRow(row))
      console.log(`  ${row.id} expected ${row.expected}: ${verdict.status}, ${verdict.reason}\n    gold ${row.gold.slice(-200)}\n    pred ${row.pred.slice(-200)}`)
    }
  }
}
console.log(`all: ${Math.round((1000 * totalRows) / totalMs)} verifications per second on one core`)
