/**
 * Seconds of a prefill, of a decode step and of a training step of a model:
 * `npx tsx bench/decode.ts MODEL [ROWS] [TOKENS] [--train] [--int8]`. Responses never stop, so that every step has all
 * rows.
 */
import { parseArgs } from "node:util"
import type { SamplingPrecision } from "../src/engine/engine.ts"
import { OnnxEngine } from "../src/engine/onnx/onnx-engine.ts"
import { openModel } from "../src/model/open-model.ts"
import { createObjective } from "../src/objectives/index.ts"

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { train: { type: "boolean" }, int8: { type: "boolean" } },
})
const [path, rows = "128", tokens = "12"] = positionals
const precision: SamplingPrecision = flags.int8 === true ? "int8" : "f32"
if (path === undefined) throw new Error("bench/decode.ts: expected MODEL, got nothing.")
const model = await openModel(path)
const engine = await OnnxEngine.create({
  config: model.config,
  tokenizer: model.tokenizer,
  weights: model.source,
})
const promptTokens = Array.from({ length: 40 }, (_, i) => 300 + i * 7)
const group = 8
async function seconds(maxTokens: number, temperature: number): Promise<number> {
  const requests = Array.from({ length: Number(rows) / group }, (_, p) => ({
    promptTokens: promptTokens.map((token) => token + p),
    seeds: Array.from({ length: group }, (_, i) => p * group + i),
    options: { maxTokens, temperature, precision },
  }))
  const started = performance.now()
  await engine.sample(requests)
  return (performance.now() - started) / 1000
}
await seconds(2, 1)
const report: Record<string, number[]> = { prefill: [], decode: [], greedy: [] }
for (let round = 0; round < 3; round++) {
  const first = await seconds(1, 1)
  report["prefill"]!.push(first)
  report["decode"]!.push(((await seconds(Number(tokens), 1)) - first) / (Number(tokens) - 1))
  report["greedy"]!.push(((await seconds(Number(tokens), 0)) - first) / (Number(tokens) - 1))
}
if (flags.train === true) {
  const objective = createObjective("grpo")
  const batch = Array.from({ length: 16 }, (_, i) => ({
    promptTokens: promptTokens.map((token) => token + (i >> 3)),
    responseTokens: Array.from({ length: 11 }, (_, t) => 400 + t + i),
    behaviourLogprobs: new Float32Array(11).fill(-1),
    advantages: new Float32Array(11).fill(i % 2 === 0 ? 1 : -1),
    mask: new Float32Array(11).fill(1),
    weights: new Float32Array(11).fill(1 / 176),
  }))
  report["score"] = []
  report["train"] = []
  report["optimiser"] = []
  for (let round = 0; round < 4; round++) {
    const times = [performance.now()]
    await engine.logprobs(batch)
    times.push(performance.now())
    await engine.forwardBackward(batch, objective)
    times.push(performance.now())
    await engine.optimStep({ learningRate: 1e-6, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 })
    times.push(performance.now())
    if (round === 0) continue
    report["score"].push((times[1]! - times[0]!) / 1000)
    report["train"].push((times[2]! - times[1]!) / 1000)
    report["optimiser"].push((times[3]! - times[2]!) / 1000)
  }
}
for (const [name, values] of Object.entries(report)) {
  console.log(name.padEnd(10), values.map((value) => value.toFixed(3)).join("  "))
}
await engine.close()
