import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, describe, expect, test } from "vitest"
import { Harness, honest, relativeDifference, trainBatch } from "../../../test/tinker-server/harness.ts"
import { loadModelFolder } from "../../model/folder.ts"
import { crossEntropy } from "../../objectives/supervised.ts"
import { createObjective, type Objective } from "../../objectives/index.ts"
import type { AdamOptions, Engine, TrainSequence } from "../engine.ts"
import type { OnnxEngine } from "../onnx/onnx-engine.ts"
import type { ServerCapabilities } from "./server-capabilities.ts"

const harness = new Harness()
afterEach(() => harness.settle())
afterAll(() => harness.close())

/** A large epsilon keeps the step in proportion to the gradient, so that an error of the gradient shows. */
const adam: AdamOptions = { learningRate: 0.05, beta1: 0.8, beta2: 0.97, eps: 0.01, weightDecay: 0.02, gradientClip: 0 }

const objectives: readonly (readonly [string, Objective])[] = [
  ["grpo", createObjective("grpo", { dualClip: 1.1, clipLow: 0.1, clipHigh: 0.1 })],
  ["grpo with a KL term", createObjective("grpo", { klCoefficient: 0.3 })],
  ["ppo", createObjective("ppo", { clipLow: 0.1, clipHigh: 0.1 })],
  ["gspo through the sequence", createObjective("gspo", { sequenceGradient: "sequence", clipLow: 0.05, clipHigh: 0.05 })],
  ["cispo", createObjective("cispo", { ratioCap: 1.1 })],
  ["reinforce", createObjective("reinforce", {})],
  ["cross entropy", crossEntropy],
]

interface Outcome {
  readonly loss: number
  readonly statistics: Readonly<Record<string, number>>
  readonly gradientNorm: number
  readonly after: readonly Float32Array[]
}

async function twoSteps(engine: Engine, objective: Objective, batch: readonly TrainSequence[], options: AdamOptions = adam): Promise<Outcome> {
  const { loss, statistics } = await engine.forwardBackward(batch, objective)
  const { gradientNorm } = await engine.optimStep(options)
  // The second step in two parts: gradients accumulate, and the moments of the first step count.
  await engine.forwardBackward(batch.slice(0, 2), objective)
  await engine.forwardBackward(batch.slice(2), objective)
  await engine.optimStep(options)
  return { loss, statistics, gradientNorm, after: await engine.logprobs(batch) }
}

const cases: readonly (readonly [string, Partial<ServerCapabilities>, "sum" | "mean", number])[] = [
  ["a server that sums", { losses: [] }, "sum", 0],
  ["a server that sums, by its own losses", {}, "sum", 0],
  ["a server that takes means over sequences", {}, "mean", 0],
  ["a server that takes means, with adapters", {}, "mean", 4],
]

const references = new Map<number, OnnxEngine>()
afterAll(() => Promise.all([...references.values()].map((engine) => engine.close())))

async function referenceOf(rank: number): Promise<OnnxEngine> {
  const known = references.get(rank) ?? (await harness.embedded(rank))
  references.set(rank, known)
  return known
}

describe.each(cases)("two steps on %s", (_, capabilities, reduction, rank) => {
  test.each(objectives)("move the weights as the embedded engine does: %s", async (_, objective) => {
    const server = await harness.server({ reduction })
    const lossReduction = reduction === "sum" ? "sum" : "mean-per-sequence"
    const engine = await harness.engine(server, { lora: { rank, seed: 7 }, server: { ...honest, ...capabilities, lossReduction } })
    const embedded = await referenceOf(rank)
    const fresh = await embedded.snapshot({ optimizer: true })
    const start = new Map([...(await embedded.weights())].map(([name, values]) => [name, values.slice()]))
    const batch = trainBatch()
    const wanted = await twoSteps(embedded, objective, batch)
    const got = await twoSteps(engine, objective, batch)
    expect(got.loss).toBeCloseTo(wanted.loss, 5)
    expect(got.gradientNorm / wanted.gradientNorm).toBeCloseTo(1, 4)
    for (const [name, value] of Object.entries(wanted.statistics)) expect(got.statistics[name]).toBeCloseTo(value, 4)
    got.after.forEach((row, i) => row.forEach((lp, t) => expect(lp).toBeCloseTo(wanted.after[i]![t]!, 3)))
    expect(relativeDifference(await embedded.weights(), await server.weights(), start)).toBeLessThan(2e-3)
    await embedded.resetOptimizer()
    await embedded.restore(fresh)
    await embedded.release(fresh)
  })
})

