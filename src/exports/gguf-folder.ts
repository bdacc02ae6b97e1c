/** A model for llama.cpp and Ollama: one GGUF file, and the Modelfile that Ollama makes a model from. */
import { join } from "node:path"
import type { ModelConfig } from "../model/config.ts"
import { writeFlushed } from "../model/folder.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import type { GgufWeightType } from "../model/gguf/config-to-gguf.ts"
import { planGguf } from "../model/gguf/save-gguf.ts"
import { END_TOKEN_KEYS } from "../model/gguf/tokenizer-to-gguf.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { Weights } from "../model/weights.ts"
import { ollamaModelfile } from "./ollama-modelfile.ts"

/** A model to be written; its weights are read when their turn comes. */
export interface GgufModel {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  readonly weights: () => Promise<Weights>
}

export interface GgufOptions {
  readonly name: string
  readonly license: string | undefined
  readonly dtype: GgufWeightType
}

/** A folder that is checked and not yet written. */
export interface PlannedGgufFolder {
  /** Name of the GGUF file in it. */
  readonly file: string
  /** What should be known about it, a sentence each. */
  readonly notes: readonly string[]
  write(directory: string): Promise<void>
}

/** @throws ConfigError  when llama.cpp does not compute the model, or the format cannot express its tokenizer */
export function planGgufFolder(model: GgufModel, { name, license, dtype }: GgufOptions): PlannedGgufFolder {
  const { config, tokenizer, weights } = model
  const eosTokens = model.generation.eosTokens.length > 0 ? model.generation.eosTokens : tokenizer.eosTokens
  const generation = { ...model.generation, eosTokens }
  const gguf = planGguf({ config, tokenizer, generation, dtype, name, license })
  const file = `${name.replace(/[^A-Za-z0-9._-]+/g, "-")}.${dtype}.gguf`
  const modelfile = ollamaModelfile(file, tokenizer, generation)
  const notes = [
    ...modelfile.notes,
    ...(gguf.unquantised === 0 ? [] : [`${gguf.unquantised} matrices are f16: their rows are no multiple of 32, which q8_0 needs.`]),
    ...(eosTokens.length > 0 ? [] : ["The model names no token that ends a response: programs stop at their limit of tokens."]),
    ...(eosTokens.length <= END_TOKEN_KEYS ? [] : [`A GGUF file has keys for ${END_TOKEN_KEYS} end tokens, and this model has ${eosTokens.length}. Ollama stops at all of them by the Modelfile; tell llama.cpp the others by --reverse-prompt.`]),
  ]
  return {
    file,
    notes,
    async write(directory) {
      await gguf.write(join(directory, file), await weights())
      await writeFlushed(join(directory, "Modelfile"), Buffer.from(modelfile.text, "utf8"))
    },
  }
}
