import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { Harness, honest } from "../../test/tinker-server/harness.ts"
import type { TestServer, TestServerOptions } from "../../test/tinker-server/server.ts"
import type { ConfigInput } from "../config/index.ts"
import { capabilitiesFile } from "../engine/tinker/server-capabilities.ts"
import type { Task } from "../data/task.ts"
import { ConfigError } from "../errors.ts"
import { createObjective } from "../objectives/index.ts"
import { readRun } from "../runs/index.ts"
import { functionVerifier } from "../verifiers/combine/function.ts"
import { trainRun } from "./train-run.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

async function configFor(server: TestServer, changes: ConfigInput = {}, serverChanges: Record<string, unknown> = {}): Promise<ConfigInput> {
  const { folder } = await harness.base()
  const capabilities = join(harness.directory, "server.json")
  writeFileSync(capabilities, capabilitiesFile({ ...honest, lossReduction: "sum" }, { url: server.url, baseModel: "tiny" }))
  return {
    model: { path: folder },
    task: { name: "add2", heldOutSize: 8 },
    rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4 },
    objective: { name: "grpo", klCoefficient: 0.01 },
    optimizer: { learningRate: 0.01, gradientClip: 1 },
    pipo: { minSteps: 1 },
    train: { steps: 4 },
    checkpoint: { every: 1, keep: 1 },
    evaluation: { every: 2 },
    ...changes,
    engine: { kind: "tinker", server: { url: server.url, baseModel: "tiny", loraRank: 4, capabilities, ...serverChanges } },
  }
}

/** Low digits are right: a model that knows nothing earns rewards, and can learn to earn more. */
const lowDigits: Task = {
  name: "low-digits",
  trainSize: undefined,
  trainProblem: (_seed, position) => ({ id: `p${position}`, prompt: `${position % 10}+${(position * 3) % 10}=`, gold: "4" }),
  heldOut: [7, 8, 9].map((i) => ({ id: `h${i}`, prompt: `${i}+${i}=`, gold: "4" })),
  verifierFor: () => functionVerifier("low", ({ completion, gold }) => [...completion].filter((c) => c <= gold).length / 4),
}

function steps(directory: string): unknown[] {
  return readRun(directory).metrics.map(({ time: _time, ...line }) => line)
}

describe("a run on a server", () => {
  test("trains with PIPO, stops, resumes on a new model, and has the numbers of the uninterrupted one", async () => {
    const [whole, parts] = [join(harness.directory, "whole"), join(harness.directory, "parts")]
    const server = await harness.server()
    const config = await configFor(server)
    const result = await trainRun({ config, task: lowDigits, runDirectory: whole })
    expect(result.finished).toBe(true)
    const lines = readRun(whole).metrics
    expect(lines).toHaveLength(4)
    expect(lines.some((line) => line["gate"] !== "skipped" && line["gate"] !== undefined)).toBe(true)
    expect(lines.map((line) => Number(line["logprobMismatch"] ?? 0)).filter((mismatch) => !(mismatch < 1e-4))).toEqual([])
    expect(Object.keys(lines[0]!.time)).toEqual(expect.arrayContaining(["serverSeconds", "clientSeconds"]))
    const stop = new AbortController()
    const first = await trainRun({ config, task: lowDigits, runDirectory: parts, signal: stop.signal, observer: { onStep: ({ step }) => void (step === 2 && stop.abort()) } })
    expect([first.finished, first.step]).toEqual([false, 2])
    expect(readFileSync(join(parts, "config.yaml"), "utf8")).not.toMatch(/key/i)
    const second = await trainRun({ config, task: lowDigits, runDirectory: parts, resume: true })
    expect([second.finished, second.step]).toEqual([true, 4])
    expect(steps(parts)).toEqual(steps(whole))
    expect(JSON.parse(readFileSync(join(parts, "model", "tinker.json"), "utf8"))).toMatchObject({ baseModel: "tiny", loraRank: 4 })
    expect(readFileSync(join(parts, "model", "adapter.tar.gz"), "utf8")).toMatch(/^archive of model_/)
  })

  test("steers its step size by the previous policy, goes back to the best one, and resumes exactly; what checkpoints do not name is gone from the server", async () => {
    const [whole, parts] = [join(harness.directory, "steered"), join(harness.directory, "steered-parts")]
    const server = await harness.server()
    // Rewards that say nothing, and so small a threshold that the run goes back to its best policy.
    const rollout = { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4, rewardNoise: 0.5 }
    const config = await configFor(server, { rollout, objective: { name: "grpo" }, pipo: { preset: "verified" }, steering: { returns: true, dropThreshold: 1e-6 }, train: { steps: 6 } })
    await trainRun({ config, task: lowDigits, runDirectory: whole })
    const lines = readRun(whole).metrics
    expect(lines.filter((line) => typeof line["improvement"] === "number")).toHaveLength(5)
    expect(lines.some((line) => line["stepCut"] === true)).toBe(true)
    // Two checkpoints at most, each with its previous and its best policy, and the final model: every step made such saves.
    expect(server.checkpointNames().length).toBeLessThanOrEqual(7)
    const stop = new AbortController()
    await trainRun({ config, task: lowDigits, runDirectory: parts, signal: stop.signal, observer: { onStep: ({ step }) => void (step === 4 && stop.abort()) } })
    await trainRun({ config, task: lowDigits, runDirectory: parts, resume: true })
    expect(steps(parts)).toEqual(steps(whole))
  })

  test("goes on when the server restarts in the middle without its models, and ends with the numbers of a quiet run", async () => {
    const runs: unknown[] = []
    for (const disturbed of [false, true]) {
      const server = await harness.server()
      const directory = join(harness.directory, `restart-${disturbed}`)
      if (disturbed) {
        server.plan({ path: "optim_step", nth: 3, fault: { kind: "restart", keep: "database", done: true } }, { path: "asample", nth: 20, fault: { kind: "restart", keep: "checkpoints" } })
      }
      const config = await configFor(server, { checkpoint: { every: 3 } })
      const notes: string[] = []
      await trainRun({ config, task: lowDigits, runDirectory: directory, observer: { onNote: (text) => notes.push(text) } })
      expect(notes.filter((note) => note.includes("lost its state")).length > 0).toBe(disturbed)
      expect(server.faultsMet).toBe(disturbed ? 2 : 0)
      runs.push(steps(directory))
    }
    expect(runs[1]).toEqual(runs[0])
  })
})

