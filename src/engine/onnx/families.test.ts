/** What every family must hold in the engine, whatever its windows and rotations: parity with PyTorch is in test/parity.test.ts. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { mul, neg } from "../../graph/index.ts"
import { parseModelConfig, type ModelConfig } from "../../model/config.ts"
import { createCharacterTokenizer } from "../../model/tokenizer-create.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { AdamOptions, SampleRequest, Sequence, TrainSequence } from "../engine.ts"
import { OnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts"

const tokenizer = createCharacterTokenizer("0123456789+=")

function family(model_type: string, keys: Readonly<Record<string, unknown>>): ModelConfig {
  const sizes = {
    vocab_size: 16,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 12,
    max_position_embeddings: 96,
    initializer_range: 0.3,
    bos_token_id: 0,
    eos_token_id: 1,
    pad_token_id: 0,
  }
  return parseModelConfig({ ...sizes, ...keys, model_type }, "config.json")
}

const configs: Readonly<Record<string, ModelConfig>> = {
  "Mistral with a window": family("mistral", { sliding_window: 7 }),
  "Qwen3 with windows in upper layers and YaRN": family("qwen3", {
    use_sliding_window: true,
    sliding_window: 9,
    max_window_layers: 1,
    rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 24 },
  }),
  SmolLM3: family("smollm3", { no_rope_layer_interval: 2 }),
  "Gemma 3": family("gemma3_text", { sliding_window: 5, sliding_window_pattern: 3, query_pre_attn_scalar: 20 }),
}

const engines: OnnxEngine[] = []
afterAll(() => Promise.all(engines.map((engine) => engine.close())))

async function createEngine(config: ModelConfig, options: Partial<OnnxEngineOptions> = {}): Promise<OnnxEngine> {
  const engine = await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed: 3 }, threads: 2, ...options })
  engines.push(engine)
  return engine
}

const policyGradient: Objective = {
  name: "test",
  key: "test",
  needs: [],
  constants: {},
  build: ({ logprobs_BT, advantages_BT }) => ({ loss_BT: neg(mul(logprobs_BT, advantages_BT)) }),
}
const adam: AdamOptions = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 }

function prompt(i: number): number[] {
  return Array.from({ length: 1 + ((i * 5) % 23) }, (_, t) => 2 + ((i * 7 + t * t * 3 + t) % 14))
}

function trainSequence(promptTokens: readonly number[], { tokens, logprobs }: Sequence): TrainSequence {
  const size = tokens.length
  return {
    promptTokens,
    responseTokens: tokens,
    behaviourLogprobs: logprobs,
    advantages: new Float32Array(size).fill(1),
    mask: new Float32Array(size).fill(1),
    weights: new Float32Array(size).fill(0.01),
  }
}

describe.each(Object.entries(configs))("%s", (_, config) => {
  // Lengths on both sides of the windows, and past the first growth of the cache.
  const requests = Array.from({ length: 18 }, (_unused, i): SampleRequest => ({
    promptTokens: prompt(i),
    seeds: [i, 100 + i],
    options: { maxTokens: 3 + ((i * 7) % 45), temperature: 0.8 },
  }))

  test("log-probs of sampling, scoring and training agree to 1e-4, before and after an update", async () => {
    const engine = await createEngine(config, { gradientCheckpointing: true })
    for (let step = 0; step < 2; step++) {
      const responses = await engine.sample(requests)
      const batch = responses.flatMap((group, i) => group.map((response) => trainSequence(requests[i]!.promptTokens, response)))
      expect(Math.max(...batch.map(({ responseTokens }) => responseTokens.length))).toBeGreaterThan(40)
      const scored = await engine.logprobs(batch, { temperature: 0.8 })
      const report = await engine.forwardBackward(batch, policyGradient, { temperature: 0.8 })
      batch.forEach(({ behaviourLogprobs }, i) => {
        behaviourLogprobs.forEach((logprob, t) => {
          expect(Math.abs(logprob - scored[i]![t]!)).toBeLessThan(1e-4)
          expect(Math.abs(logprob - report.logprobs[i]![t]!)).toBeLessThan(1e-4)
        })
      })
      expect((await engine.optimStep(adam)).applied).toBe(true)
    }
  })

  test("the same seed gives the same tokens and log-probs, alone and in any batch", async () => {
    const wide = await createEngine(config, { sampleBatch: 64 })
    const narrow = await createEngine(config, { sampleBatch: 5, threads: 1 })
    const together = await wide.sample(requests)
    expect(await narrow.sample([...requests].reverse())).toEqual([...together].reverse())
    expect(await wide.sample([requests[4]!])).toEqual([together[4]])
  })

  test("adapters on every layer start as the model, learn, and are the same model when merged", async () => {
    const lora = { rank: 2, alpha: 4, targets: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] }
    const [base, adapted] = [await createEngine(config), await createEngine(config, { lora })]
    const batch = (await base.sample(requests.slice(0, 4))).flatMap((group, i) =>
      group.map((response) => trainSequence(requests[i]!.promptTokens, response)),
    )
    const before = await base.logprobs(batch)
    expect(await adapted.logprobs(batch)).toEqual(before)
    for (let step = 0; step < 3; step++) {
      await adapted.forwardBackward(batch, policyGradient)
      await adapted.optimStep(adam)
    }
    const after = await adapted.logprobs(batch)
    const sum = (rows: readonly Float32Array[]): number => rows.reduce((total, row) => total + row.reduce((a, b) => a + b, 0), 0)
    expect(sum(after)).toBeGreaterThan(sum(before) + 1)
    const directory = await mkdtemp(join(tmpdir(), "pirl-family-"))
    await adapted.saveModel(directory)
    const merged = await createEngine(config, { weights: { kind: "folder", directory } })
    const again = await merged.logprobs(batch)
    after.forEach((row, i) => row.forEach((logprob, t) => expect(Math.abs(logprob - again[i]![t]!)).toBeLessThan(1e-4)))
    await rm(directory, { recursive: true })
  })
})
