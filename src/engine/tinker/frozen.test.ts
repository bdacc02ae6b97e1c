import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import type { PlannedFault } from "../../../test/tinker-server/behaviour.ts"
import { Harness, honest, trainBatch } from "../../../test/tinker-server/harness.ts"
import type { TestServer } from "../../../test/tinker-server/server.ts"
import { createObjective } from "../../objectives/index.ts"
import type { AdamOptions, FrozenPolicy, SampleRequest, Sequence } from "../engine.ts"
import type { TinkerEngine } from "./tinker-engine.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

const adam: AdamOptions = { learningRate: 0.05, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, gradientClip: 1 }
const requests: readonly SampleRequest[] = [2, 3, 4].map((token) => ({ promptTokens: [token, 5], seeds: [token, token + 50], options: { maxTokens: 5, stopTokens: [1] } }))
const STEPS = 4

function plainOf(groups: readonly (readonly Sequence[])[]): unknown {
  return groups.map((group) => group.map(({ tokens, policyLogprobs }) => ({ tokens, logprobs: Array.from(policyLogprobs) })))
}

async function step(engine: TinkerEngine, size: number): Promise<void> {
  await engine.forwardBackward(trainBatch(size), createObjective("ppo", {}))
  expect((await engine.optimStep(adam)).applied).toBe(true)
}

async function open(server: TestServer, recoveryEvery: number, unloadedGradients: "dropped" | "inherited" = "dropped"): Promise<TinkerEngine> {
  return harness.engine(server, { server: { ...honest, unloadedGradients, lossReduction: "sum" }, recoveryEvery }, { resultTimeoutMs: 60_000, pollTimeoutMs: 2000, patienceMs: 60_000 })
}

interface Outcome {
  readonly samples: unknown
  readonly weights: Map<string, Float32Array>
  readonly server: TestServer
  readonly recoveries: number
}

/** Steps, beside each of which the policy of before it is sampled. */
async function overlapped(faults: readonly PlannedFault[], recoveryEvery = 10): Promise<Outcome> {
  const server = await harness.server({ holdMs: 100 })
  const engine = await open(server, recoveryEvery)
  server.plan(...faults)
  const samples: unknown[] = []
  for (let i = 0; i < STEPS; i++) {
    const frozen = await engine.freeze()
    const [sampled] = await Promise.all([frozen.sample(requests).finally(() => frozen.release()), step(engine, 4 + i)])
    samples.push(plainOf(sampled))
  }
  return { samples, weights: await server.weights(), server, recoveries: engine.recoveries }
}

let quiet: Outcome
beforeAll(async () => {
  quiet = await overlapped([])
})

test("samples of weights that stand still are those of before the step, log-probs included, whenever they are drawn", async () => {
  const server = await harness.server()
  const engine = await open(server, 10)
  await step(engine, 4)
  const before = await engine.sample(requests)
  const frozen = await engine.freeze()
  await step(engine, 5)
  const [late, after] = [await frozen.sample(requests), await engine.sample(requests)]
  expect(plainOf(late)).toEqual(plainOf(before))
  expect(plainOf(after)).not.toEqual(plainOf(before))
  await frozen.release()
})

