import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { createTask } from "../data/registry.ts"
import type { Task } from "../data/task.ts"
import { VerifierError } from "../errors.ts"
import { createRunFolder, MOST_LOGPROB_MISMATCH, readRun, type MetricsLine } from "../runs/index.ts"
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

test("a run without a signal is told whether its policy was destroyed, everything is right, or nothing ever was", () => {
  const silent = (mu: number, entropy: number): object => ({
    mu,
    entropy,
    zeroVarianceShare: 1,
    learningRate: 0.01,
    behaviourKl: 0.2,
  })
  const mixed = (mu: number, entropy: number): object => ({
    mu,
    entropy,
    zeroVarianceShare: 0.25,
    learningRate: 0.01,
    behaviourKl: 3.5,
  })
  const five = (line: object): object[] => [1, 2, 3, 4, 5].map(() => line)
  const alarmOf = (name: string, lines: readonly object[]): { readonly message: string; readonly alarm: unknown } => {
    const folder = createRunFolder(join(temporary, name), { configYaml: "{}", keepCheckpoints: 1 })
    const safeguards = new Safeguards(folder, () => undefined)
    for (const [i, line] of lines.entries()) {
      const metrics = { step: i + 1, sampledResponses: 8, ...line } as unknown as MetricsLine
      folder.logMetrics(metrics)
      safeguards.inspect(i + 1, { metrics, completions: [], optimiserSteps: [] } as unknown as Parameters<
        Safeguards["inspect"]
      >[1])
    }
    folder.close()
    const { message, alarm } = readRun(folder.directory).events.find(({ kind }) => kind === "alarm")!
    return { message, alarm }
  }
  const destroyed = alarmOf("destroyed", [mixed(0.4, 0.9), mixed(0.1, 3), ...five(silent(0, 5.5))])
  expect(destroyed.alarm).toBe("policy-lost")
  expect(destroyed.message).toMatch(
    /destroyed by its updates: its mean reward was 0\.4 at step 1 and is 0, its entropy went from 0\.9 to 5\.5 nats a token, its KL to the policy that sampled rose to 3\.5 \(step 1\), the learning rate was 0\.01\. Lower optimizer\.learningRate/,
  )
  expect(destroyed.message).not.toMatch(/easier/)
  expect(alarmOf("too-hard", [...five(silent(0, 0.9))])).toMatchObject({
    alarm: "no-signal",
    message: expect.stringMatching(/Make the task easier/) as string,
  })
  expect(alarmOf("luck", [mixed(0.01, 0.9), ...five(silent(0, 0.9))]).message).toMatch(/Make the task easier/)
  expect(alarmOf("too-easy", [mixed(0.9, 0.9), ...five(silent(1, 0.1))]).message).toMatch(
    /Every response is right.*harder/,
  )
})
