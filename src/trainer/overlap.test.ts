import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, expect, test, vi } from "vitest"
import { Harness, honest } from "../../test/tinker-server/harness.ts"
import type { TestServer } from "../../test/tinker-server/server.ts"
import type { ConfigInput } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { capabilitiesFile, type ServerCapabilities } from "../engine/tinker/server-capabilities.ts"
import { ConfigError } from "../errors.ts"
import { createObjective } from "../objectives/index.ts"
import { plainRule, steered } from "../pipo/index.ts"
import { readRun, type MetricsLine } from "../runs/index.ts"
import { functionVerifier } from "../verifiers/combine/function.ts"
import { mean } from "../statistics.ts"
import { trainRun } from "./train-run.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

const PROMPTS = 4
let runs = 0

/** A run that samples ahead, and measures nothing by samples of its own. */
async function configFor(server: TestServer, changes: ConfigInput = {}, capabilities: Partial<ServerCapabilities> = {}): Promise<ConfigInput> {
  const { folder } = await harness.base()
  const file = join(harness.directory, `server-${++runs}.json`)
  writeFileSync(file, capabilitiesFile({ ...honest, ...capabilities, lossReduction: "sum" }, { url: server.url, baseModel: "tiny" }))
  return {
    model: { path: folder },
    task: { name: "add2", heldOutSize: 8 },
    rollout: { promptsPerStep: PROMPTS, groupSize: 4, maxResponseTokens: 4 },
    objective: { name: "grpo", importanceCorrection: "token-truncate" },
    optimizer: { learningRate: 0.01, gradientClip: 1 },
    pipo: { minSteps: 1 },
    checkpoint: { every: 1 },
    evaluation: { greedy: false },
    ...changes,
    train: { steps: 5, overlap: true, ...changes.train },
    engine: { kind: "tinker", server: { url: server.url, baseModel: "tiny", loraRank: 4, capabilities: file } },
  }
}

/** Low digits are right: a model that knows nothing earns rewards, and can learn to earn more. */
const lowDigits: Task = {
  name: "low-digits",
  trainSize: undefined,
  trainProblem: (_seed, position) => ({ id: `p${position}`, prompt: `${position % 10}+${(position * 3) % 10}=`, gold: "4", row: { asked: new Date(0) } }),
  heldOut: [7, 8, 9].map((i) => ({ id: `h${i}`, prompt: `${i}+${i}=`, gold: "4" })),
  verifierFor: () => functionVerifier("low", ({ completion, gold }) => [...completion].filter((c) => c <= gold).length / 4),
}

function directoryOf(name: string): string {
  return join(harness.directory, name)
}

function linesOf(name: string): readonly MetricsLine[] {
  return readRun(directoryOf(name)).metrics
}

function numbersOf(name: string): unknown[] {
  return linesOf(name).map(({ time: _time, ...line }) => line)
}

async function whole(name: string, config: ConfigInput): Promise<unknown[]> {
  const { finished } = await trainRun({ config, task: lowDigits, runDirectory: directoryOf(name) })
  expect(finished).toBe(true)
  return numbersOf(name)
}

test("the responses of the next step are asked for before the optimiser step is answered, and the optimiser step does not wait for them", async () => {
  const server = await harness.server()
  // Each half waits at the server until the other has come: a trainer that does one after the other never ends.
  server.plan(
    { path: "optim_step", nth: 1, fault: { kind: "hold", until: "asample", count: 2 * PROMPTS } },
    { path: "asample", nth: 2 * PROMPTS + 1, times: PROMPTS, fault: { kind: "hold", until: "optim_step", count: 2 } },
  )
  await whole("order", await configFor(server, { pipo: { enabled: false }, train: { steps: 3 } }))
  expect(server.faultsMet).toBe(1 + PROMPTS)
  // Nothing is sampled for a step that does not come.
  expect(server.requests.filter((path) => path === "asample")).toHaveLength(3 * PROMPTS)
})

test("a line says how far off-policy its batch is, which update the verdict is on, and what the step waited", async () => {
  const server = await harness.server()
  await whole("lines", await configFor(server))
  const lines = linesOf("lines")
  expect(lines.map((line) => line["offPolicySteps"])).toEqual([0, 1, 1, 1, 1])
  expect(lines.map((line) => line["judgedStep"])).toEqual([null, null, 1, 2, 3])
  expect(lines.map((line) => line["skipReason"] === "no-cache")).toEqual([true, true, false, false, false])
  expect(lines.some((line) => line["gate"] === "reinforce" || line["gate"] === "suppress")).toBe(true)
  // Old log-probs are of the policy that is updated, the sampler's of the one before the last update.
  const mismatch = lines.map((line) => Number(line["samplerMismatch"]))
  expect(mismatch[0]).toBeLessThan(1e-4)
  expect(Math.min(...mismatch.slice(1))).toBeGreaterThan(1e-3)
  expect(lines.map((line) => Number(line["logprobMismatch"] ?? 0)).filter((gap) => !(gap < 1e-4))).toEqual([])
  for (const { time } of lines) {
    const { seconds, waitSeconds, serverSeconds, clientSeconds } = time as unknown as Record<string, number>
    expect(waitSeconds).toBeLessThanOrEqual(seconds!)
    expect(serverSeconds! + clientSeconds!).toBeLessThanOrEqual(seconds! + 0.005)
  }
})

