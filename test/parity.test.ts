/** Our decoders against PyTorch: logits, log-probs, entropies and gradients of tiny random checkpoints (fixtures/parity). */
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { OnnxEngine, type OnnxEngineOptions } from "../src/engine/onnx/onnx-engine.ts"
import type { TrainSequence } from "../src/engine/engine.ts"
import { neg } from "../src/graph/index.ts"
import { readSafetensorsHeader, readTensors } from "../src/model/safetensors.ts"
import { createByteTokenizer } from "../src/model/tokenizer-create.ts"
import { parityCases, parityConfig, parityFolder, readExpected, relative, type ParityNumbers } from "./helpers/parity-fixtures.ts"
import type { Objective } from "../src/objectives/objective.ts"

const crossEntropy: Objective = {
  name: "cross-entropy",
  key: "cross-entropy",
  needs: [],
  constants: {},
  build: ({ logprobs_BT }) => ({ loss_BT: neg(logprobs_BT) }),
}

function load(name: string): { expected: ParityNumbers; batch: TrainSequence[] } {
  const expected = readExpected(name)
  const batch = expected.tokens.map((tokens, b): TrainSequence => {
    const [prompt, length] = [expected.promptLengths[b]!, expected.lengths[b]!]
    const size = length - prompt
    return {
      promptTokens: tokens.slice(0, prompt),
      responseTokens: tokens.slice(prompt, length),
      behaviourLogprobs: new Float32Array(size),
      advantages: new Float32Array(size),
      mask: new Float32Array(size).fill(1),
      weights: Float32Array.from(expected.weights[b]!),
    }
  })
  return { expected, batch }
}

function createEngine(name: string, options: Partial<OnnxEngineOptions> = {}): Promise<OnnxEngine> {
  const directory = parityFolder(name)
  const config = parityConfig(name)
  // The fixtures hold weights only; these tests speak in tokens.
  return OnnxEngine.create({ config, tokenizer: createByteTokenizer(), weights: { kind: "folder", directory }, threads: 1, ...options })
}

describe.each(parityCases)("%s", (name) => {
  const { expected, batch } = load(name)

  test.each([
    ["whole head", {}],
    ["head in pieces of 16", { headChunk: 16 }],
    ["gradient checkpointing", { gradientCheckpointing: true }],
    ["one sequence per micro-batch", { tokenBudget: 1 }],
  ] as const)("loss, log-probs, entropies and every gradient equal PyTorch's (%s)", async (_, options) => {
    const engine = await createEngine(name, options)
    const report = await engine.forwardBackward(batch, crossEntropy)
    expect(Math.abs(report.loss / expected.loss - 1)).toBeLessThan(1e-4)
    batch.forEach((_sequence, b) => {
      expect(relative(report.logprobs[b]!, expected.logprobs[b]!)).toBeLessThan(1e-4)
      expect(relative(report.entropies[b]!, expected.entropies[b]!)).toBeLessThan(1e-4)
    })
    const gradients = await engine.gradients()
    const path = join(parityFolder(name), "expected.safetensors")
    const { tensors } = await readSafetensorsHeader(path)
    const wanted = [...tensors.keys()].filter((key) => key.startsWith("gradient"))
    expect(wanted).toHaveLength(gradients.size)
    const reference = await readTensors(path, wanted)
    for (const [key, values] of reference) {
      const parameter = key.replace(/^gradients?[.:/]/, "")
      expect(relative(gradients.get(parameter)!, values), parameter).toBeLessThan(1e-4)
    }
    await engine.close()
  })

  test("greedy decoding gives PyTorch's tokens", async () => {
    const engine = await createEngine(name)
    const requests = expected.greedy.map(({ prompt, tokens }) => ({ promptTokens: prompt, seeds: [0], options: { temperature: 0, maxTokens: tokens.length } }))
    const sampled = await engine.sample(requests)
    expect(sampled.map(([sequence]) => sequence!.tokens)).toEqual(expected.greedy.map(({ tokens }) => tokens))
    await engine.close()
  })

  test("log-probs at another temperature equal PyTorch's", async () => {
    const engine = await createEngine(name)
    const logprobs = await engine.logprobs(batch, { temperature: expected.temperature })
    batch.forEach((_sequence, b) => expect(relative(logprobs[b]!, expected.logprobsAtTemperature[b]!)).toBeLessThan(1e-4))
    await engine.close()
  })
})
