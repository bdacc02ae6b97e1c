import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { randomStream } from "../src/random.ts"
import { type Outcome, type Running, pirl, startPirl } from "./helpers/pirl.ts"
import { type ConfigText, type Measured, Workspace, checkpointsOf, eventsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

/** Promised to people; a busy machine takes a moment to see that a process has ended. */
const MOST_MS = 2000
const WATCHING_MS = 500

const workspace = new Workspace()
afterAll(() => workspace.remove())

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** What a shell makes of the end of a process. */
function shellCode({ code, signal }: Outcome): number | null {
  return signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : code
}

/** Sends the signal and waits for the end, which must come in time. */
async function stop(run: Running, signal: "SIGINT" | "SIGTERM" = "SIGINT"): Promise<Outcome> {
  const asked = performance.now()
  run.kill(signal)
  const outcome = await run.ended
  expect(performance.now() - asked, outcome.stderr).toBeLessThan(MOST_MS + WATCHING_MS)
  expect(shellCode(outcome), outcome.stderr).toBe(signal === "SIGINT" ? 130 : 143)
  expect(outcome.stderr).not.toMatch(/\n {4}at |bug of pirl/)
  return outcome
}

function goOn(config: string, directory: string): Running {
  const resumed = existsSync(join(directory, "config.yaml"))
  return startPirl(["train", config, "--run-dir", directory, ...(resumed ? ["--resume"] : [])])
}

async function finish(config: string, directory: string, wanted: Measured): Promise<Outcome> {
  const outcome = await goOn(config, directory).ended
  expect(outcome.code, outcome.stderr).toBe(0)
  const found = measured(directory)
  expect(found.metrics).toEqual(wanted.metrics)
  expect(found.evaluations).toEqual(wanted.evaluations)
  expect(found.completions).toEqual(wanted.completions)
  return outcome
}

async function whole(config: string): Promise<Measured> {
  const directory = workspace.fresh("whole")
  const { code, stderr } = await pirl(["train", config, "--run-dir", directory])
  expect(code, stderr).toBe(0)
  return measured(directory)
}

const variants: readonly (readonly [name: string, changes: ConfigText])[] = [
  ["PIPO over GRPO", {}],
  ["a policy that is compared with the one before", { pipo: { preset: "verified" } }],
]

describe.each(variants)("a run with %s", (_, changes) => {
  const config = workspace.config(tinyConfig({ ...changes, evaluation: { every: 2 }, checkpoint: { every: 5 } }))
  let wanted: Measured
  let milliseconds = 0

  beforeAll(async () => {
    const started = performance.now()
    wanted = await whole(config)
    milliseconds = performance.now() - started
  })

  test("stopped again and again at random moments ends in time each time, and is one run in the end", async () => {
    const directory = workspace.fresh("random")
    const random = randomStream(5, variants.findIndex(([, other]) => other === changes))
    for (let stops = 0; stops < 5; stops++) {
      const run = goOn(config, directory)
      await Promise.race([sleep((0.2 + 0.7 * random.uniform()) * milliseconds), run.ended])
      run.kill(stops % 2 === 0 ? "SIGINT" : "SIGTERM")
      const outcome = await run.ended
      expect([0, 130, 143], outcome.stderr).toContain(shellCode(outcome))
      if (outcome.code === 0) break
    }
    await finish(config, directory, wanted)
    expect(existsSync(join(directory, "warm-start"))).toBe(false)
  })
})

describe("Ctrl-C", () => {
  test("in the warm start keeps its steps: the run goes on after them, to the same numbers", async () => {
    const config = workspace.config(tinyConfig({ warmStart: { maxSteps: 60, evalEvery: 60 }, train: { steps: 2 } }))
    const wanted = await whole(config)
    const directory = workspace.fresh("warm")
    const run = startPirl(["train", config, "--run-dir", directory])
    await run.printed(/warm start: learning/)
    await sleep(700)
    const { stderr } = await stop(run)
    const step = Number(/stopped in the warm start, after step (\d+) of it, which is saved\. Go on with/.exec(stderr)?.[1])
    expect(step, stderr).toBeGreaterThan(0)
    const resumed = await finish(config, directory, wanted)
    expect(resumed.stderr).toContain(`the run resumes in its warm start, after step ${step} of that`)
  })

  test("in the middle of sampling gives the step up and saves the one before", async () => {
    const changes = { warmStart: null, rollout: { promptsPerStep: 2048, groupSize: 16 }, evaluation: { size: 4 }, checkpoint: { every: 100 } }
    const config = workspace.config(tinyConfig(changes))
    const directory = workspace.fresh("sampling")
    const run = startPirl(["train", config, "--run-dir", directory])
    await run.printed(/^step 0: held-out/m)
    await sleep(1000)
    const { stderr } = await stop(run)
    expect(stderr).toContain("stopped after step 0; step 1 was given up. Go on with: pirl train --resume --run-dir ")
    expect(checkpointsOf(directory)).toEqual([0])
    expect(eventsOf(directory).at(-1)).toMatchObject({ kind: "interrupt", step: 0 })
    expect(existsSync(join(directory, "lock.json"))).toBe(false)
  })

  test("in an evaluation saves the step; the run that goes on makes the evaluation first", async () => {
    const config = workspace.config(
      tinyConfig({ warmStart: null, model: { preset: "nano" }, task: { modulus: 97, heldOutSize: 4000 }, evaluation: { every: 100 }, rollout: { maxResponseTokens: 40 }, train: { steps: 1 } }),
    )
    const directory = workspace.fresh("evaluation")
    const run = startPirl(["train", config, "--run-dir", directory])
    await sleep(2500)
    const { stderr } = await stop(run)
    expect(stderr).toMatch(/stopped after step 0; the evaluation after step 0 was given up\. Go on with/)
    expect(checkpointsOf(directory)).toEqual([0])
    expect(measured(directory).evaluations).toEqual([])
    await finish(config, directory, await whole(config))
  })

  test("in a verifier that never answers does not wait for it; SIGTERM is 143", async () => {
    const module = join(workspace.directory, "slow.mjs")
    writeFileSync(
      module,
      "export default () => ({ name: 'slow', trainSize: undefined, heldOut: [],\n" +
        "  trainProblem: (seed, position) => ({ id: String(position), prompt: 'a', gold: 'a' }),\n" +
        "  verifierFor: () => ({ name: 'slow', verify: () => { process.stderr.write('asked\\n'); return new Promise(() => undefined) } }),\n" +
        "  alphabet: 'ab' })\n",
    )
    const config = workspace.config(tinyConfig({ task: { name: "module", module, modulus: undefined, heldOutSize: undefined } as never, warmStart: null }))
    const run = startPirl(["train", config, "--run-dir", workspace.fresh("verifier")])
    await run.printed(/^asked/m)
    const { stderr } = await stop(run, "SIGTERM")
    expect(stderr).toContain("stopped after step 0; step 1 was given up")
  })
})