test("a server that means but is said to sum takes another step: the comparison above can fail", async () => {
  const server = await harness.server({ reduction: "mean" })
  const engine = await harness.engine(server, { server: { ...honest, lossReduction: "sum" } })
  const embedded = await referenceOf(0)
  const fresh = await embedded.snapshot()
  const start = new Map([...(await embedded.weights())].map(([name, values]) => [name, values.slice()]))
  await twoSteps(embedded, objectives[0]![1], trainBatch())
  await twoSteps(engine, objectives[0]![1], trainBatch())
  expect(relativeDifference(await embedded.weights(), await server.weights(), start)).toBeGreaterThan(0.1)
  await embedded.resetOptimizer()
  await embedded.restore(fresh)
})

test("on a server that means, the completion mask is always sent and weights are 0 or 1", async () => {
  const server = await harness.server({ reduction: "mean" })
  const engine = await harness.engine(server)
  await engine.forwardBackward(trainBatch(), createObjective("grpo", {}))
  await engine.optimStep(adam)
  const passes = server.bodies.filter(({ path }) => path === "forward_backward" || path === "forward")
  const rows = passes.flatMap(({ body }) => ((body["forward_backward_input"] ?? body["forward_input"]) as { data: { loss_fn_inputs: { weights?: { data: number[] } } }[] }).data.map((datum) => datum.loss_fn_inputs.weights?.data))
  expect(rows.length).toBeGreaterThan(6)
  expect(new Set(rows.flatMap((row) => row ?? [Number.NaN]))).toEqual(new Set([0, 1]))
})

test("sequences without a gradient cost no backward pass", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" } })
  const batch = trainBatch()
  await engine.forwardBackward(batch, createObjective("reinforce", {}))
  await engine.optimStep(adam)
  const sent = server.bodies.find(({ path }) => path === "forward_backward")!.body["forward_backward_input"] as { data: unknown[] }
  expect(sent.data).toHaveLength(batch.filter(({ advantages }) => advantages[0] !== 0).length)
})

test("every parameter of Adam is pinned in the request", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server)
  await engine.forwardBackward(trainBatch(), crossEntropy)
  await engine.optimStep({ ...adam, gradientClip: 0.5 })
  expect(server.bodies.find(({ path }) => path === "optim_step")!.body["adam_params"]).toEqual({ learning_rate: 0.05, beta1: 0.8, beta2: 0.97, eps: 0.01, weight_decay: 0.02, grad_clip_norm: 0.5 })
})

test("log-probs that are not finite stop the step before anything is sent, and the next step is as if nothing had been", async () => {
  const server = await harness.server()
  const engine = await harness.engine(server, { server: { ...honest, losses: [], lossReduction: "sum" } })
  const batch = trainBatch()
  const broken = batch.map((sequence) => ({ ...sequence, advantages: sequence.advantages.map(() => Number.NaN) }))
  expect((await engine.forwardBackward(broken, createObjective("grpo", {}))).loss).toBeNaN()
  expect(await engine.optimStep(adam)).toEqual({ gradientNorm: Number.NaN, applied: false })
  expect(server.requests.filter((path) => path === "optim_step" || path === "forward_backward")).toEqual([])
  await engine.forwardBackward(batch, createObjective("grpo", {}))
  expect((await engine.optimStep(adam)).applied).toBe(true)
})

test("gradients that a built-in loss has sent are undone by clearGradients", async () => {
  const outcomes: Map<string, Float32Array>[] = []
  for (const disturbed of [false, true]) {
    const server = await harness.server()
    const engine = await harness.engine(server)
    await engine.forwardBackward(trainBatch(), createObjective("ppo", {}))
    await engine.optimStep(adam)
    if (disturbed) {
      await engine.forwardBackward(trainBatch(5), createObjective("ppo", {}))
      await engine.clearGradients()
    }
    await engine.forwardBackward(trainBatch(4), createObjective("ppo", {}))
    await engine.optimStep(adam)
    outcomes.push(await server.weights())
  }
  expect(outcomes[1]).toEqual(outcomes[0])
})

test("an objective that needs entropies is refused, with what to do", async () => {
  const engine = await harness.engine(await harness.server())
  await expect(engine.forwardBackward(trainBatch(), createObjective("grpo", { entropyCoefficient: 0.1 }))).rejects.toThrow(/expected an engine that gives entropies.*entropyCoefficient to 0/)
  await expect(engine.logprobs(trainBatch(), { temperature: 0.7 })).rejects.toThrow(/expected temperature 1/)
})

