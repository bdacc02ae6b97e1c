import * as ort from "onnxruntime-node"
import { expect, test } from "vitest"
import { dim, emitOnnx, evaluate, input, makeValue, matmulInt8 } from "../../graph/index.ts"
import { largestInt8, quantise } from "../../model/quantised.ts"
import { crossEntropy } from "../../objectives/supervised.ts"
import type { SampleRequest, Sequence, TrainSequence } from "../engine.ts"
import { createEngine } from "./nano-engine.test-helper.ts"
import type { OnnxEngine } from "./onnx-engine.ts"

function request(i: number, precision: "f32" | "int8" = "int8"): SampleRequest {
  const promptTokens = Array.from({ length: 1 + (i % 11) }, (_, t) => 2 + ((i * 7 + t * 5) % 14))
  return { promptTokens, seeds: [i], options: { maxTokens: 6 + (i % 5), stopTokens: [1], precision } }
}

const adam = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 }

async function learn(engine: OnnxEngine, { tokens }: Sequence): Promise<void> {
  const fill = (value: number): Float32Array => new Float32Array(tokens.length).fill(value)
  const sequence: TrainSequence = {
    promptTokens: [2, 3],
    responseTokens: tokens,
    behaviourLogprobs: fill(-1),
    advantages: fill(1),
    mask: fill(1),
    weights: fill(1 / tokens.length),
  }
  await engine.forwardBackward([sequence], crossEntropy)
  await engine.optimStep(adam)
}

test("a row's product is the interpreter's, and bit for bit its own beside a row twenty times as large", async () => {
  const [D, O] = [96, 40]
  const wave = (size: number, seed: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * 1.7))
  const { weight, scale } = quantise(wave(O * D, 1), [O, D], largestInt8.pairwise)
  const product = matmulInt8(input("x", [dim("N"), D]), input("w", [D, O], "i8"), input("s", [O]))
  const session = await ort.InferenceSession.create(emitOnnx({ product }), {
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
  })
  const run = async (x: Float32Array): Promise<Float32Array> => {
    const results = await session.run({
      x: new ort.Tensor("float32", x, [x.length / D, D]),
      w: new ort.Tensor("int8", weight, [D, O]),
      s: new ort.Tensor("float32", scale, [O]),
    })
    return results["product"]!.data as Float32Array
  }
  const row = wave(D, 5)
  const together = await run(Float32Array.from([...row, ...wave(D, 9).map((x) => 20 * x), ...row]))
  const alone = await run(Float32Array.from([...row, ...row]))
  expect(together.slice(0, O)).toEqual(alone.slice(0, O))
  expect(together.slice(2 * O)).toEqual(alone.slice(0, O))
  const feeds = { x: makeValue([1, D], row), w: makeValue([D, O], weight), s: makeValue([O], scale) }
  const expected = evaluate([product], feeds)[0]!.data
  expected.forEach((value, i) => {
    expect(alone[i]).toBeCloseTo(value, 4)
  })
  await session.release()
})

test("the same seed gives the same tokens and log-probs whatever else is in the batch, and on another number of threads", async () => {
  const requests = Array.from({ length: 40 }, (_, i) => request(i))
  const together = await (await createEngine()).sample(requests)
  const other = await createEngine({ threads: 1, sampleBatch: 8 })
  expect(await other.sample([...requests].reverse())).toEqual([...together].reverse())
  for (const i of [0, 7, 39]) expect(await other.sample([requests[i]!])).toEqual([together[i]])
})

test("log-probs are those of the distribution sampled from, which is near that of float32 and not the same", async () => {
  const engine = await createEngine()
  const many = (precision: "f32" | "int8"): SampleRequest => ({
    promptTokens: [3, 4, 5],
    seeds: Array.from({ length: 600 }, (_, i) => i),
    options: { maxTokens: 1, temperature: 2, precision },
  })
  const logprobOf = async (precision: "f32" | "int8"): Promise<Map<number, number>> =>
    new Map((await engine.sample([many(precision)]))[0]!.map(({ tokens, logprobs }) => [tokens[0]!, logprobs[0]!]))
  const [quantised, exact] = [await logprobOf("int8"), await logprobOf("f32")]
  expect([...quantised.values()].reduce((total, x) => total + Math.exp(x), 0)).toBeCloseTo(1, 1)
  const gaps = [...quantised].flatMap(([token, x]) => (exact.has(token) ? [Math.abs(x - exact.get(token)!)] : []))
  expect(Math.max(...gaps)).toBeGreaterThan(1e-5)
  expect(Math.max(...gaps)).toBeLessThan(0.3)
})

test("weights are quantised anew after an update, and after a way back", async () => {
  for (const lora of [undefined, { rank: 2, alpha: 4, targets: ["q_proj", "down_proj"] }]) {
    const engine = await createEngine(lora === undefined ? {} : { lora })
    const [[before]] = (await engine.sample([request(4)])) as [[Sequence]]
    const start = await engine.snapshot()
    for (let i = 0; i < 3; i++) await learn(engine, before)
    const [[after]] = (await engine.sample([request(4)])) as [[Sequence]]
    expect(after.logprobs[0]).not.toBe(before.logprobs[0])
    await engine.restore(start)
    expect((await engine.sample([request(4)]))[0]![0]).toEqual(before)
  }
})

test("requests of one call have one precision", async () => {
  const engine = await createEngine()
  await expect(engine.sample([request(1), request(2, "f32")])).rejects.toThrow(
    "expected one precision for all requests of a call, got int8 and f32",
  )
})
