import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { captured } from "../src/cli/cli.test-helper.ts"
import { runCli } from "../src/cli/cli.ts"
import { acquireLock } from "../src/runs/index.ts"
import { type Outcome, type Running, pirl, startPirl } from "./helpers/pirl.ts"
import { Workspace, checkpointsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

interface Line {
  readonly arm: string
  readonly seed: number
  readonly state: string
  readonly error?: string
  readonly curve: readonly unknown[]
}

/** results.jsonl without what depends on the clock, and with one name for its folder. */
function resultsOf(directory: string): Line[] {
  const text = readFileSync(join(directory, "results.jsonl"), "utf8").replaceAll(directory, "OUT").replace(/[^" ]*\/(?=runs\/)/g, "OUT/")
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const { time: _time, ...rest } = JSON.parse(line) as Line & { time: unknown }
      return rest
    })
}

/** Runs `pirl` in this process. */
async function here(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = captured()
  const code = await runCli(args, context)
  return { code, stdout: context.stdout(), stderr: context.stderr() }
}

describe("a comparison of two arms and one that breaks, over two seeds", () => {
  const config = workspace.config(tinyConfig({ train: { steps: 4 }, evaluation: { every: 1 }, checkpoint: { every: 1 } }))
  const whole = workspace.fresh("whole")
  const arms = ["--arms", "base,pipo", "--arm", "broken=base:optimizer.learningRate=1e300", "--seeds", "2", "--parallel", "2"]
  const compare = (out: string, ...more: string[]): string[] => ["compare", config, ...arms, "--out", out, ...more]
  let outcome: Outcome

  beforeAll(async () => {
    outcome = await pirl(compare(whole))
  })

  test("reports the broken arm with its reason, finishes the others and exits with 1", () => {
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).not.toContain("pirl:")
    expect(resultsOf(whole).map(({ arm, seed, state }) => [arm, seed, state])).toEqual([
      ["base", 1, "finished"],
      ["pipo", 1, "finished"],
      ["broken", 1, "failed"],
      ["base", 2, "finished"],
      ["pipo", 2, "finished"],
      ["broken", 2, "failed"],
    ])
    expect(resultsOf(whole)[2]!.error).toMatch(/expected finite losses and gradients, got 3 refused updates in a row/)
    expect(outcome.stdout).toMatch(/^broken +0 \(2 failed\)/m)
    expect(outcome.stdout).toMatch(/^pipo - base +2 +[+-]0\.\d{3} \[/m)
    expect(outcome.stdout).toMatch(/^failed: broken seed 2: train: expected finite/m)
  })

  test("keeps the numbers of its runs, and neither their models nor their checkpoints", () => {
    expect(readdirSync(join(whole, "runs", "base", "seed-1")).sort()).toEqual(["completions", "config.yaml", "evaluations.jsonl", "events.jsonl", "metrics.jsonl", "summary.json"])
    expect(readFileSync(join(whole, "compare.svg"), "utf8")).toMatch(/^<svg /)
    expect(readFileSync(join(whole, "table.md"), "utf8")).toMatch(/^\| pipo - base \| 2 \|/m)
  })

  test("keeps and shows the command that made it", async () => {
    const shown = await here("compare", "--show", whole)
    expect(shown.stdout).toMatch(/^made by: pirl compare .*config-\d+\.yaml --arms base,pipo --arm broken=base:optimizer\.learningRate=1e300 --seeds 2 --parallel 2 --out .*whole-\d+$/m)
  })

  test("pairs its arms: one start per seed, from which a run is what it is with a warm start of its own", async () => {
    expect(readdirSync(join(whole, "starts")).sort()).toEqual(["seed-1", "seed-2"])
    const alone = workspace.fresh("alone")
    const { code } = await pirl(["train", config, "--run-dir", alone, "--set", "seed=2", "--set", "pipo.enabled=false"])
    expect(code).toBe(0)
    const [arm, run] = [measured(join(whole, "runs", "base", "seed-2")), measured(alone)]
    expect(arm.metrics).toEqual(run.metrics)
    expect(arm.evaluations).toEqual(run.evaluations)
    const other = measured(join(whole, "runs", "pipo", "seed-2"))
    expect(other.evaluations[0]).toEqual(run.evaluations[0])
    expect(other.metrics[0]!["mu"]).toBe(run.metrics[0]!["mu"])
    expect(other.metrics.at(-1)).not.toEqual(run.metrics.at(-1))
  })

  test("killed while it makes starts, then stopped by Ctrl-C, then killed between runs, it is the same in the end", async () => {
    const out = workspace.fresh("killed")
    const endAt = async (moment: (run: Running) => Promise<void>, signal: "SIGKILL" | "SIGINT"): Promise<Outcome> => {
      const run = startPirl(compare(out))
      await moment(run)
      run.kill(signal)
      return await run.ended
    }
    await endAt((run) => run.printed(/6 runs, 2 at a time/), "SIGKILL")
    expect(existsSync(join(out, "lock.json"))).toBe(true)
    const stopped = await endAt((run) => run.printed(/start of seed 1: done/), "SIGINT")
    // By the signal, which shells report as 130, when a worker was reading weights.
    expect(stopped.signal === "SIGINT" ? 130 : stopped.code).toBe(130)
    expect(stopped.stderr).toContain("stopping; Ctrl-C again stops at once")
    expect(stopped.stderr).toContain("The same command goes on")
    if (stopped.code === 130) expect(existsSync(join(out, "lock.json"))).toBe(false)
    await endAt((run) => run.printed(/^(?:base|pipo) seed 1: done/m), "SIGKILL")
    const last = await pirl(compare(out))
    expect(last.code).toBe(1)
    expect(last.stderr).toMatch(/6 runs, [1-5] of them done before/)
    expect(resultsOf(out)).toEqual(resultsOf(whole))
  })

  test("done, it does nothing again but show itself; with more arms and seeds it does these alone", async () => {
    const before = readFileSync(join(whole, "runs", "base", "seed-1", "events.jsonl"), "utf8")
    const again = await here(...compare(whole))
    expect(again.code).toBe(1)
    expect(again.stderr).toContain("6 runs, 6 of them done before")
    expect(again.stderr).not.toMatch(/: done|failed: train.*\(/)
    const more = await pirl(["compare", config, "--arms", "base,two-epochs", "--seeds", "2-3", "--out", whole, "--keep-models", "--match", "updates"])
    expect(more.stderr).toContain("4 runs, 1 of them done before")
    expect(more.stdout).toMatch(/two-epochs - base +2 /)
    expect(more.stdout).toContain("A schedule that depends on the run's length was cut")
    expect(readFileSync(join(whole, "runs", "base", "seed-1", "events.jsonl"), "utf8")).toBe(before)
    expect(checkpointsOf(join(whole, "runs", "two-epochs", "seed-3"))).toEqual([4])
    expect(existsSync(join(whole, "runs", "two-epochs", "seed-3", "model", "model.safetensors"))).toBe(true)
  })

  test("is shown without being run, as text and for machines", async () => {
    const shown = await here("compare", "--show", whole, "--against", "base,pipo")
    expect({ code: shown.code, stderr: shown.stderr }).toEqual({ code: 1, stderr: "" })
    expect(shown.stdout).toMatch(/^base - pipo /m)
    expect(shown.stdout).toMatch(/[\u2801-\u28FF].* pipo$/m)
    const json = JSON.parse((await here("compare", "--show", whole, "--json")).stdout) as { arms: { arm: string; n: number }[]; failures: unknown[] }
    expect(json.arms.map(({ arm, n }) => [arm, n])).toContainEqual(["base", 3])
    expect(json.failures).toHaveLength(2)
  })

  test("is shown from its plan and results alone, as one may keep or publish them", async () => {
    const kept = workspace.fresh("kept")
    mkdirSync(kept)
    for (const file of ["plan.json", "results.jsonl"]) copyFileSync(join(whole, file), join(kept, file))
    const [shown, from] = [await here("compare", "--show", kept), await here("compare", "--show", whole)]
    expect(shown).toEqual({ ...from, stdout: from.stdout.replace(/in .*\n$/, `in ${kept}\n`) })
  })

  test("shares starts with other comparisons: what one has made the next takes, and one at a time makes any", async () => {
    const starts = workspace.fresh("starts")
    const shared = async (arm: string): Promise<{ out: string; stderr: string }> => {
      const out = workspace.fresh("shared")
      const { code, stderr } = await pirl([
        "compare",
        config,
        "--arms",
        arm,
        "--seeds",
        "1",
        "--starts",
        starts,
        "--out",
        out,
      ])
      expect(code).toBe(0)
      expect(existsSync(join(out, "starts"))).toBe(false)
      return { out, stderr }
    }
    const first = await shared("base")
    expect(first.stderr).toContain("start of seed 1: done")
    const second = await shared("pipo")
    expect(second.stderr).not.toContain("start of seed")
    for (const [arm, { out }] of [["base", first], ["pipo", second]] as const) {
      expect(measured(join(out, "runs", arm, "seed-1"))).toEqual(measured(join(whole, "runs", arm, "seed-1")))
    }
    const lock = acquireLock(starts)
    try {
      const other = ["compare", config, "--arms", "base", "--seeds", "1", "--set", "warmStart.maxSteps=2", "--starts", starts, "--out", workspace.fresh("other")]
      const refused = await here(...other)
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/--starts: expected a folder of its own, got .*starts-\d+, which is in use by process/)])
    } finally {
      lock.release()
    }
    expect(readdirSync(starts)).toEqual([expect.stringMatching(/^seed-1-[0-9a-f]{12}$/)])
  })

  test("keeps a second process out while one works in its folder, and lets it look on", async () => {
    const lock = acquireLock(whole)
    try {
      const second = await here(...compare(whole))
      expect(second.code).toBe(2)
      expect(second.stderr).toContain(`which is in use by process ${process.pid} on`)
      expect((await here("compare", "--show", whole)).stdout).toMatch(/^pipo +2 \(1 open\)/m)
    } finally {
      lock.release()
    }
  })

  test("refuses what it cannot do before anything runs", async () => {
    const wrong = await here("compare", config, "--arms", "bse,dapo+pipoo", "--seeds", "2", "--out", workspace.fresh("wrong"))
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/2 problems, nothing was started:\n.*got "bse"\. Did you mean base\?\n.*got "pipoo"\. Did you mean pipo\?/)
    const other = await here("compare", config, "--arm", "base:optimizer.epochs=3", "--seeds", "2", "--out", whole)
    expect(other.code).toBe(2)
    expect(other.stderr).toContain("arm base: expected the arm base of")
    const against = await here("compare", "--show", whole, "--against", "bas")
    expect(against.stderr).toMatch(/--against: expected an arm of the comparison \(base, pipo, .*got "bas"\. Did you mean base\?/)
    const late = workspace.fresh("late")
    const early = await here("compare", config, "--arms", "base", "--seeds", "1", "--out", late, "--against", "bas")
    expect([early.code, early.stderr, existsSync(late)]).toEqual([2, expect.stringContaining('got "bas". Did you mean base?'), false])
    // An arm that the folder has from an earlier command.
    expect((await here("compare", config, "--arms", "base", "--seeds", "1", "--out", whole, "--against", "pipo", "--dry-run")).code).toBe(0)
    const match = await here("compare", "--show", whole, "--match", "update", "--measure", "sampled")
    expect(match.stderr).toMatch(/--match: expected rollouts, updates, seconds, got "update"\. Did you mean updates\?\n.*--measure: expected expected, greedy, got "sampled"/)
    expect((await here("compare")).stderr).toContain("expected CONFIG or --show DIR, got nothing")
    expect((await here("compare", "--show", workspace.fresh("nothing"))).stderr).toContain("expected the folder of a comparison, got none")
    const dry = await here("compare", config, ...arms, "--dry-run")
    expect(dry.code).toBe(0)
    expect(dry.stdout).toMatch(/^broken: pipo\.enabled=false optimizer\.learningRate=1e\+300$/m)
  })
})