describe("sampling", () => {
  const requests = [
    { promptTokens: [2, 3, 4], seeds: [1, 2, 3], options: { maxTokens: 6, stopTokens: [1] } },
    { promptTokens: [5], seeds: [10, 20, 30], options: { maxTokens: 6, stopTokens: [1] } },
  ]

  test("gives G responses per prompt whose policy log-probs are those of a forward pass, whatever the server reports", async () => {
    for (const [sampleLogprobs, declared] of [["policy", "policy"], ["sampled", "sampled"], ["sampled", "none"]] as const) {
      const server = await harness.server({ sampleLogprobs })
      const engine = await harness.engine(server, { server: { ...honest, sampleLogprobs: declared, lossReduction: "sum" } })
      for (const options of [{}, { topP: 0.6 }]) {
        const asked = requests.map((request) => ({ ...request, options: { ...request.options, ...options } }))
        const groups = await engine.sample(asked)
        expect(groups.map((group) => group.length)).toEqual([3, 3])
        const flat = groups.flatMap((group, i) => group.map((sequence) => ({ sequence, promptTokens: requests[i]!.promptTokens })))
        const scored = await engine.logprobs(flat.map(({ sequence, promptTokens }) => ({ promptTokens, responseTokens: sequence.tokens })))
        flat.forEach(({ sequence }, i) => sequence.policyLogprobs.forEach((lp, t) => expect(lp).toBeCloseTo(scored[i]![t]!, 4)))
      }
    }
  })

  test("asks for the end of the response, and goes on past it only when the server does not know of it", async () => {
    const server = await harness.server({ implicitStop: false })
    const engine = await harness.engine(server)
    await engine.sample(requests)
    const bodies = server.bodies.filter(({ path }) => path === "asample").map(({ body }) => body["sampling_params"] as Record<string, unknown>)
    expect(bodies.map((params) => params["stop"])).toEqual([[1], [1]])
    expect(bodies.map((params) => params["seed"])).toEqual([1, 10])
  })

  test("with a seed per response, each response is a request of its own", async () => {
    const server = await harness.server()
    const engine = await harness.engine(server, { server: { ...honest, seeds: "per-response", lossReduction: "sum" } })
    const groups = await engine.sample(requests)
    const bodies = server.bodies.filter(({ path }) => path === "asample").map(({ body }) => [(body["sampling_params"] as { seed: number }).seed, body["num_samples"]])
    expect(bodies).toEqual([1, 2, 3, 10, 20, 30].map((seed) => [seed, 1]))
    const again = await engine.sample([{ ...requests[1]!, seeds: [20] }])
    expect(again[0]![0]!.tokens).toEqual(groups[1]![1]!.tokens)
  })

  test("a stop token that the server leaves out is put back, with its log-prob", async () => {
    const kept = await harness.engine(await harness.server())
    const bare = await harness.engine(await harness.server({ stopTokenIncluded: false }), { server: { ...honest, stopTokenIncluded: false, lossReduction: "sum" } })
    const [a, b] = [await kept.sample(requests), await bare.sample(requests)]
    expect(b.flat().map(({ tokens }) => tokens)).toEqual(a.flat().map(({ tokens }) => tokens))
    expect(b.flat().some(({ stopReason }) => stopReason === "stop")).toBe(true)
    b.flat().forEach(({ policyLogprobs }, i) => policyLogprobs.forEach((lp, t) => expect(lp).toBeCloseTo(a.flat()[i]!.policyLogprobs[t]!, 4)))
  })

  test("a stop string ends the response at the token that completes it", async () => {
    const engine = await harness.engine(await harness.server())
    const [free] = await engine.sample([{ promptTokens: [2, 3], seeds: [1], options: { maxTokens: 8, stopTokens: [1] } }])
    const { tokenizer } = await loadModelFolder((await harness.base()).folder)
    const stop = tokenizer.decode(free![0]!.tokens.slice(1, 3), { skipSpecialTokens: true })
    const [cut] = await engine.sample([{ promptTokens: [2, 3], seeds: [1], options: { maxTokens: 8, stopTokens: [1], stopStrings: [stop] } }])
    expect(free![0]!.tokens.slice(0, cut![0]!.tokens.length)).toEqual(cut![0]!.tokens)
    expect(cut![0]!.tokens.length).toBeLessThan(free![0]!.tokens.length)
    expect(cut![0]!.stopReason).toBe("stop")
  })

  test("follows the weights: after a step the samples are those of the new ones", async () => {
    const server = await harness.server()
    const engine = await harness.engine(server)
    const before = await engine.sample(requests)
    await engine.forwardBackward(trainBatch(), crossEntropy)
    await engine.optimStep({ ...adam, learningRate: 0.5 })
    const after = await engine.sample(requests)
    expect(after.flat().map(({ tokens }) => tokens)).not.toEqual(before.flat().map(({ tokens }) => tokens))
    const scored = await engine.logprobs(after[0]!.map(({ tokens }) => ({ promptTokens: [2, 3, 4], responseTokens: tokens })))
    after[0]!.forEach(({ policyLogprobs }, i) => policyLogprobs.forEach((lp, t) => expect(lp).toBeCloseTo(scored[i]![t]!, 4)))
    expect(server.requests.filter((path) => path === "save_weights_for_sampler")).toHaveLength(2)
  })

  test("at most as many requests are under way as allowed, and an abort ends them", async () => {
    const engine = await harness.engine(await harness.server(), { maxConcurrency: 2 })
    const controller = new AbortController()
    controller.abort(new Error("enough"))
    await expect(engine.sample(requests, controller.signal)).rejects.toThrow("enough")
    await expect(engine.sample([{ ...requests[0]!, options: { maxTokens: 4, minP: 0.1 } }])).rejects.toThrow(/protocol has no such parameter/)
    await expect(engine.sample([{ ...requests[0]!, options: { maxTokens: 64 } }])).rejects.toThrow(/to fit 64 tokens, got 3 \+ 64/)
  })
})

