import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { randomStream } from "../src/random.ts"
import { type Outcome, type Running, pirl, startPirl } from "./helpers/pirl.ts"
import { type ConfigText, type Measured, Workspace, checkpointsOf, eventsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const variants: readonly (readonly [name: string, changes: ConfigText])[] = [
  ["PIPO over GRPO", {}],
  [
    "a critic, and a divergence from a reference that moves, held to a target",
    { objective: { name: "ppo", klCoefficient: 0.05, klTarget: 0.01, klHorizon: 100, referenceEvery: 5 }, optimizer: { epochs: 2, miniBatches: 2 } },
  ],
  ["adapters, and weights saved in half precision", { lora: { rank: 4 }, model: { dtype: "bf16" }, pipo: { window: 4 } }],
]

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Starts a run, or goes on with it once there is something to go on with. */
function goOn(config: string, directory: string): Running {
  const resumed = existsSync(join(directory, "config.yaml"))
  return startPirl(["train", config, "--run-dir", directory, ...(resumed ? ["--resume"] : [])])
}

async function untilThere(path: string): Promise<void> {
  for (let waited = 0; !existsSync(path) && waited < 30_000; waited++) await sleep(1)
}

function expectSame(directory: string, wanted: Measured): void {
  const found = measured(directory)
  expect(found.metrics).toEqual(wanted.metrics)
  expect(found.evaluations).toEqual(wanted.evaluations)
  expect(found.completions).toEqual(wanted.completions)
}

describe.each(variants)("a run with %s", (variant, changes) => {
  let config = ""
  let wanted: Measured
  let milliseconds = 0

  beforeAll(async () => {
    config = workspace.config(tinyConfig(changes))
    const directory = workspace.fresh("whole")
    const started = performance.now()
    const { code, stderr } = await pirl(["train", config, "--run-dir", directory])
    milliseconds = performance.now() - started
    expect(code, stderr).toBe(0)
    wanted = measured(directory)
    // A run in which nothing happens would resume under any implementation.
    expect(wanted.metrics.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
    expect(wanted.evaluations.map(({ step }) => step)).toEqual([0, 3, 6, 9, 12])
    expect(new Set(wanted.metrics.map(({ mu }) => mu)).size).toBeGreaterThan(3)
    expect(new Set(wanted.metrics.map(({ xi }) => xi)).size).toBeGreaterThan(6)
    expect(wanted.metrics.filter(({ gate }) => gate !== "skipped").length).toBeGreaterThan(3)
  })

  test("killed in the warm start, while it writes a checkpoint and after a step's line is one run when resumed", async () => {
    const directory = workspace.fresh("killed")
    const kill = async (moment: (run: Running) => Promise<void>): Promise<void> => {
      const run = goOn(config, directory)
      await moment(run)
      run.kill("SIGKILL")
      expect((await run.ended).signal).toBe("SIGKILL")
    }
    await kill((run) => run.printed(/warm start: learning/))
    await kill(() => untilThere(join(directory, "checkpoints", ".writing-step-000004")))
    expect(checkpointsOf(directory)).toEqual([0, 2])
    await kill((run) => run.printed(/^step +7\/12/m))
    const { code } = await goOn(config, directory).ended
    expect(code).toBe(0)
    expectSame(directory, wanted)
    expect(eventsOf(directory).map(({ kind }) => kind)).toEqual(expect.arrayContaining(["start", "resume", "finish"]))
    expect(existsSync(join(directory, "lock.json"))).toBe(false)
  })

  test("killed again and again at random moments is one run in the end", async () => {
    const directory = workspace.fresh("random")
    const random = randomStream(11, variants.findIndex(([name]) => name === variant))
    let outcome: Outcome | undefined
    for (let kills = 0; kills < 3; kills++) {
      const run = goOn(config, directory)
      await sleep((0.25 + 0.6 * random.uniform()) * milliseconds)
      run.kill("SIGKILL")
      outcome = await run.ended
    }
    if (outcome?.code !== 0) outcome = await goOn(config, directory).ended
    expect(outcome.code).toBe(0)
    expectSame(directory, wanted)
  })

  test("stopped by Ctrl-C saves its last step, says how to go on and exits with 130", async () => {
    const directory = workspace.fresh("interrupted")
    const run = startPirl(["train", config, "--run-dir", directory])
    await run.printed(/^step +5\/12/m)
    run.kill("SIGINT")
    const { code, stderr } = await run.ended
    expect(code).toBe(130)
    expect(stderr).toContain("stopping; Ctrl-C again stops at once")
    const where =
      /stopped after step (\d+)(?:; (?:step|the evaluation after step) \d+ was given up)?\. Go on with: pirl train --resume --run-dir/
    const stopped = Number(where.exec(stderr)?.[1])
    expect(checkpointsOf(directory).at(-1)).toBe(stopped)
    expect(measured(directory).metrics).toHaveLength(stopped)
    const resumed = await pirl(["train", "--resume", "--run-dir", directory])
    expect(resumed.code).toBe(0)
    expect(resumed.stderr).toContain(`the run resumes after step ${stopped}`)
    expectSame(directory, wanted)
  })
})

describe("a run in the middle of a long step", () => {
  const config = workspace.config(tinyConfig({ rollout: { promptsPerStep: 2048 }, warmStart: null, evaluation: { size: 4 } }))
  const directory = workspace.fresh("long")
  let run: Running

  beforeAll(async () => {
    run = startPirl(["train", config, "--run-dir", directory])
    await run.printed(/^step 0: held-out/m)
    await untilThere(join(directory, "checkpoints", "step-000000"))
  })
  afterAll(() => run.kill("SIGKILL"))

  test("keeps other processes out of its folder, and says which process it is", async () => {
    const other = await pirl(["train", "--resume", "--run-dir", directory])
    expect(other.code).toBe(2)
    expect(other.stderr).toContain(`${directory}, which is in use by process ${run.pid} on `)
    expect((JSON.parse(readFileSync(join(directory, "lock.json"), "utf8")) as { pid: number }).pid).toBe(run.pid)
  })

  test("dies of the second Ctrl-C at once, which shells report as 130", async () => {
    run.kill("SIGINT")
    await run.printed(/stopping; Ctrl-C again/)
    const asked = performance.now()
    run.kill("SIGINT")
    const { signal, stderr } = await run.ended
    expect(signal).toBe("SIGINT")
    expect(performance.now() - asked).toBeLessThan(2000)
    expect(stderr).not.toContain("stopped after step")
    expect(checkpointsOf(directory)).toEqual([0])
  })
})
