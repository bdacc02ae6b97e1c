import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { array, assert, constantFrom, oneof, property, record } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { analyzeLog, type LogAnalysis, type StepVerdict } from "../analysis/index.ts"
import { TableBuilder } from "../analysis/readers/log-table.ts"
import { analysisText, stepTable } from "./analysis-text.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import { plotCurve } from "./log-plot.ts"

const example = fileURLToPath(new URL("../../examples/logs/grpo-trl/trainer_state.json", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "pirl-analyze-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function analyze(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const context = captured()
  const code = await runCli(["analyze", ...argv], context)
  return { code, out: context.stdout(), err: context.stderr() }
}

function written(name: string, rows: readonly object[]): string {
  const path = join(folder, name)
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
  return path
}

describe("pirl analyze", () => {
  test("says first what became of the run, then why, then where it read it", async () => {
    const { code, out } = await analyze(example, "--prompts", "32", "--group-size", "8", "--eval-size", "500")
    expect(code).toBe(0)
    const lines = out.split("\n")
    expect(lines[0]).toMatch(/^The run improved, then lost most of it: reward 0\.\d+ at the start, 0\.\d+ at best \(steps \d+ to \d+\)/)
    expect(lines[1]).toMatch(/^It should have been stopped after step \d+: what came then cost 0\.\d+ \(95 % 0\.\d+ to 0\.\d+\) and \d+ % of the steps\.$/)
    expect(out).toMatch(/Updates by the sign of the signal: \d+ helped, \d+ hurt/)
    expect(out).toMatch(/by 32 prompts x 8 responses, deviations within groups and of the batch: above one in/)
    expect(out).toMatch(/Between evaluations its sign agreed with the change/)
    expect(out).toMatch(/B best mean \(to \d+\), D first significant drop \(\d+\)/)
    expect(out).toMatch(/Left out: 1 row without a reward, 6 rows left behind by 1 restart\./)
  })

  test("says of equal rewards that they are no signal, and nothing of updates", async () => {
    const { code, out } = await analyze(
      written(
        "equal.jsonl",
        Array.from({ length: 12 }, (_, i) => ({ step: i + 1, reward: 0 })),
      ),
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^No signal: every reward is the same, 0 from step 1 to step 12\./)
    expect(out).not.toMatch(/Updates by|Size of the signal/)
  })

  test("docs/analyze.md shows what the example prints", async () => {
    const repository = fileURLToPath(new URL("../../", import.meta.url))
    const { out } = await analyze(example, "--prompts", "32", "--group-size", "8", "--eval-size", "500")
    const shown = out.replaceAll(repository, "").trimEnd().split("\n").map((line) => `    ${line}`.trimEnd()).join("\n")
    expect(readFileSync(join(repository, "docs/analyze.md"), "utf8")).toContain(shown)
  })

  test("gives one JSON object, with the steps on request", async () => {
    const { out } = await analyze(example, "--json")
    const analysis = JSON.parse(out) as LogAnalysis & { steps?: unknown }
    expect(analysis.outcome.kind).toBe("fell-back")
    expect(analysis.steps).toBeUndefined()
    const { steps } = JSON.parse((await analyze(example, "--json", "--steps")).out) as { steps: StepVerdict[] }
    expect(steps).toHaveLength(analysis.rows)
    expect(steps.filter(({ verdict }) => verdict === "improved")).toHaveLength(analysis.signal.verdicts.improved)
  })

  test("lists every step with its verdict on the update before", async () => {
    const path = written("steps.jsonl", [0, 1, 2, 3, 4, 5, 6, 7, 8, 4].map((reward, step) => ({ step: step + 1, reward })))
    const table = (await analyze(path, "--steps")).out.split("\n")
    expect(table[0]).toMatch(/^step +reward +window +signal +error +xi +update before$/)
    expect(table[9]).toMatch(/^9 .*improved$/)
    expect(table[10]).toMatch(/^10 +4\.000 +4\.500 +-0\.500 .*regressed$/)
  })

  test("tells a fall of held-out accuracy that the reward does not show", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ step: i + 1, reward: 0.2 + 0.01 * i + 0.02 * (i % 2), ...(i % 10 === 9 ? { eval_accuracy: i < 30 ? 0.6 : 0.4 } : {}) }))
    const { out } = await analyze(written("hacked.jsonl", rows), "--eval-size", "1000")
    expect(out).toMatch(/still improving at its end/)
    expect(out).toMatch(/By held-out accuracy it should have been stopped after step 10, though the reward does not show it: it lost 0\.200/)
  })

  test("a log of 100,000 rows is read and judged in seconds", async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => ({ step: i + 1, reward: 0.3 + ((i * 7919) % 97) / 500 - (i > 80_000 ? 0.1 : 0), entropy: 0.5 }))
    const path = written("long.jsonl", rows)
    const started = performance.now()
    const { out } = await analyze(path, "--json")
    // About 0.7 s on one core; the bound leaves room for a busy machine.
    expect((performance.now() - started) / 1000).toBeLessThan(6)
    const { outcome } = JSON.parse(out) as LogAnalysis
    expect(outcome).toMatchObject({ kind: "declined", width: 2000 })
    expect(outcome.firstDrop!.step).toBeGreaterThan(80_000)
    expect(outcome.firstDrop!.step).toBeLessThan(80_500)
  })

  test("a log without a reward column names the columns it found, with exit code 2", async () => {
    const { code, err } = await analyze(written("loss.jsonl", [{ step: 1, loss: 0.5, grad_norm: 1 }]))
    expect(code).toBe(2)
    expect(err).toContain("got the columns step, loss, grad_norm. Name it with --reward.")
  })

  test("options out of range are refused all at once", async () => {
    const { code, err } = await analyze(example, "--window", "0", "--prompts", "0")
    expect(code).toBe(2)
    expect(err).toContain("expected --window of at least 1, got 0")
    expect(err).toContain("expected --prompts of at least 1, got 0")
  })
})