test("each batch is sampled by the policy of before the last update, each evaluation by that of after it", async () => {
  const server = await harness.server()
  await whole("sessions", await configFor(server, { evaluation: { every: 1, greedy: true }, train: { steps: 4 } }))
  const asked = server.bodies.filter(({ path }) => path === "asample").map(({ body }) => ({ session: String(body["sampling_session_id"]), greedy: (body["sampling_params"] as { temperature: number }).temperature === 0 }))
  const policies = [...new Set(asked.map(({ session }) => session))]
  const policiesOf = (greedy: boolean, size: number): number[][] => {
    const sessions = asked.filter((one) => one.greedy === greedy).map(({ session }) => policies.indexOf(session))
    return Array.from({ length: sessions.length / size }, (_, i) => [...new Set(sessions.slice(i * size, (i + 1) * size))])
  }
  expect(policiesOf(false, PROMPTS)).toEqual([[0], [0], [1], [2]])
  expect(policiesOf(true, lowDigits.heldOut.length)).toEqual([[0], [1], [2], [3], [4]])
  // Looking changes nothing.
  expect(numbersOf("sessions")).toEqual(await whole("unwatched", await configFor(server, { train: { steps: 4 } })))
})

test("a run that is stopped, and one that died in the middle of a step, have the numbers of the uninterrupted one when resumed", async () => {
  const server = await harness.server()
  const config = await configFor(server, { checkpoint: { every: 2 } })
  const wanted = await whole("uninterrupted", config)
  const stop = new AbortController()
  const first = await trainRun({ config, task: lowDigits, runDirectory: directoryOf("stopped"), signal: stop.signal, observer: { onStep: ({ step }) => void (step === 3 && stop.abort()) } })
  expect([first.finished, first.step]).toEqual([false, 3])
  await trainRun({ config, task: lowDigits, runDirectory: directoryOf("stopped"), resume: true })
  expect(numbersOf("stopped")).toEqual(wanted)
  const death = trainRun({
    config,
    task: lowDigits,
    runDirectory: directoryOf("died"),
    observer: {
      onStep: ({ step }) => {
        if (step === 3) throw new Error("power failure")
      },
    },
  })
  await expect(death).rejects.toThrow("power failure")
  await trainRun({ config, task: lowDigits, runDirectory: directoryOf("died"), resume: true })
  expect(numbersOf("died")).toEqual(wanted)
})

test("an error in the update gives the sampling up: no request stays open", async () => {
  const server = await harness.server()
  server.plan(
    { path: "asample", nth: PROMPTS + 1, times: PROMPTS, fault: { kind: "hold", until: "never", count: 1 } },
    { path: "optim_step", nth: 1, fault: { kind: "status", status: 401 } },
  )
  await expect(trainRun({ config: await configFor(server, { pipo: { enabled: false } }), task: lowDigits, runDirectory: directoryOf("update-error") })).rejects.toThrow(/401|key/)
  expect(server.requests.filter((path) => path === "asample")).toHaveLength(2 * PROMPTS)
  await vi.waitFor(() => expect(server.openRequests).toBe(0), { timeout: 5000 })
})

test("an error in the sampling ends the run after the update that ran beside it, whose line is written", async () => {
  const server = await harness.server()
  server.plan({ path: "asample", nth: PROMPTS + 2, fault: { kind: "status", status: 401 } })
  await expect(trainRun({ config: await configFor(server, { checkpoint: { every: 100 } }), task: lowDigits, runDirectory: directoryOf("sample-error") })).rejects.toThrow(/401|key/)
  expect(linesOf("sample-error").map(({ step }) => step)).toEqual([1])
  await vi.waitFor(() => expect(server.openRequests).toBe(0), { timeout: 5000 })
})

test("a run learns: the mean reward rises although every batch is one update old", async () => {
  const server = await harness.server()
  await whole("learns", await configFor(server, { train: { steps: 16 }, checkpoint: { every: 100 }, optimizer: { learningRate: 0.02 } }))
  const mus = linesOf("learns").map(({ mu }) => Number(mu))
  expect(mean(mus.slice(-4)) - mean(mus.slice(0, 4))).toBeGreaterThan(0.2)
})

test.each<readonly [string, Partial<ServerCapabilities>, ConfigInput["rollout"], RegExp]>([
  ["loads older weights into the model that is trained", { olderSamplers: "in-place" }, {}, /olderSamplers: apart/],
  ["says no log-probs of its samples", { sampleLogprobs: "none" }, {}, /sampleLogprobs: none/],
  ["says those of the cut distribution, where there is a cut", { sampleLogprobs: "sampled" }, { topK: 3 }, /under topK or topP .*sampleLogprobs: sampled/],
])("a server that %s is refused before it is asked for anything", async (_, capabilities, rollout, message) => {
  const server = await harness.server()
  const config = await configFor(server, { rollout: { promptsPerStep: PROMPTS, groupSize: 4, maxResponseTokens: 4, ...rollout } }, capabilities)
  const failure: unknown = await trainRun({ config, task: lowDigits, runDirectory: directoryOf("refused") }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ConfigError)
  expect((failure as ConfigError).issues).toEqual([{ path: "train.overlap", message: expect.stringMatching(message) as string }])
  expect(server.requests).toEqual([])
})

test("a rule of one's own that compares with the previous policy is refused before the first response", async () => {
  const server = await harness.server()
  const rule = steered(plainRule({ objective: createObjective("grpo") }))
  await expect(trainRun({ config: await configFor(server), task: lowDigits, runDirectory: directoryOf("own-rule"), rule })).rejects.toThrow(/train\.overlap.*compares the newest policy/)
  expect(server.requests).not.toContain("asample")
})
