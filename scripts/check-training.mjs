/**
 * A short real training: the quickstart for a few steps, from `dist/`. Fails unless the model has learnt: from the warm start
 * on, held-out accuracy and reward rise.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const STEPS = 25
const root = fileURLToPath(new URL("..", import.meta.url))

function check(holds, expectation, got) {
  if (!holds) throw new Error(`short training: expected ${expectation}, got ${JSON.stringify(got)}.`)
}

function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length
}

/** @param directory  of the finished run */
function checkRun(directory) {
  const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"))
  const lines = readFileSync(join(directory, "metrics.jsonl"), "utf8").trimEnd().split("\n")
  const rewards = lines.map((line) => JSON.parse(line).mu)
  const [early, late] = [mean(rewards.slice(0, 5)), mean(rewards.slice(-5))]
  console.log(`reward ${early.toFixed(3)} in the first five steps, ${late.toFixed(3)} in the last`)
  check(summary.steps === STEPS && rewards.length === STEPS, `${STEPS} steps`, [summary.steps, rewards.length])
  check(summary.heldOutSize >= 500, "500 held-out problems or more", summary.heldOutSize)
  check(summary.expected.start > 0.25 && summary.expected.start < 0.5, "an expected accuracy of 0.25 to 0.5 to start from", summary.expected)
  check(summary.expected.final > summary.expected.start + 0.05, "an expected accuracy that rises", summary.expected)
  check(summary.final > 0.5 && summary.best >= summary.final && summary.best <= 1, "a greedy accuracy above 0.5", summary)
  check(late > early + 0.02, "a reward that rises", [early, late])
}

const folder = mkdtempSync(join(tmpdir(), "pirl-training-"))
try {
  const directory = join(folder, "run")
  const args = ["dist/cli/main.js", "train", "examples/quickstart.yaml", "--steps", String(STEPS), "--run-dir", directory]
  execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" })
  checkRun(directory)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
