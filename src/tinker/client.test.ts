import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { hasty } from "../../test/tinker-server/harness.ts"
import { closeEngines } from "../../test/tinker-server/compute.ts"
import { TestServer, type TestServerOptions } from "../../test/tinker-server/server.ts"
import { writeTinyModel } from "../../test/tinker-server/tiny-model.ts"
import { TinkerClient, TinkerError, TinkerSession, type AdamParams, type Datum } from "./index.ts"

const directory = mkdtempSync(join(tmpdir(), "pirl-tinker-client-"))
const servers: TestServer[] = []
const sessions: TinkerSession[] = []
let base: { readonly folder: string; readonly eos: readonly number[] }
beforeAll(async () => {
  base = await writeTinyModel(directory)
})
afterAll(async () => {
  sessions.forEach((session) => session.close())
  await Promise.all(servers.map((server) => server.close()))
  await closeEngines()
  rmSync(directory, { recursive: true, force: true })
})

async function open(options: Partial<TestServerOptions> = {}): Promise<{ server: TestServer; session: TinkerSession; client: TinkerClient }> {
  const server = await TestServer.start({ ...base, ...options })
  servers.push(server)
  const client = new TinkerClient({ url: server.url, clock: hasty })
  const session = await TinkerSession.open(client, { heartbeatMs: 60_000 })
  sessions.push(session)
  return { server, session, client }
}

const adam: AdamParams = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 0 }
const data: Datum[] = [
  { tokens: [2, 3, 4], targets: [3, 4, 5], weights: [0, 1, 1] },
  { tokens: [6, 7], targets: [7, 8], weights: [1, 1] },
]

test("every endpoint is asked as the protocol wants it and its answer is read", async () => {
  const { server, session, client } = await open()
  expect(await client.health()).toBe("ok")
  expect(await client.supportedModels()).toEqual(["tiny"])
  await client.clientConfig()
  await client.heartbeat(session.id)
  const model = await session.createModel({ baseModel: "tiny", lora: { rank: 4, seed: 3 } })
  expect(await model.info()).toEqual({ modelId: model.id, baseModel: "tiny", loraRank: 4 })
  const before = await model.forward(data)
  expect(before.outputs.map(({ logprobs }) => logprobs.length)).toEqual([3, 2])
  const passed = model.forwardBackward(data, "cross_entropy")
  const stepped = model.optimStep(adam)
  const [{ outputs }, { metrics }] = await Promise.all([passed, stepped])
  expect(outputs[0]!.losses![1]).toBeCloseTo(-outputs[0]!.logprobs[1]!, 6)
  expect(metrics["skyrl.ai/grad_norm"]).toBeGreaterThan(0)
  const after = await model.forward(data)
  expect(after.outputs[1]!.logprobs[0]!).toBeGreaterThan(before.outputs[1]!.logprobs[0]!)

  const path = await model.saveWeights("first")
  expect(path).toBe(`tinker://${model.id}/weights/first`)
  expect(await client.weightsInfo(path)).toMatchObject({ isLora: true })
  expect((await client.checkpoints(model.id)).map((checkpoint) => checkpoint.path)).toEqual([path])
  const again = await session.createModel({ baseModel: "tiny", lora: { rank: 4, seed: 9 } })
  await again.loadWeights(path)
  expect((await again.forward(data)).outputs).toEqual(after.outputs)

  const sampler = await model.sampler()
  const sampled = await sampler.sample([2, 3], { maxTokens: 4, seed: 1, stop: [...base.eos] }, { numSamples: 3, promptLogprobs: true })
  expect(sampled.sequences).toHaveLength(3)
  expect(sampled.promptLogprobs).toHaveLength(1)
  const kept = await model.saveForSampler("adapter")
  expect(kept).toContain("adapter")
  const file = join(directory, "adapter.tar.gz")
  await client.downloadArchive(model.id, "adapter", file)
  expect(readFileSync(file, "utf8")).toBe(`archive of ${model.id}/adapter`)
  const other = await session.createSampler({ modelPath: kept })
  expect((await other.sample([2, 3], { maxTokens: 4, seed: 1, stop: [...base.eos] }, { numSamples: 3 })).sequences).toEqual(sampled.sequences)

  expect((await client.trainingRuns()).map(({ trainingRunId }) => trainingRunId)).toEqual([model.id, again.id])
  expect(await client.trainingRun(model.id)).toMatchObject({ baseModel: "tiny", loraRank: 4 })
  await client.deleteCheckpoint(model.id, "weights", "first")
  await client.deleteCheckpoint(model.id, "weights", "first")
  expect(server.checkpointNames()).toEqual([])
  await model.unload()
  await again.unload()
  expect(server.loadedModels()).toBe(0)
})