describe("weights that are kept", () => {
  async function step(engine: Engine, count: number): Promise<void> {
    await engine.forwardBackward(trainBatch(count), createObjective("ppo", {}))
    await engine.optimStep(adam)
  }

  test("saved and loaded by another engine, training goes on as if nothing had been", async () => {
    const server = await harness.server()
    const directory = join(harness.directory, "saved")
    mkdirSync(directory)
    const engine = await harness.engine(server)
    await step(engine, 6)
    await engine.save(directory)
    await step(engine, 5)
    const wanted = await server.weights()
    await engine.close()
    const other = await harness.engine(server)
    await other.load(directory)
    await step(other, 5)
    expect(await server.weights()).toEqual(wanted)
    // The fresh model took the weights: no second one was created for it.
    expect(server.requests.filter((path) => path === "create_model")).toHaveLength(2)
  })

  test("a snapshot scores and comes back, with the optimiser's state or without", async () => {
    const server = await harness.server()
    const engine = await harness.engine(server)
    await step(engine, 6)
    const before = await engine.logprobs(trainBatch())
    const snapshot = await engine.snapshot({ optimizer: true })
    await step(engine, 5)
    const wanted = await server.weights()
    expect(await engine.logprobs(trainBatch(), { policy: snapshot })).toEqual(before)
    expect(await engine.logprobs(trainBatch())).not.toEqual(before)
    await engine.restore(snapshot)
    await step(engine, 5)
    expect(await server.weights()).toEqual(wanted)
    await engine.release(snapshot)
    await expect(engine.restore(snapshot)).rejects.toThrow(/expected a snapshot that exists/)
    const bare = await engine.snapshot()
    await engine.restore(bare)
    await step(engine, 5)
    expect(await server.weights()).not.toEqual(wanted)
  })

  test("what was saved for folders that are gone is removed from the server", async () => {
    const server = await harness.server()
    const engine = await harness.engine(server, { recoveryEvery: 2 })
    const folders = [1, 2, 3].map((i) => join(harness.directory, "rotated", `step-${i}`))
    for (const [i, folder] of folders.entries()) {
      mkdirSync(folder, { recursive: true })
      for (let n = 0; n < 3; n++) await step(engine, 4)
      await engine.save(folder)
      if (i === 1) rmSync(folders[0]!, { recursive: true })
    }
    expect(server.checkpointNames()).toHaveLength(2)
  })

  test("the end of a run leaves the address and the archive; a server without archives leaves a note", async () => {
    const server = await harness.server()
    const engine = await harness.engine(server)
    const directory = join(harness.directory, "final")
    mkdirSync(directory)
    await engine.saveModel(directory)
    expect(engine.takeNotes().join()).toMatch(/adapter\.tar\.gz/)
    server.plan({ path: "archive", nth: 1, fault: { kind: "status", status: 404 } })
    await engine.saveModel(directory)
    expect(engine.takeNotes().join()).toMatch(/gave no archive.*tinker:\/\//)
  })
})
