/**
 * `node scripts/count-tests.mjs REPORT STATUS`: prints `PASSED FAILED` from vitest's JSON report and the exit status of the
 * test run. Without a report, or when the run failed for a reason that no test shows, one has failed.
 */
import { readFileSync } from "node:fs"

const [file, status] = process.argv.slice(2)

function counts() {
  let report
  try {
    report = JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return { passed: 0, failed: 0 }
  }
  // A file that cannot be loaded has no tests to fail.
  const broken = report.testResults.filter(
    ({ status: result, assertionResults }) => result === "failed" && assertionResults.every((test) => test.status !== "failed"),
  )
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length }
}

const { passed, failed } = counts()
const unexplained = failed === 0 && (status !== "0" || passed === 0)
console.log(`${passed} ${failed + (unexplained ? 1 : 0)}`)
