/**
 * How long the dashboard takes for the tables of a large comparison: 100 runs of 10^4 steps by default, two of them at work.
 *
 *   npx tsx bench/dashboard-comparison.ts [--arms N] [--seeds N] [--steps N]
 *
 * Makes the comparison, asks its source as the route does, and removes it.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { readComparison } from "../src/compare/index.ts"
import { writePlanFile } from "../src/compare/plan-file.ts"
import { runDirectory, writeResults } from "../src/compare/results.ts"
import { parseConfig } from "../src/config/index.ts"
import { ComparisonSource } from "../src/dashboard/server/comparison-source.ts"

const { values: args } = parseArgs({ options: { arms: { type: "string", default: "10" }, seeds: { type: "string", default: "10" }, steps: { type: "string", default: "10000" } } })
const numbers = (count: string): number[] => Array.from({ length: Number(count) }, (_, i) => i + 1)
const [arms, seeds, steps] = [numbers(args.arms).map((i) => `arm-${i}`), numbers(args.seeds), Number(args.steps)]
const time = { at: "2026-01-01T00:00:00.000Z", seconds: 1.5, sampleSeconds: 0.5, verifySeconds: 0.1, trainSeconds: 0.8 }
const out = mkdtempSync(join(tmpdir(), "pirl-comparison-"))

const metricsLine = (step: number): string =>
  `${JSON.stringify({ step, mu: 0.5, xi: 0.123, muHis: 0.5, sigmaHis: 0.1, entropy: 1.23456, kl: 0.0123, loss: -0.0123, gradientNorm: 1.234, clipFraction: 0.0123, responseLength: 123.4, optimizerSteps: 1, sampledTokens: 12_345, trainedTokens: 23_456, time })}\n`

function generate(): void {
  const config = parseConfig({ model: { preset: "nano" }, task: { name: "add2" } })
  const plan = writePlanFile(out, { config, arms: arms.map((name) => ({ name, overrides: [], changes: {}, config })), seeds }, "0.1.0")
  const metrics = Array.from({ length: steps }, (_, i) => metricsLine(i + 1)).join("")
  const evaluations = Array.from({ length: 201 }, (_, i) => `${JSON.stringify({ step: Math.floor((i * steps) / 200), size: 500, expectedAccuracy: 0.3 + i / 1000, expectedStandardError: 0.02, time })}\n`).join("")
  const runs = seeds.flatMap((seed) => arms.map((arm) => ({ arm, seed })))
  runs.forEach((run, i) => {
    const directory = runDirectory(out, run)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "config.yaml"), "seed: 1\n")
    writeFileSync(join(directory, "metrics.jsonl"), metrics)
    writeFileSync(join(directory, "evaluations.jsonl"), evaluations)
    if (i < runs.length - 2) writeFileSync(join(directory, "summary.json"), "{}")
  })
  writeResults(out, plan, readComparison(out).results)
}

async function timed(name: string, work: () => unknown): Promise<void> {
  const start = performance.now()
  await work()
  console.log(`${name.padEnd(60)} ${(performance.now() - start).toFixed(1)} ms`)
}

try {
  generate()
  const source = new ComparisonSource(out)
  const open = runDirectory(out, { arm: arms.at(-1)!, seed: seeds.at(-1)! })
  await timed("every run folder", () => readComparison(out))
  // The first answer loads the code that reads comparisons; a process does that once.
  await new ComparisonSource(out).answer({})
  await timed("first answer, from the lines of runs that have ended", () => source.answer({}))
  await source.answer({})
  await timed("nothing has changed", () => source.answer({}))
  await timed("nothing has changed, another match", () => source.answer({ match: "updates" }))
  appendFileSync(join(open, "metrics.jsonl"), metricsLine(steps + 1))
  await timed("a run at work made a step", () => source.answer({}))
  appendFileSync(join(open, "events.jsonl"), '{"kind":"alarm","message":"entropy is low"}\n')
  await timed("a run at work wrote an event", () => source.answer({}))
} finally {
  rmSync(out, { recursive: true, force: true })
}
