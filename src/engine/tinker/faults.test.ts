import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import type { Fault, PlannedFault } from "../../../test/tinker-server/behaviour.ts"
import { Harness, honest, trainBatch } from "../../../test/tinker-server/harness.ts"
import type { TestServer } from "../../../test/tinker-server/server.ts"
import { createObjective } from "../../objectives/index.ts"
import type { AdamOptions, Engine } from "../engine.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

const adam: AdamOptions = { learningRate: 0.02, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.01, gradientClip: 1 }
const STEPS = 4

interface Outcome {
  readonly weights: Map<string, Float32Array>
  readonly tokens: unknown
  readonly server: TestServer
  readonly recoveries: number
}

/** Samples, steps by the linear form and by a loss of the server's own, a save in between. */
async function run(faults: readonly PlannedFault[], ownLosses: boolean): Promise<Outcome> {
  const server = await harness.server({ holdMs: 100 })
  const losses = ownLosses ? honest.losses : []
  const engine = await harness.engine(server, { server: { ...honest, losses, lossReduction: "sum" }, recoveryEvery: 3 }, { resultTimeoutMs: 60_000, pollTimeoutMs: 2000, patienceMs: 60_000 })
  server.plan(...faults)
  const tokens: unknown[] = []
  for (let step = 0; step < STEPS; step++) {
    tokens.push(await sampled(engine))
    await engine.forwardBackward(trainBatch(4 + step), createObjective("ppo", {}))
    const { applied } = await engine.optimStep(adam)
    expect(applied).toBe(true)
  }
  tokens.push(await sampled(engine))
  return { weights: await server.weights(), tokens, server, recoveries: engine.recoveries }
}

async function sampled(engine: Engine): Promise<unknown> {
  const groups = await engine.sample([2, 3, 4].map((token) => ({ promptTokens: [token, 5], seeds: [token, token + 50], options: { maxTokens: 5, stopTokens: [1] } })))
  return groups.map((group) => group.map(({ tokens, policyLogprobs }) => ({ tokens, logprobs: Array.from(policyLogprobs) })))
}

const quiet = new Map<boolean, Outcome>()
beforeAll(async () => {
  for (const own of [false, true]) quiet.set(own, await run([], own))
})

const at = (path: string, nth: number, fault: Fault, times?: number): PlannedFault => ({ path, nth, fault, ...(times === undefined ? {} : { times }) })
const status = (code: number, done = false, body?: string): Fault => ({ kind: "status", status: code, done, ...(body === undefined ? {} : { body }) })

interface Case {
  readonly name: string
  readonly faults: readonly PlannedFault[]
  /** The state has to be built up again. */
  readonly recovers: boolean
}

