import { afterAll, describe, expect, test } from "vitest"
import { mul, neg } from "../../graph/index.ts"
import type { ModelConfig } from "../../model/config.ts"
import { presetConfig } from "../../model/presets.ts"
import { createCharacterTokenizer } from "../../model/tokenizer-create.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { LossReport, TrainSequence } from "../engine.ts"
import { OnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts"

const tokenizer = createCharacterTokenizer("0123456789+=")
const nano: ModelConfig = { ...presetConfig("nano", { vocabularySize: 16, contextLength: 64 }), initializerRange: 0.3 }
const windowed: ModelConfig = { ...nano, slidingWindow: { tokens: 5, layers: [0] } }
const engines: OnnxEngine[] = []
afterAll(() => Promise.all(engines.map((engine) => engine.close())))

/** Its gradient differs from token to token. */
const policyGradient: Objective = {
  name: "test",
  key: "test",
  needs: [],
  constants: {},
  build: ({ logprobs_BT, advantages_BT }) => ({ loss_BT: mul(neg(mul(logprobs_BT, advantages_BT)), logprobs_BT) }),
}

async function createEngine(options: Partial<OnnxEngineOptions>): Promise<OnnxEngine> {
  const engine = await OnnxEngine.create({
    config: nano,
    tokenizer,
    weights: { kind: "fresh", seed: 3 },
    threads: 2,
    ...options,
  })
  engines.push(engine)
  return engine
}

/** Groups by prompt length and lengths of the responses. */
type Shapes = readonly (readonly [promptLength: number, responses: readonly number[]])[]

function batchOf(shapes: Shapes): TrainSequence[] {
  return shapes.flatMap(([promptLength, lengths], group) => {
    const promptTokens = Array.from({ length: promptLength }, (_, t) => 2 + ((group * 5 + t * 3) % 14))
    return lengths.map((length, i): TrainSequence => ({
      promptTokens,
      responseTokens: Array.from({ length }, (_, t) => 2 + ((group + i * 7 + t * 5) % 14)),
      behaviourLogprobs: new Float32Array(length),
      advantages: Float32Array.from({ length }, (_, t) => ((group + i + t) % 5) - 2),
      mask: new Float32Array(length).fill(1),
      weights: new Float32Array(length).fill(0.1),
    }))
  })
}

async function passOf(
  engine: OnnxEngine,
  pieces: readonly (readonly TrainSequence[])[],
): Promise<{ reports: LossReport[]; gradients: Map<string, Float32Array> }> {
  const reports: LossReport[] = []
  for (const piece of pieces) reports.push(await engine.forwardBackward(piece, policyGradient))
  const gradients = await engine.gradients()
  await engine.clearGradients()
  return { reports, gradients }
}

const ragged: Shapes = [
  [7, [3, 9, 1, 6]],
  [1, [4, 2]],
  [2, [5]],
  [13, [1, 1, 8]],
]

describe("a prompt that runs once for all its responses", () => {
  test.each<readonly [string, Partial<OnnxEngineOptions>]>([
    ["full fine-tuning", {}],
    ["LoRA", { lora: { rank: 2, alpha: 4, targets: ["q_proj", "v_proj", "down_proj"] }, seed: 5 }],
    ["gradient checkpointing", { gradientCheckpointing: true }],
    ["a head in pieces", { headChunk: 6 }],
    ["sliding windows", { config: windowed }],
    ["several micro-batches, one group cut", { tokenBudget: 24 }],
    ["an overlong prompt", { tokenBudget: 4 }],
  ])("has the log-probs and gradients of every response on its own: %s", async (_, options) => {
    const engine = await createEngine(options)
    const batch = batchOf(ragged)
    const together = await passOf(engine, [batch])
    const alone = await passOf(
      engine,
      batch.map((sequence) => [sequence]),
    )
    expect(together.reports[0]!.loss).toBeCloseTo(
      alone.reports.reduce((total, { loss }) => total + loss, 0),
      3,
    )
    batch.forEach((_sequence, i) => {
      const [a, b] = [together.reports[0]!, alone.reports[i]!]
      a.logprobs[i]!.forEach((l, t) => expect(l).toBeCloseTo(b.logprobs[0]![t]!, 4))
      a.entropies[i]!.forEach((h, t) => expect(h).toBeCloseTo(b.entropies[0]![t]!, 4))
    })
    for (const [name, values] of together.gradients) {
      const other = alone.gradients.get(name)!
      const scale = other.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6)
      expect(values.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i]!)), 0) / scale, name).toBeLessThan(1e-4)
    }
    const scored = await engine.logprobs(batch)
    scored.forEach((row, i) => row.forEach((l, t) => expect(l).toBeCloseTo(alone.reports[i]!.logprobs[0]![t]!, 4)))
  })

  test("is counted once", async () => {
    const engine = await createEngine({})
    const { tokens } = await engine.forwardBackward(batchOf([[7, [3, 9, 1, 6]]]), policyGradient)
    await engine.clearGradients()
    // Six of the prompt, and each response with the prompt's last token in place of its own last.
    expect(tokens).toBe(6 + 3 + 9 + 1 + 6)
  })
})
