import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { createTask } from "../data/registry.ts"
import type { Task } from "../data/task.ts"
import { VerifierError } from "../errors.ts"
import { createRunFolder, MOST_LOGPROB_MISMATCH, readRun } from "../runs/index.ts"
import type { Verdict } from "../verifiers/verifier.ts"
import { Safeguards } from "./safeguards.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-safeguards-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const responses = 8
const config: ConfigInput = {
  model: { preset: "nano" },
  task: { name: "add2", heldOutSize: 8 },
  rollout: { promptsPerStep: 4, groupSize: 2, maxResponseTokens: 4 },
  pipo: { minSteps: 1 },
  train: { steps: 5 },
  checkpoint: { every: 100 },
  evaluation: { every: 100, greedy: false, expected: true },
}

/** add2 with a judge of one's own, who hears which response of the run it is. */
function judgedBy(judge: (response: number) => Verdict): Task {
  const task = createTask("add2", { heldOutSize: 8 })
  let next = 0
  return { ...task, verifierFor: () => ({ name: "judge", verify: () => judge(next++) }) }
}

const right: Verdict = { status: "correct", reward: 1, reason: "right" }

test("a run in which no response can be judged stops after three steps and names the first reason", async () => {
  const directory = join(temporary, "stops")
  const notes: string[] = []
  const task = judgedBy((response) => {
    throw new Error(`no judge at ${response}`)
  })
  const run = trainRun({ config, task, runDirectory: directory, observer: { onNote: (text) => void notes.push(text) } })
  const failure: unknown = await run.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(VerifierError)
  expect((failure as VerifierError).message).toMatch(/got none for 3 steps in a row.* step 3\. .*no judge at 0\b/)
  const alarms = readRun(directory).events.filter(({ kind }) => kind === "alarm")
  expect(alarms.map(({ step, alarm, failures }) => [step, alarm, failures])).toEqual(
    [1, 2, 3].map((step) => [step, "verifier-failed", responses]),
  )
  expect(notes.filter((text) => text.startsWith("warning: step 1: the verifier failed on all 8 responses"))).toHaveLength(1)
})

test("one verdict in a step is enough to go on, and the count of steps begins again", async () => {
  const directory = join(temporary, "goes-on")
  const judged = 2 * responses
  const task = judgedBy((response) => {
    if (response !== judged) throw new Error("no judge")
    return right
  })
  const { finished } = await trainRun({ config, task, runDirectory: directory })
  expect(finished).toBe(true)
  const alarms = readRun(directory).events.filter(({ kind }) => kind === "alarm")
  expect(alarms.map(({ step }) => step)).toEqual([1, 2, 4, 5])
})

test("sampler and trainer that drift apart are said once, from the bound on that the log's readers take too", () => {
  const directory = join(temporary, "drift")
  const folder = createRunFolder(directory, { configYaml: "seed: 1\n", keepCheckpoints: 1 })
  const notes: string[] = []
  const safeguards = new Safeguards(folder, (text) => void notes.push(text))
  const time = { at: "2026-01-01T00:00:00.000Z", seconds: 1 }
  for (const [step, factor] of [[1, 1], [2, 1.01], [3, 5]] as const) {
    safeguards.inspect(step, { metrics: { step, mu: 0.5, logprobMismatch: factor * MOST_LOGPROB_MISMATCH, time }, completions: [], optimiserSteps: [] })
  }
  folder.close()
  expect(readRun(directory).events.flatMap(({ kind, step, alarm }) => (kind === "alarm" ? [[step, alarm]] : []))).toEqual([[2, "logprob-mismatch"]])
  expect(notes).toEqual(["warning: step 2: log-probs of sampling and training differ by 1.0e-4, more than 0.0001"])
})