const cases: readonly Case[] = ([ 
  ["slow answers", [at("optim_step", 2, { kind: "delay", milliseconds: 300 }), at("retrieve_future", 5, { kind: "delay", milliseconds: 300 }, 3)]],
  ["408 on results", [at("retrieve_future", 3, status(408), 12)]],
  ["try_again on results", [at("retrieve_future", 3, status(200, false, '{"type":"try_again","queue_state":"paused_capacity"}'), 9)]],
  ["409 that says a save got through", [at("save_weights", 1, status(500, true))]],
  ["425 on samples of weights that are not ready", [at("asample", 2, status(425), 3)]],
  ["429 everywhere", ["forward", "forward_backward", "optim_step", "asample", "retrieve_future", "save_weights_for_sampler", "save_weights"].map((path) => at(path, 2, status(429), 2))],
  ["5xx on requests that were not done", [at("forward", 2, status(503), 3), at("optim_step", 1, status(500), 2), at("asample", 3, status(502))]],
  ["5xx instead of the answer to requests that were done", ["forward", "forward_backward", "optim_step", "save_weights_for_sampler"].map((path) => at(path, 2, status(500, true)))],
  ["5xx on results", [at("retrieve_future", 2, status(500), 5)]],
  ["connections that break before the request is done", ["forward", "forward_backward", "optim_step", "asample", "retrieve_future"].map((path) => at(path, 2, { kind: "drop" }))],
  ["connections that break after the request was done", ["forward", "forward_backward", "optim_step", "save_weights", "save_weights_for_sampler"].map((path) => at(path, 1, { kind: "drop", done: true }))],
  ["results that expire", ["forward", "forward_backward", "optim_step", "asample"].map((of) => ({ ...at("retrieve_future", 2, status(410)), of }))],
  ["400 of a proxy in between", [at("retrieve_future", 4, status(400, false, "<html>Bad Request</html>"), 2)]],
  ["a restart that keeps everything, before and after optimiser steps", [at("optim_step", 1, { kind: "restart", keep: "all" }), at("optim_step", 4, { kind: "restart", keep: "all", done: true })]],
  ["a restart between gradients and step that loses the models", [at("optim_step", 2, { kind: "restart", keep: "database" })], true],
  ["a restart after a step whose answer is lost, and the models with it", [at("optim_step", 3, { kind: "restart", keep: "database", done: true })], true],
  ["a restart in the middle of the backward pass that leaves the files alone", [at("forward_backward", 3, { kind: "restart", keep: "checkpoints", done: true })], true],
  ["a restart while samples are drawn", [at("asample", 5, { kind: "restart", keep: "checkpoints" })], true],
  ["a restart while one waits for results", [at("retrieve_future", 12, { kind: "restart", keep: "checkpoints" })], true],
  ["two restarts in a row, the second while the state is built up again", [at("optim_step", 2, { kind: "restart", keep: "database" }), at("create_model", 1, { kind: "restart", keep: "checkpoints", done: true })], true],
  ["a restart while the weights are loaded again", [at("optim_step", 4, { kind: "restart", keep: "checkpoints" }), at("load_weights", 1, { kind: "restart", keep: "database", done: true })], true],
  ["an answer to load_weights that is lost", [at("optim_step", 4, { kind: "restart", keep: "checkpoints" }), at("load_weights", 1, { kind: "drop", done: true })], true],
  ["a session that is forgotten", [at("forward", 2, { kind: "forget-session" }), at("optim_step", 3, { kind: "restart", keep: "database" })], true],
] as [string, PlannedFault[], boolean?][]).map(([name, faults, recovers = false]) => ({ name, faults, recovers }))

for (const own of [false, true]) {
  test.each(cases)(`${own ? "by the server's own loss" : "by the linear form"}: $name lose and double no step`, async ({ faults, recovers }) => {
    const found = await run(own ? faults.filter(({ path }) => path !== "forward") : faults, own)
    const wanted = quiet.get(own)!
    expect(found.weights).toEqual(wanted.weights)
    expect(found.tokens).toEqual(wanted.tokens)
    expect(found.server.faultsMet).toBeGreaterThan(0)
    if (!recovers) expect([found.server.appliedSteps, found.recoveries]).toEqual([STEPS, 0])
    else if (!own) expect(found.recoveries).toBeGreaterThan(0)
  })
}

test("a session that is lost between requests is noticed, counted and said, and the weights are those of a quiet run", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" }, heartbeatMs: 20 })
  const step = async (): Promise<void> => {
    await engine.forwardBackward(trainBatch(4), createObjective("ppo", {}))
    await engine.optimStep(adam)
  }
  await step()
  server.plan(at("session_heartbeat", 1, { kind: "forget-session" }))
  const beats = (): number => server.requests.filter((path) => path === "session_heartbeat").length
  const before = beats()
  await vi.waitFor(() => expect(beats()).toBeGreaterThan(before), { timeout: 5000 })
  await new Promise((resolve) => setTimeout(resolve, 200))
  await step()
  expect(engine.recoveries).toBe(1)
  expect(engine.takeNotes()).toContainEqual(expect.stringMatching(/lost its state \(.+\); building it up again from a new model and 1 optimiser step$/))
  const quiet = await harness.server()
  const other = await harness.engine(quiet, { server: { ...honest, losses: [], lossReduction: "sum" } })
  for (let i = 0; i < 2; i++) {
    await other.forwardBackward(trainBatch(4), createObjective("ppo", {}))
    await other.optimStep(adam)
  }
  expect(await server.weights()).toEqual(await quiet.weights())
})

