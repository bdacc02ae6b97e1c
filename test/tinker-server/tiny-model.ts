/** A base model of a few thousand parameters, as a folder. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { OnnxEngine } from "../../src/engine/onnx/onnx-engine.ts"
import { presetConfig } from "../../src/model/presets.ts"
import { createCharacterTokenizer } from "../../src/model/tokenizer-create.ts"

/** Writes the model with random weights. @returns its folder and the tokens that end a response */
export async function writeTinyModel(directory: string, alphabet = "0123456789+="): Promise<{ readonly folder: string; readonly eos: readonly number[] }> {
  const tokenizer = createCharacterTokenizer(alphabet)
  const { eosTokens, padToken, bosToken, vocabularySize } = tokenizer
  const preset = presetConfig("nano", { vocabularySize, contextLength: 64, eosTokens, padToken, bosToken })
  const config = { ...preset, hiddenSize: 32, layers: 1, heads: 2, keyValueHeads: 2, headDim: 16, intermediateSize: 48, initializerRange: 0.3 }
  const folder = join(directory, "tiny")
  mkdirSync(folder, { recursive: true })
  const engine = await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed: 5 }, generation: { eosTokens }, threads: 1 })
  await engine.saveModel(folder)
  await engine.close()
  return { folder, eos: eosTokens }
}
