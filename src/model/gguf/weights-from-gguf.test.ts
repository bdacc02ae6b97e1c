import { expect, test } from "vitest"
import { llama3Factors, describeRopeFactors } from "./rope-factors.ts"
import { ggufTensorName } from "./tensor-names.ts"
import { splitHalves } from "./weights-from-gguf.ts"

test("rows of two heads of width four go from pairs of neighbours to halves", () => {
  const rows = [0, 2, 1, 3, 4, 6, 5, 7].flatMap((row) => [row, row + 0.5])
  expect([...splitHalves(Float32Array.from(rows), 2, 4)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7].flatMap((row) => [row, row + 0.5]))
  expect([...splitHalves(Float32Array.of(0, 2, 1, 3), 1, 4)]).toEqual([0, 1, 2, 3])
})

test("norms of a layer are named by whether there are some behind its parts", () => {
  const norm = (name: string, behind: boolean): string | undefined => ggufTensorName(`model.layers.3.${name}.weight`, behind)
  expect(norm("post_attention_layernorm", false)).toBe("blk.3.ffn_norm.weight")
  expect(norm("post_attention_layernorm", true)).toBe("blk.3.post_attention_norm.weight")
  expect(norm("pre_feedforward_layernorm", true)).toBe("blk.3.ffn_norm.weight")
  expect(norm("input_layernorm", true)).toBe("blk.3.attn_norm.weight")
  expect(ggufTensorName("model.layers.3.mlp.experts.0.weight")).toBeUndefined()
})

test("factors of Llama 3.2 1B: 1 for short waves, 32 for long ones, between the two in between", () => {
  const factors = llama3Factors(32, 500_000, 64)
  expect([factors[0], factors[31]]).toEqual([1, 32])
  // Frequency 15 has a wavelength of 2 pi 500,000^(30/64) = 2,948.4 tokens: s = (8,192 / 2,948.4 - 1) / 3 = .5928.
  expect(factors[15]).toBeCloseTo(1 / (0.4072 / 32 + 0.5928), 3)
  expect(describeRopeFactors(Float32Array.from(factors), 500_000, 64)).toMatchObject({ rope_type: "llama3", factor: 32 })
  expect(describeRopeFactors(Float32Array.from(factors).fill(32), 500_000, 64)).toBeUndefined()
})
