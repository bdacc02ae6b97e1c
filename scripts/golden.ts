/**
 * `npm run golden -- FILE [--tolerance 1e-10]`: runs recorded reference numbers through the implementation, in float64. Prints what
 * failed and closes with `N passed, N failed`; exit code 1 when any failed, 2 when the file cannot be read.
 */
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { GoldenError, type Json } from "../test/golden/harness/fields.ts"
import { runGoldenFile } from "../test/golden/harness/run-file.ts"

function main(): number {
  const { values, positionals } = parseArgs({
    options: { tolerance: { type: "string", default: "1e-10" } },
    allowPositionals: true,
  })
  const [file, ...more] = positionals
  const tolerance = Number(values.tolerance)
  if (file === undefined || more.length > 0 || !(tolerance > 0)) {
    console.error("golden: expected one file and a positive tolerance. Run npm run golden -- FILE [--tolerance 1e-10].")
    return 2
  }
  try {
    const results = runGoldenFile(JSON.parse(readFileSync(file, "utf8")) as Json, tolerance)
    for (const { name, passed, worst, note } of results) {
      if (!passed) console.log(`failed ${name}: worst relative error ${worst.toExponential(1)} (${note})`)
      else if (note !== "") console.log(`documented difference ${name}: ${note}`)
    }
    const failed = results.filter((result) => !result.passed).length
    const worst = results
      .filter((result) => result.passed)
      .reduce((largest, result) => Math.max(largest, result.worst), 0)
    console.log(`worst relative error of those passed: ${worst.toExponential(1)}`)
    console.log(`${results.length - failed} passed, ${failed} failed`)
    return failed === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof GoldenError || error instanceof SyntaxError || (error instanceof Error && "code" in error)))
      throw error
    console.error(`golden: expected a golden file, got ${file}: ${error.message}`)
    return 2
  }
}

process.exitCode = main()
