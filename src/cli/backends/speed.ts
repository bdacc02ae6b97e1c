/** What `pirl bench` does: the workloads of bench/pytorch_baseline.py on our engine, in turns with that script. */
import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { median } from "../../statistics.ts"
import { OnnxEngine } from "../../engine/onnx/onnx-engine.ts"
import type { SampleRequest, TrainSequence } from "../../engine/engine.ts"
import { EngineError } from "../../errors.ts"
import { presetConfig } from "../../model/presets.ts"
import { createByteTokenizer } from "../../model/tokenizer-create.ts"
import { crossEntropy } from "../../objectives/supervised.ts"
import { randomStream } from "../../random.ts"
import type { BenchBackend, BenchMeasurement, BenchReport } from "../bench.ts"

type Workload = keyof BenchReport

const VOCABULARY = 512
const script = fileURLToPath(new URL("../../../bench/pytorch_baseline.py", import.meta.url))
const ROUNDS = 2

interface WorkloadSpec {
  readonly name: Workload
  readonly repetitions: number
  readonly tokens: number
  run(engine: OnnxEngine, repetition: number): Promise<void>
}

function randomTokens(count: number, ...counters: number[]): number[] {
  const random = randomStream(1, ...counters)
  return Array.from({ length: count }, () => random.below(VOCABULARY))
}

/** 32 sequences x 128 tokens: forward, backward and AdamW on a weighted cross entropy. */
const train: WorkloadSpec = {
  name: "train",
  repetitions: 6,
  tokens: 32 * 128,
  async run(engine, repetition) {
    const weights = new Float32Array(128).fill(1 / (32 * 128))
    const ones = new Float32Array(128).fill(1)
    const batch = Array.from({ length: 32 }, (_, i): TrainSequence => {
      const [first, ...rest] = randomTokens(129, repetition, i)
      return { promptTokens: [first!], responseTokens: rest, behaviourLogprobs: ones, advantages: ones, mask: ones, weights }
    })
    await engine.forwardBackward(batch, crossEntropy)
    await engine.optimStep({ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, gradientClip: 0 })
  },
}

/** 128 sequences, each with a prompt of its own: 32 prompt and 64 new tokens. */
const sample: WorkloadSpec = {
  name: "sample",
  repetitions: 3,
  tokens: 128 * 64,
  async run(engine, repetition) {
    await engine.sample(Array.from({ length: 128 }, (_, i): SampleRequest => ({ promptTokens: randomTokens(32, repetition, i), seeds: [i], options: { maxTokens: 64 } })))
  },
}

/** New tokens of response i: 8 to 64. */
const raggedLength = (i: number): number => 8 + ((i * 37) % 57)

/** 16 prompts x 8 responses of 8 to 64 new tokens. */
const ragged: WorkloadSpec = {
  name: "ragged",
  repetitions: 3,
  tokens: Array.from({ length: 128 }, (_, i) => raggedLength(i)).reduce((total, length) => total + length, 0),
  async run(engine, repetition) {
    // Responses of one prompt end at lengths of their own: one request per response, the prompt being shared by eight.
    await engine.sample(
      Array.from({ length: 128 }, (_, i): SampleRequest => ({
        promptTokens: randomTokens(32, repetition, Math.floor(i / 8)),
        seeds: [i],
        options: { maxTokens: raggedLength(i) },
      })),
    )
  },
}

async function measure(engine: OnnxEngine, spec: WorkloadSpec): Promise<number[]> {
  await spec.run(engine, 0)
  const speeds: number[] = []
  for (let repetition = 1; repetition <= spec.repetitions; repetition++) {
    const started = performance.now()
    await spec.run(engine, repetition)
    speeds.push(spec.tokens / ((performance.now() - started) / 1000))
  }
  return speeds
}

async function measureReference(python: string, workload: Workload, threads: number): Promise<number> {
  const env = {
    ...process.env,
    MALLOC_MMAP_THRESHOLD_: "4294967296",
    MALLOC_TRIM_THRESHOLD_: "17179869184",
    MALLOC_TOP_PAD_: "268435456",
  }
  try {
    const { stdout } = await promisify(execFile)(python, [script, workload, "--json", "--threads", String(threads)], { env })
    return (JSON.parse(stdout) as Record<Workload, { readonly tokensPerSecond: number }>)[workload].tokensPerSecond
  } catch (cause) {
    throw new EngineError(`bench: expected ${python} to run ${script}, got: ${cause instanceof Error ? cause.message : String(cause)}. Install torch for that Python.`, { cause })
  }
}

export const benchBackend: BenchBackend = {
  benchModel: async (request) =>
    (await import("./model-speed.ts")).measureModel({ ...request, threads: request.threads ?? availableParallelism() }),

  async bench({ threads = availableParallelism(), python, onNote }) {
    const engine = await OnnxEngine.create({
      config: presetConfig("bench", { contextLength: 256 }),
      tokenizer: createByteTokenizer(),
      weights: { kind: "fresh", seed: 0 },
      threads,
    })
    const ours: Record<Workload, number[]> = { train: [], sample: [], ragged: [] }
    const reference: Record<Workload, number[]> = { train: [], sample: [], ragged: [] }
    try {
      for (let round = 1; round <= (python === undefined ? 1 : ROUNDS); round++) {
        for (const spec of [train, sample, ragged]) {
          ours[spec.name].push(...(await measure(engine, spec)))
          onNote(`${spec.name}: ${Math.round(median(ours[spec.name]))} tokens/s`)
          if (python === undefined) continue
          reference[spec.name].push(await measureReference(python, spec.name, threads))
          onNote(`${spec.name} in PyTorch: ${Math.round(median(reference[spec.name]))} tokens/s`)
        }
      }
    } finally {
      await engine.close()
    }
    const report = (name: Workload): BenchMeasurement => {
      const tokensPerSecond = median(ours[name])
      const other = reference[name].length === 0 ? null : reference[name].reduce((a, b) => a + b, 0) / reference[name].length
      return { tokensPerSecond, reference: other, ratio: other === null ? null : tokensPerSecond / other }
    }
    return { train: report("train"), sample: report("sample"), ragged: report("ragged") }
  },
}