test("requests of a model are numbered from 1 without a gap, and are submitted in the order of the calls", async () => {
  const { server, session } = await open()
  const model = await session.createModel({ baseModel: "tiny", lora: { rank: 2, seed: 1 } })
  await Promise.all([model.forward(data), model.forwardBackward(data, "cross_entropy", { limits: { datums: 1 } }), model.optimStep(adam), model.saveWeights("a"), model.sampler()])
  const numbered = server.bodies.filter(({ body }) => body["model_id"] === model.id)
  expect(numbered.map(({ path }) => path)).toEqual(["forward", "forward_backward", "forward_backward", "optim_step", "save_weights", "save_weights_for_sampler"])
  expect(numbered.map(({ body }) => body["seq_id"])).toEqual([1, 2, 3, 4, 5, 6])
})

test("a batch in parts has the outputs, and the update, of the batch in one", async () => {
  const weights: Map<string, Float32Array>[] = []
  const outputs: unknown[] = []
  for (const limits of [{}, { datums: 1 }]) {
    const { server, session } = await open()
    const model = await session.createModel({ baseModel: "tiny", lora: { rank: 2, seed: 1 } })
    const [passed] = await Promise.all([model.forwardBackward(data, "cross_entropy", { limits }), model.optimStep(adam)])
    outputs.push(passed.outputs)
    weights.push(await server.weights())
  }
  expect(outputs[1]).toEqual(outputs[0])
  expect(weights[1]).toEqual(weights[0])
})

test("a refused pass keeps the optimiser step behind it from being sent, and later requests work again", async () => {
  const { server, session } = await open({ losses: ["cross_entropy"] })
  const model = await session.createModel({ baseModel: "tiny", lora: { rank: 2, seed: 1 } })
  const passed = model.forwardBackward(data, "ppo")
  const stepped = model.optimStep(adam)
  await expect(passed).rejects.toThrow(/status 422: Input should be cross_entropy/)
  await expect(stepped).rejects.toThrow(/status 422/)
  expect([server.appliedSteps, server.requests.includes("optim_step")]).toEqual([0, false])
  await model.forwardBackward(data, "cross_entropy")
  expect(server.bodies.filter(({ path }) => path === "forward_backward").map(({ body }) => body["seq_id"])).toEqual([1, 1])
})

test("a used number with another content is a conflict, and a used name is one too unless the name was ours", async () => {
  const { server, session, client } = await open()
  const model = await session.createModel({ baseModel: "tiny", lora: { rank: 2, seed: 1 } })
  await model.optimStep(adam)
  await expect(client.optimStepRequest(model.id, 1, { ...adam, beta1: 0.5 })).rejects.toMatchObject({ kind: "conflict" })
  await model.saveWeights("name")
  await expect(model.saveWeights("name")).rejects.toMatchObject({ kind: "conflict", repeated: false })
  server.plan({ path: "save_weights", nth: 1, fault: { kind: "drop", done: true } }, { path: "save_weights_for_sampler", nth: 1, fault: { kind: "drop", done: true } })
  expect(await model.saveWeights("other")).toBe(`tinker://${model.id}/weights/other`)
  const sampler = await model.sampler()
  expect((await sampler.sample([2], { maxTokens: 2, seed: 1 })).sequences).toHaveLength(1)
  expect(server.faultsMet).toBe(2)
})

test("heartbeats notice a session that the server forgot", async () => {
  const { server } = await open()
  const notes: string[] = []
  const session = await TinkerSession.open(new TinkerClient({ url: server.url, clock: hasty }), { heartbeatMs: 5, onNote: (text) => notes.push(text) })
  server.plan({ path: "session_heartbeat", nth: 2, fault: { kind: "forget-session" } })
  for (let i = 0; i < 400 && !session.lost; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(session.lost).toBe(true)
  expect(notes.at(-1)).toMatch(/Session not found/)
  session.close()
})

test("a rank above the limit is the server's own words", async () => {
  const { session } = await open({ maxRank: 8 })
  await expect(session.createModel({ baseModel: "tiny", lora: { rank: 64, seed: 1 } })).rejects.toThrow(/create_model on tiny with rank 64.*LoRA rank 64 must be between 1 and 8/)
})

test("a wrong key is said, and not shown", async () => {
  const server = await TestServer.start({ ...base, key: "the-right-key" })
  servers.push(server)
  const error: unknown = await TinkerSession.open(new TinkerClient({ url: server.url, apiKey: "the-wrong-key" })).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TinkerError)
  expect(error).toMatchObject({ kind: "unauthorised", detail: "Invalid API key [secret]" })
  expect(String(error)).not.toContain("wrong-key")
})
