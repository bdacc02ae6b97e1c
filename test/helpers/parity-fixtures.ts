/** The parity fixtures: tiny random checkpoints with the numbers that PyTorch computed (see fixtures/parity/README.md). */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import { parseModelConfig, type ModelConfig } from "../../src/model/config.ts"

const root = new URL("../fixtures/parity/", import.meta.url).pathname
export const parityCases: readonly string[] = [
  "qwen3-tied",
  "qwen3-untied-bf16-sharded",
  "qwen2-bias",
  "llama3-scaled",
  "llama-tied-f16",
  "qwen3-with-tokenizer",
  "qwen2-window",
  "qwen3-yarn",
  "mistral-window",
  "smollm3",
  "gemma3",
]

export interface ParityNumbers {
  readonly lengths: number[]
  readonly promptLengths: number[]
  readonly tokens: number[][]
  readonly weights: number[][]
  readonly loss: number
  readonly logprobs: number[][]
  readonly entropies: number[][]
  readonly temperature: number
  readonly logprobsAtTemperature: number[][]
  /** Greedy tokens after each prompt, past any end-of-sequence token. */
  readonly greedy: { readonly prompt: number[]; readonly tokens: number[] }[]
}

export function parityFolder(name: string): string {
  return join(root, name)
}

export function readExpected(name: string): ParityNumbers {
  return JSON.parse(readFileSync(join(root, name, "expected.json"), "utf8")) as ParityNumbers
}

export function parityConfig(name: string): ModelConfig {
  return parseModelConfig(JSON.parse(readFileSync(join(root, name, "config.json"), "utf8")), "config.json")
}

/** Largest difference over the largest magnitude of the expected array. */
export function relative(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length)
  let [worst, scale] = [0, 1e-6]
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - expected[i]!))
    scale = Math.max(scale, Math.abs(expected[i]!))
  }
  return worst / scale
}