describe("before the first rollout", () => {
  const issuesOf = async (server: TestServer, serverChanges: Record<string, unknown>, changes: ConfigInput = {}): Promise<[path: string, message: string][]> => {
    const directory = join(harness.directory, "refused")
    const failure: unknown = await trainRun({ config: await configFor(server, changes, serverChanges), runDirectory: directory }).catch((error: unknown) => error)
    expect(failure, String(failure)).toBeInstanceOf(ConfigError)
    expect(server.requests).not.toContain("asample")
    return (failure as ConfigError).issues.map(({ path, message }) => [path, message])
  }

  const cases: readonly (readonly [string, Partial<TestServerOptions>, Record<string, unknown>, string, RegExp])[] = [
    ["an address that is none", {}, { url: "server" }, "url", /expected the address of a server like/],
    ["a wrong key", { key: "right-key" }, {}, "TINKER_API_KEY", /Invalid API key/],
    ["a model that the server does not offer", { models: ["Qwen/Qwen3-4B", "Qwen/Qwen3-8B"] }, {}, "engine.server.baseModel", /offers \(Qwen\/Qwen3-4B, Qwen\/Qwen3-8B\), got tiny/],
    ["a server of another version", { otherVersion: true }, {}, "engine.server.url", /speaks another version/],
    ["a rank above the limit", { maxRank: 8 }, { loraRank: 64 }, "engine.server.loraRank", /LoRA rank 64 must be between 1 and 8/],
    ["a server that is full", { maxModels: 0 }, {}, "engine.server", /Maximum number of LoRA adapters/],
    ["a capabilities file that is not there", {}, { capabilities: "nowhere.json" }, "engine.server.capabilities", /pirl tinker check URL --write nowhere\.json/],
  ]
  test.each(cases)("%s is said, with what to do", async (_, behaviour, settings, path, message) => {
    const issues = await issuesOf(await harness.server(behaviour), settings)
    expect(issues).toEqual([[path, expect.stringMatching(message)]])
  })

  test("an address where nothing listens is said, with what to do", async () => {
    const server = await harness.server()
    const gone = await harness.server()
    const { url } = gone
    await harness.settle()
    expect(await issuesOf(server, { url })).toEqual([["engine.server.url", expect.stringMatching(/ECONNREFUSED.*Is the server running/)]])
  })

  test("everything in the config that the protocol cannot express is said at once", async () => {
    const server = await harness.server()
    const issues = await issuesOf(server, { capabilities: undefined }, {
      objective: { name: "grpo", entropyCoefficient: 0.01 },
      rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4, temperature: 0.8, minP: 0.1 },
      lora: {},
    })
    expect(issues.map(([path]) => path).sort()).toEqual(["engine.server", "lora", "objective.entropyCoefficient", "rollout.minP", "rollout.temperature"])
    const critic = await issuesOf(server, {}, { objective: { name: "ppo", klCoefficient: 0.1, klEstimator: "full" } })
    expect(critic.map(([path]) => path)).toEqual(["objective.klEstimator", "objective.advantage"])
    expect(server.requests).toEqual([])
  })

  test("an objective of one's own that reads entropies is refused", async () => {
    const server = await harness.server()
    const directory = join(harness.directory, "own-objective")
    const run = trainRun({ config: await configFor(server), runDirectory: directory, objective: createObjective("grpo", { entropyCoefficient: 0.1 }) })
    await expect(run).rejects.toThrow(/objective: grpo: expected an engine that gives entropies, got tinker/)
    expect(server.requests).not.toContain("asample")
  })

  test("a tokenizer folder without a model will do when the context is given, and a clip that the server ignores is said", async () => {
    const server = await harness.server()
    const folder = join(harness.directory, "tokenizer-only")
    mkdirSync(folder, { recursive: true })
    const { folder: whole } = await harness.base()
    for (const name of ["tokenizer.json", "tokenizer_config.json"]) writeFileSync(join(folder, name), readFileSync(join(whole, name)))
    const bare = await issuesOf(server, {}, { model: { path: folder } })
    expect(bare).toEqual([["engine.server.contextLength", expect.stringMatching(/got neither this setting nor a config\.json/)]])
    const notes: string[] = []
    const config = await configFor(server, { model: { path: folder }, train: { steps: 1 } }, { contextLength: 64, capabilities: undefined, lossReduction: "sum" })
    await trainRun({ config, runDirectory: join(harness.directory, "tokenizer-run"), observer: { onNote: (text) => notes.push(text) } })
    expect(notes.join("\n")).toMatch(/the server does not clip gradients: optimizer\.gradientClip 1 has no effect/)
  })
})
