/** Small engines with random weights large enough to tell tokens apart, closed after the tests of a file. */
import { afterAll } from "vitest"
import type { ModelConfig } from "../../model/config.ts"
import { presetConfig } from "../../model/presets.ts"
import { createCharacterTokenizer } from "../../model/tokenizer-create.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import { OnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts"

export const tokenizer: Tokenizer = createCharacterTokenizer("0123456789+=")
export const config: ModelConfig = { ...presetConfig("nano", { vocabularySize: 16, contextLength: 96 }), initializerRange: 0.3 }
const engines: OnnxEngine[] = []
afterAll(() => Promise.all(engines.map((engine) => engine.close())))

export async function createEngine(options: Partial<OnnxEngineOptions> = {}): Promise<OnnxEngine> {
  const weights = { kind: "fresh", seed: 3 } as const
  const engine = await OnnxEngine.create({ config, tokenizer, weights, threads: 2, ...options })
  engines.push(engine)
  return engine
}