const cases: readonly (readonly [name: string, faults: readonly PlannedFault[], recoveryEvery: number | undefined])[] = [
  ["the models are lost while it samples", [{ path: "asample", nth: 4, fault: { kind: "restart", keep: "database" } }], undefined],
  ["all but the files is lost while it samples", [{ path: "asample", nth: 5, fault: { kind: "restart", keep: "checkpoints" } }], undefined],
  ["all but the files is lost, and the weights were saved in between", [{ path: "asample", nth: 8, fault: { kind: "restart", keep: "checkpoints" } }], 1],
  ["the models are lost with the answer to a step", [{ path: "optim_step", nth: 2, fault: { kind: "restart", keep: "database", done: true } }], undefined],
  ["the models are lost twice, the second time while they are made again", [{ path: "asample", nth: 4, fault: { kind: "restart", keep: "database" } }, { path: "create_model", nth: 2, fault: { kind: "restart", keep: "checkpoints", done: true } }], undefined],
  ["the step is done, the models are lost, and its answer comes all the same", [{ path: "asample", nth: 4, fault: { kind: "hold", until: "optim_step", count: 2 } }, { path: "retrieve_future", of: "optim_step", nth: 2, fault: { kind: "restart", keep: "database" } }], undefined],
]
test.each(cases)("where %s, samples and weights are those of a quiet run", async (_, faults, recoveryEvery) => {
  const { samples, weights, server, recoveries } = await overlapped(faults, recoveryEvery)
  expect(server.faultsMet).toBe(faults.length)
  expect(recoveries).toBeGreaterThan(0)
  expect(samples).toEqual(quiet.samples)
  expect(weights).toEqual(quiet.weights)
  // Models that were made for a policy that stood still are gone with it.
  expect(server.loadedModels()).toBe(1)
})

test("a step whose answer comes when the policy was made again without it is not lost", async () => {
  const server = await harness.server({ holdMs: 100 })
  const engine = await open(server, 10)
  await step(engine, 4)
  const frozen = await engine.freeze()
  // Asked for, and asked for again after the restart. The third model is the frozen policy's, made when the policy has been made again.
  server.plan({ path: "retrieve_future", of: "optim_step", nth: 1, times: 2, fault: { kind: "hold", until: "create_model", count: 3 } })
  const stepping = step(engine, 5)
  await vi.waitFor(() => expect([server.appliedSteps, server.faultsMet]).toEqual([2, 1]), { timeout: 20_000 })
  await server.restart("database")
  await vi.waitFor(() => expect(server.faultsMet).toBe(2), { timeout: 20_000 })
  await frozen.sample(requests)
  await stepping
  await frozen.release()
  await step(engine, 6)
  await step(engine, 7)
  expect(engine.recoveries).toBe(1)
  expect(await server.weights()).toEqual(quiet.weights)
})

test("a model that is given up and made again under its frozen policy leaves that policy's samples as they were", async () => {
  const server = await harness.server({ inheritsGradients: true })
  const engine = await open(server, 10, "inherited")
  await step(engine, 4)
  const before = plainOf(await engine.sample(requests))
  const frozen = await engine.freeze()
  await engine.forwardBackward(trainBatch(6), createObjective("ppo", {}))
  await engine.clearGradients()
  await step(engine, 5)
  expect(plainOf(await frozen.sample(requests))).toEqual(before)
  await frozen.release()
  expect([server.loadedModels(), engine.recoveries]).toEqual([1, 0])
})

test("weights that a frozen policy would need are removed from the server when it is released, and not before", async () => {
  const server = await harness.server()
  const engine = await open(server, 10)
  const snapshot = await engine.snapshot()
  const [saved] = server.checkpointNames()
  const frozen: FrozenPolicy = await engine.freeze()
  await step(engine, 4)
  await engine.snapshot()
  await engine.release(snapshot)
  expect(server.checkpointNames()).toContain(saved)
  await frozen.release()
  expect(server.checkpointNames()).not.toContain(saved)
})

test("samples without log-probs of the policy are refused where no forward pass can give them, and an abort ends what is under way", async () => {
  const server = await harness.server({ holdMs: 100 })
  const engine = await open(server, 10)
  const frozen = await engine.freeze()
  server.plan({ path: "retrieve_future", of: "asample", nth: 1, fault: { kind: "status", status: 200, body: JSON.stringify({ sequences: [3, 4].map((token) => ({ stop_reason: "length", tokens: [token], logprobs: [null] })) }) } })
  await expect(frozen.sample(requests)).rejects.toThrow(/weights that stand still, got [12] responses? without/)
  const stop = new AbortController()
  server.plan({ path: "asample", nth: 1, times: 3, fault: { kind: "hold", until: "never", count: 1 } })
  const sampling = frozen.sample(requests, stop.signal)
  stop.abort(new Error("enough"))
  await expect(sampling).rejects.toThrow()
  await frozen.release()
})
