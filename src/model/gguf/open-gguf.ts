/** A GGUF file as a model. */
import type { ModelConfig } from "../config.ts"
import type { GenerationDefaults } from "../generation-config.ts"
import type { Tokenizer } from "../tokenizer.ts"
import type { Weights } from "../weights.ts"
import { configFromGguf, familyOf } from "./config-from-gguf.ts"
import { unreadable } from "./errors.ts"
import { readGguf } from "./reader.ts"
import { tokenizerFromGguf } from "./tokenizer-from-gguf.ts"
import { planGgufWeights, readGgufWeights } from "./weights-from-gguf.ts"

export interface GgufModel {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  readWeights(): Promise<Weights>
}

/**
 * Opens a file and checks that metadata, tensors and tokenizer fit together; the weights themselves are not read yet.
 * @throws ConfigError      naming the architecture or the tokenizer that is not computed
 * @throws CheckpointError  when the file is damaged or cut short, or holds a quantisation that is not read
 */
export async function openGguf(path: string): Promise<GgufModel> {
  const file = await readGguf(path)
  familyOf(file)
  const { tokenizer, endTokens } = await tokenizerFromGguf(file)
  const config = await configFromGguf(file, endTokens)
  if (tokenizer.vocabularySize > config.vocabularySize) {
    const expected = `at most ${config.vocabularySize} tokens, one for each row of token_embd.weight`
    throw unreadable(path, expected, String(tokenizer.vocabularySize), "Convert the model again.")
  }
  const plan = planGgufWeights(file, config)
  const readWeights = (): Promise<Weights> => readGgufWeights(file, config, plan)
  return { config, tokenizer, generation: { eosTokens: config.eosTokens }, readWeights }
}