describe("the report", () => {
  const columns = record({
    reward: constantFrom<unknown>(0, 0.5, 1, -3, null, "n/a"),
    reward_std: constantFrom<unknown>(0, 0.5, null),
    eval_accuracy: oneof(constantFrom<unknown>(0, 0.5, 1, null)),
    entropy: constantFrom<unknown>(0, 0.5, null),
  })

  test("never says NaN, undefined or null, and holds none as JSON: constant rewards, one row, groups of one, gaps", () => {
    assert(
      property(array(columns, { maxLength: 25 }), constantFrom({}, { prompts: 4, groupSize: 1 }, { prompts: 4, groupSize: 8, evaluationSize: 50 }, { window: 1 }), (rows, options) => {
        const table = new TableBuilder()
        for (const row of [{ reward: 0.5 }, ...rows]) table.addRecord(row)
        const { analysis, steps } = analyzeLog(table.finish("JSONL"), "x", options)
        const text = analysisText(analysis, steps, 80) + stepTable(steps)
        expect(text).not.toMatch(/NaN|undefined|null|Infinity/)
        expect(JSON.stringify(analysis, (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? "not finite" : value))).not.toContain("not finite")
      }),
    )
  })

  test("of a log of one row says that it is too short", () => {
    const table = new TableBuilder()
    table.addRecord({ reward: 0.5 })
    const { analysis, steps } = analyzeLog(table.finish("JSON"), "x")
    expect(analysisText(analysis, steps, 80)).toMatch(/^Too short to judge: reward 0\.500/)
  })

  test("plots the least value lowest and the greatest highest, with marks where they belong", () => {
    const plot = plotCurve([1, 2, 3, 4], [0, 0.5, 1, 0.25], [{ letter: "B", meaning: "best", at: 3 }], 80)
    expect(plot).toBe(
      [
        "     1.000   █",
        "             █",
        "             █",
        "            ▁█",
        "            ██",
        "            ██▁",
        "            ███",
        "         0 ▁███",
        "           --B-",
        "      step 1  4",
        "           B best",
        "",
      ].join("\n"),
    )
  })
})