test("log-probs that come as null from sampling are computed by a forward pass; from training they stop the step", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" } })
  const before = await server.weights()
  const nulls = JSON.stringify({ loss_fn_output_type: "scalar", loss_fn_outputs: trainBatch(4).map(({ promptTokens, responseTokens }) => ({ logprobs: { data: [...promptTokens, ...responseTokens].slice(1).map(() => null) } })), metrics: {} })
  server.plan(at("retrieve_future", 1, status(200, false, nulls)))
  const { loss, logprobs } = await engine.forwardBackward(trainBatch(4), createObjective("ppo", {}))
  expect(loss).toBeNaN()
  expect(logprobs[0]![0]).toBeNaN()
  expect(await engine.optimStep(adam)).toEqual({ gradientNorm: Number.NaN, applied: false })
  expect([await server.weights(), server.appliedSteps]).toEqual([before, 0])
  const request = { promptTokens: [2, 5], seeds: [3], options: { maxTokens: 4, stopTokens: [1] } }
  const plain = (await engine.sample([request]))[0]![0]!
  server.plan(at("retrieve_future", 1, status(200, false, JSON.stringify({ sequences: [{ stop_reason: "length", tokens: plain.tokens, logprobs: plain.tokens.map(() => null) }] }))))
  const repaired = (await engine.sample([request]))[0]![0]!
  repaired.policyLogprobs.forEach((lp, t) => expect(lp).toBeCloseTo(plain.policyLogprobs[t]!, 5))
})

test("a step that the server fails for good is an error, and the weights are as before it", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" } })
  const step = async (): Promise<boolean> => {
    await engine.forwardBackward(trainBatch(4), createObjective("ppo", {}))
    return (await engine.optimStep(adam)).applied
  }
  await step()
  const before = await engine.logprobs(trainBatch(4))
  server.plan(at("optim_step", 1, status(400)))
  await expect(step()).rejects.toThrow(/optim_step: expected .* to accept it, got status 400/)
  expect(await engine.logprobs(trainBatch(4))).toEqual(before)
  expect(await step()).toBe(true)
})

test("gradients that were given up do not come back where they stay in the model's place on the server", async () => {
  const batches = [trainBatch(4), trainBatch(6)]
  const objective = createObjective("ppo", {})
  const stepped = async (server: TestServer, unloadedGradients: "dropped" | "inherited", givenUp: boolean): Promise<Map<string, Float32Array>> => {
    const engine = await harness.engine(server, { server: { ...honest, unloadedGradients, lossReduction: "sum" } })
    if (givenUp) {
      await engine.forwardBackward(batches[0]!, objective)
      await engine.clearGradients()
    }
    await engine.forwardBackward(batches[1]!, objective)
    await engine.optimStep(adam)
    return server.weights()
  }
  const undisturbed = await stepped(await harness.server(), "dropped", false)
  expect(await stepped(await harness.server({ inheritsGradients: true }), "inherited", true)).toEqual(undisturbed)
  expect(await stepped(await harness.server({ inheritsGradients: true }), "dropped", true)).not.toEqual(undisturbed)
})

test("a gradient that the server finds not to be finite is undone", async () => {
  const server = await harness.server({ gradNorm: "null" })
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" } })
  const before = await engine.logprobs(trainBatch(4))
  await engine.forwardBackward(trainBatch(4), createObjective("ppo", {}))
  expect(await engine.optimStep(adam)).toEqual({ gradientNorm: Number.NaN, applied: false })
  expect(server.appliedSteps).toBe(1)
  expect(await engine.logprobs(trainBatch(4))).toEqual(before)
})

test("a server that computes another loss than it was asked for is caught in the first step", async () => {
  const server = await harness.server({ lies: { ppo: "importance_sampling" } })
  const engine = await harness.engine(server, { server: { ...honest, lossReduction: "sum" } })
  await expect(engine.forwardBackward(trainBatch(6, 2), createObjective("ppo", {}))).rejects.toThrow(/expected the server to compute ppo.*another loss than it was asked for/)
  const linear = await harness.engine(await harness.server({ lies: { importance_sampling: "cross_entropy" } }), { server: { ...honest, losses: [], lossReduction: "sum" } })
  await linear.forwardBackward(trainBatch(), createObjective("ppo", {}))
  await expect(linear.optimStep(adam)).rejects.toThrow(/another loss than it was asked for/)
})
