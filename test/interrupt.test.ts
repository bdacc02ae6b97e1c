import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { randomStream } from "../src/random.ts"
import { compiledProgram } from "./helpers/compiled.ts"
import { type Outcome, type Running, pirl, startPirl } from "./helpers/pirl.ts"
import { type Measured, Workspace, checkpointsOf, eventsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

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

async function untilThere(path: string): Promise<void> {
  for (let waited = 0; !existsSync(path) && waited < 30_000; waited++) await sleep(1)
}

const config = workspace.config(tinyConfig({ train: { steps: 6 }, evaluation: { every: 2 }, checkpoint: { every: 5 } }))

test("a run stopped again and again at random moments ends in time each time, and is one run in the end", async () => {
  const started = performance.now()
  const wanted = await whole(config)
  const milliseconds = performance.now() - started
  const directory = workspace.fresh("random")
  const random = randomStream(5, 0)
  for (let stops = 0; stops < 4; stops++) {
    const run = goOn(config, directory)
    await Promise.race([sleep((0.3 + 0.6 * random.uniform()) * milliseconds), run.ended])
    const asked = performance.now()
    run.kill(stops % 2 === 0 ? "SIGINT" : "SIGTERM")
    const outcome = await run.ended
    expect(performance.now() - asked, outcome.stderr).toBeLessThan(MOST_MS + WATCHING_MS)
    expect([0, 130, 143], outcome.stderr).toContain(shellCode(outcome))
    if (outcome.code === 0) break
  }
  await finish(config, directory, wanted)
  expect(existsSync(join(directory, "warm-start"))).toBe(false)
})

test("a warm start that is stopped keeps its steps, and goes on after them to the same numbers", async () => {
  const long = workspace.config(tinyConfig({ warmStart: { maxSteps: 60, evalEvery: 5 }, train: { steps: 2 } }))
  const directory = workspace.fresh("warm")
  const run = startPirl(["train", long, "--run-dir", directory])
  await untilThere(join(directory, "warm-start", "step-000010"))
  const { stderr } = await stop(run)
  const step = Number(
    /stopped in the warm start, after step (\d+) of it, which is saved\. Go on with/.exec(stderr)?.[1],
  )
  expect(step, stderr).toBeGreaterThanOrEqual(10)
  const resumed = await finish(long, directory, await whole(long))
  expect(resumed.stderr).toContain(`the run resumes in its warm start, after step ${step} of that`)
})

test("SIGTERM in the middle of sampling gives the step up, says where the run goes on, and is 143", async () => {
  const changes = {
    warmStart: null,
    rollout: { promptsPerStep: 2048, groupSize: 16 },
    evaluation: { size: 4 },
    checkpoint: { every: 100 },
  }
  const directory = workspace.fresh("sampling")
  const run = startPirl(["train", workspace.config(tinyConfig(changes)), "--run-dir", directory])
  await run.printed(/^step 0: held-out/m)
  await untilThere(join(directory, "checkpoints", "step-000000"))
  const { stderr } = await stop(run, "SIGTERM")
  expect(stderr).toContain("stopped after step 0; step 1 was given up. Go on with: pirl train --resume --run-dir ")
  expect(checkpointsOf(directory)).toEqual([0])
  expect(eventsOf(directory).at(-1)).toMatchObject({ kind: "interrupt", step: 0 })
  expect(existsSync(join(directory, "lock.json"))).toBe(false)
})

test("a run whose output is closed stops in order, without a word more", async () => {
  const directory = workspace.fresh("closed")
  const command = `"$0" "$1" train ${config} --run-dir ${directory} 2>&1 | head -1`
  const line = execFileSync("bash", ["-c", command, process.execPath, compiledProgram()], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  })
  expect(line.trim().split("\n")).toHaveLength(1)
  expect(existsSync(join(directory, "lock.json"))).toBe(false)
  expect(eventsOf(directory).at(-1)).toMatchObject({ kind: "interrupt" })
})
