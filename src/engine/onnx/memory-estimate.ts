/**
 * What the worker will hold in memory, from the graphs that it will run and the arrays that it will keep: before any of it is taken.
 *
 * Training is the peak of a run: weights, moments and gradients are all there, the runtime's memory for sampling is not given back,
 * and that for a micro-batch comes on top.
 */
import { liveBytes, type Bindings } from "../../graph/index.ts"
import { loraSpecs } from "../../model/lora.ts"
import { valueHeadSpecs } from "../../model/value-head.ts"
import { elementCount, parameterSpecs, type ParameterSpec } from "../../model/weights.ts"
import type { Objective } from "../../objectives/objective.ts"
import { cacheCapacity, positionBytes } from "./key-value-cache.ts"
import { programOptionsOf, samplerLimitsOf, type OnnxEngineOptions } from "./onnx-engine.ts"
import { decodeOutputs, outputNames, prefillOutputs, scoreOutputs, trainedSpecs, trainOutputs } from "./programs.ts"
import { paddedLength, rowLimit } from "./sampler.ts"

export interface MemoryWorkload {
  /** Tokens of the longest prompt and the longest response. */
  readonly promptTokens: number
  readonly responseTokens: number
  /** Prompts and responses of a step. */
  readonly prompts: number
  readonly sequences: number
  /** Responses to one prompt. */
  readonly groupSize: number
  readonly objective: Objective
  readonly temperature: number
  /** Policies kept beside the current one: copies of all trained parameters. */
  readonly snapshots: number
  /** Batches are scored before they are trained on, held-out solutions between steps. */
  readonly scores: boolean
}

export interface MemoryPart {
  readonly name: string
  readonly bytes: number
}

export interface MemoryEstimate {
  /** What is held at the peak, in the order in which it is taken. */
  readonly parts: readonly MemoryPart[]
  /** Their sum. */
  readonly bytes: number
}

const BYTES = Float32Array.BYTES_PER_ELEMENT
const MIB = 1024 ** 2
/** Node, our code, onnxruntime, two threads. Measured: docs/first-minutes.md. */
const PROGRAM_BYTES = 200 * MIB
/** Of a compiled graph, per tensor of its expression. Measured: docs/first-minutes.md. */
const GRAPH_BYTES_PER_TENSOR = 6 * 1024

/** Of an engine with these options that trains. */
export function estimateMemory(options: OnnxEngineOptions, workload: MemoryWorkload): MemoryEstimate {
  const programs = programOptionsOf(options)
  const { config, lora, valueHead } = programs
  const { objective, temperature, sequences, snapshots } = workload
  const added = [...(lora === undefined ? [] : loraSpecs(config, lora)), ...(valueHead === undefined ? [] : valueHeadSpecs(config))]
  const trained = bytesOf(trainedSpecs(programs))

  const { bindings, responses } = largestPiece(samplerLimitsOf(options).tokenBudget, workload)
  const { outputs } = trainOutputs(programs, objective, temperature)
  // Gradients are written to arrays of the worker's own.
  const gradients = Object.entries(outputs).flatMap(([name, tensor]) => (name.startsWith(outputNames.gradientPrefix) ? [tensor] : []))
  const training = liveBytes(Object.values(outputs), bindings, gradients)
  const scoring = workload.scores ? liveBytes(Object.values(scoreOutputs(programs, temperature)), bindings) : undefined
  const sampling = samplingMemory(options, workload)
  const tensors = training.tensors + (scoring?.tensors ?? 0) + sampling.tensors

  const parts: MemoryPart[] = [
    { name: "the program", bytes: PROGRAM_BYTES + tensors * GRAPH_BYTES_PER_TENSOR },
    { name: "weights", bytes: bytesOf([...parameterSpecs(config), ...added]) },
    { name: "moments", bytes: 2 * trained },
    // Beside the sum there is that of the next micro-batch.
    { name: "gradients", bytes: (sequences > responses ? 2 : 1) * trained },
    { name: "activations", bytes: training.peak },
    { name: "other policies", bytes: snapshots * trained },
    { name: "scoring", bytes: scoring?.peak ?? 0 },
    { name: "sampling", bytes: sampling.bytes },
  ]
  const taken = parts.filter(({ bytes }) => bytes > 0)
  return { parts: taken, bytes: taken.reduce((total, { bytes }) => total + bytes, 0) }
}

/** Sizes of the largest piece that trains at once (group-batches.ts), every response being as long as it may be. */
function largestPiece(budget: number, { promptTokens, responseTokens, sequences, groupSize }: MemoryWorkload): {
  readonly bindings: Bindings
  readonly responses: number
} {
  const [S, T] = [Math.max(1, promptTokens - 1), responseTokens]
  const G = Math.max(1, Math.min(groupSize, Math.floor((budget - S) / T)))
  const P = Math.max(1, Math.min(Math.ceil(sequences / groupSize), Math.floor(budget / (S + G * T))))
  const [N, R] = [P * (S + G * T), P * G * T]
  return { bindings: { P, S, G, T, N, R, ropePositions: promptTokens + responseTokens }, responses: P * G }
}

function bytesOf(specs: readonly ParameterSpec[]): number {
  return specs.reduce((total, { shape }) => total + elementCount(shape), 0) * BYTES
}

/** Of the two graphs of sampling, and of keys and values. */
function samplingMemory(options: OnnxEngineOptions, { promptTokens, responseTokens, prompts, sequences }: MemoryWorkload): { readonly bytes: number; readonly tensors: number } {
  const programs = programOptionsOf(options)
  const limits = samplerLimitsOf(options)
  const longest = promptTokens + responseTokens
  const rows = rowLimit(programs.config, limits, longest, sequences)
  const capacity = cacheCapacity(longest)
  const time = paddedLength(promptTokens)
  const together = Math.max(1, Math.min(prompts, rows, Math.floor(limits.tokenBudget / time)))
  const prefill = liveBytes(Object.values(prefillOutputs(programs)), { B: together, T: time, ropePositions: time })
  const decode = liveBytes(Object.values(decodeOutputs(programs)), { B: rows, P: capacity, ropePositions: longest })
  // What a graph gives back is copied.
  const copies = prefill.outputs + decode.outputs
  return { bytes: prefill.peak + decode.peak + copies + rows * capacity * positionBytes(programs.config), tensors: prefill.tensors + decode.tensors }
}
