/** A test server with an engine on it, and the embedded engine on the same weights. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TrainSequence } from "../../src/engine/engine.ts"
import { OnnxEngine } from "../../src/engine/onnx/onnx-engine.ts"
import { TinkerEngine, type TinkerEngineOptions } from "../../src/engine/tinker/tinker-engine.ts"
import { cautiousCapabilities, type ServerCapabilities } from "../../src/engine/tinker/server-capabilities.ts"
import { loadModelFolder } from "../../src/model/folder.ts"
import { loraTargets } from "../../src/model/lora.ts"
import { TinkerClient, type Clock, type TinkerClientOptions } from "../../src/tinker/index.ts"
import { closeEngines } from "./compute.ts"
import { TestServer, type TestServerOptions } from "./server.ts"
import { writeTinyModel } from "./tiny-model.ts"

/** Pauses are short, and time goes on. */
export const hasty: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, { signal } = {}) =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", done)
        if (signal?.aborted === true) reject(signal.reason as Error)
        else resolve()
      }
      const timer = setTimeout(done, Math.min(milliseconds, milliseconds > 9000 ? 100 : 5))
      signal?.addEventListener("abort", done, { once: true })
    }),
}

export const honest: Omit<ServerCapabilities, "lossReduction"> = {
  ...cautiousCapabilities,
  losses: ["cross_entropy", "importance_sampling", "ppo", "cispo"],
  sampleLogprobs: "policy",
  seededSampling: true,
  gradientClipping: true,
  unloadedGradients: "dropped",
  olderSamplers: "apart",
}

export class Harness {
  readonly directory: string = mkdtempSync(join(tmpdir(), "pirl-tinker-"))
  #base: { readonly folder: string; readonly eos: readonly number[] } | undefined
  readonly #closing: (() => Promise<void>)[] = []

  async base(): Promise<{ readonly folder: string; readonly eos: readonly number[] }> {
    this.#base ??= await writeTinyModel(this.directory)
    return this.#base
  }

  async server(options: Partial<TestServerOptions> = {}): Promise<TestServer> {
    const server = await TestServer.start({ ...(await this.base()), ...options })
    this.#closing.push(() => server.close())
    return server
  }

  async engine(server: TestServer, options: Partial<TinkerEngineOptions> = {}, client: Partial<TinkerClientOptions> = {}): Promise<TinkerEngine> {
    const { config, tokenizer } = await loadModelFolder((await this.base()).folder)
    const engine = await TinkerEngine.create({
      client: new TinkerClient({ url: server.url, clock: hasty, ...client }),
      baseModel: "tiny",
      lora: { rank: 0, seed: 7 },
      server: { ...honest, lossReduction: server.behaviour.reduction === "sum" ? "sum" : "mean-per-sequence" },
      contextLength: config.contextLength,
      vocabularySize: config.vocabularySize,
      decode: (tokens) => tokenizer.decode(tokens, { skipSpecialTokens: true }),
      ...options,
    })
    this.#closing.unshift(() => engine.close())
    return engine
  }

  /** The embedded engine with the weights that a model of the server begins with. The caller closes it. */
  async embedded(rank = 0, seed = 7): Promise<OnnxEngine> {
    const { folder } = await this.base()
    const { config, tokenizer, generation } = await loadModelFolder(folder)
    const lora = rank === 0 ? {} : { lora: { rank, alpha: 32, targets: loraTargets } }
    const engine = await OnnxEngine.create({ config, tokenizer, generation, weights: { kind: "folder", directory: folder }, seed, threads: 1, ...lora })
    return engine
  }

  /** Ends what a test has opened; the models of its servers are used again by the next. */
  async settle(): Promise<void> {
    for (const close of this.#closing.splice(0)) await close()
  }

  async close(): Promise<void> {
    await this.settle()
    await closeEngines()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Responses of several lengths, off-policy enough that clips bite; deterministic. */
export function trainBatch(count = 6, noise = 0.4): TrainSequence[] {
  const wave = (i: number): number => Math.sin(i * 12.9898) * 43758.5453
  const uniform = (i: number): number => wave(i) - Math.floor(wave(i))
  return Array.from({ length: count }, (_, i): TrainSequence => {
    const length = 2 + (i % 4)
    const row = (f: (t: number) => number): Float32Array => Float32Array.from({ length }, (_, t) => f(t))
    const mask = row((t) => (i === 1 && t === 0 ? 0 : 1))
    const advantage = i % 3 === 2 ? 0 : uniform(i) * 2 - 0.8
    return {
      promptTokens: Array.from({ length: 1 + (i % 3) }, (_, t) => 2 + ((i * 5 + t * 3) % 12)),
      responseTokens: Array.from({ length }, (_, t) => 2 + ((i * 7 + t * 5) % 12)),
      behaviourLogprobs: row((t) => -2.6 + noise * (uniform(i * 31 + t) - 0.5)),
      referenceLogprobs: row((t) => -2.5 + uniform(i * 17 + t)),
      advantages: row(() => advantage),
      mask,
      weights: mask.map((m) => m / (count * length)),
    }
  })
}

/** Largest difference of two sets of weights, over the largest move from where both began. */
export function relativeDifference(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>, start: ReadonlyMap<string, Float32Array>): number {
  let [worst, move] = [0, 0]
  for (const [name, values] of a) {
    const other = b.get(name)!
    values.forEach((x, i) => {
      worst = Math.max(worst, Math.abs(x - other[i]!))
      move = Math.max(move, Math.abs(x - start.get(name)![i]!))
    })
  }
  return worst / move
}
