/**
 * What the worker will hold in memory, from the graphs that it will run and the arrays that it will keep: before any of it is taken.
 *
 * Weights, moments and other policies are always there. What a graph takes is given back when it has run, so that the
 * peak is that of the phase that takes most: nearly always the backward pass of a micro-batch.
 */
import { liveBytes, type Bindings } from "../../graph/index.ts"
import type { ModelConfig } from "../../model/config.ts"
import { loraSpecs } from "../../model/lora.ts"
import { quantisedSpecs } from "../../model/quantised.ts"
import { valueHeadSpecs } from "../../model/value-head.ts"
import { elementCount, parameterSpecs, type ParameterSpec } from "../../model/weights.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { SamplingPrecision } from "../engine.ts"
import { cacheCapacity, positionBytes } from "./key-value-cache.ts"
import { programOptionsOf, samplerLimitsOf, type OnnxEngineOptions } from "./onnx-engine.ts"
import { decodeOutputs, prefillOutputs, scoreOutputs, trainedSpecs, trainOutputs } from "./programs.ts"
import { paddedLength, rowLimit } from "./sampler.ts"

export interface MemoryWorkload {
  /** Tokens of the longest prompt and the longest response. */
  readonly promptTokens: number
  readonly responseTokens: number
  /** Most prompts that are sampled from at once, in a step or an evaluation. */
  readonly prompts: number
  /** Responses of a step. */
  readonly sequences: number
  /** Responses to one prompt. */
  readonly groupSize: number
  readonly objective: Objective
  readonly temperature: number
  /** Of rollouts. */
  readonly precision: SamplingPrecision
  /** Policies kept beside the current one: copies of all trained parameters. */
  readonly snapshots: number
  /** Batches are scored before they are trained on. */
  readonly scores: boolean
}

export interface MemoryPart {
  readonly name: string
  readonly bytes: number
}

export interface MemoryEstimate {
  /** What is held at the peak. */
  readonly parts: readonly MemoryPart[]
  /** Their sum. */
  readonly bytes: number
}

const BYTES = Float32Array.BYTES_PER_ELEMENT
const MIB = 1024 ** 2
/** Node, our code, onnxruntime, two threads, tokenizer and data. Measured: docs/first-minutes.md. */
const PROGRAM_BYTES = 350 * MIB
/** The allocator keeps pieces between tensors of different sizes. Measured: docs/first-minutes.md. */
const FRAGMENTATION = 1.15
/** Of a compiled graph, per tensor of its expression. Measured: docs/first-minutes.md. */
const GRAPH_BYTES_PER_TENSOR = 6 * 1024

/** Of an engine with these options that trains. */
export function estimateMemory(options: OnnxEngineOptions, workload: MemoryWorkload): MemoryEstimate {
  const programs = programOptionsOf(options)
  const { config, lora, valueHead } = programs
  const added = [...(lora === undefined ? [] : loraSpecs(config, lora)), ...(valueHead === undefined ? [] : valueHeadSpecs(config))]
  const trained = bytesOf(trainedSpecs(programs))
  const phases = [
    trainingPhase(options, workload, trained),
    samplingPhase(options, workload),
    ...(workload.scores ? [scoringPhase(options, workload)] : []),
  ]
  const graphs = phases.reduce((total, { tensors }) => total + tensors, 0) * GRAPH_BYTES_PER_TENSOR
  const largest = phases.reduce((a, b) => (sum(b.parts) > sum(a.parts) ? b : a))
  const parts: MemoryPart[] = [
    { name: "the program", bytes: PROGRAM_BYTES + graphs },
    { name: "weights", bytes: bytesOf([...parameterSpecs(config), ...added]) },
    { name: "weights in eight bits", bytes: workload.precision === "int8" ? quantisedBytes(config) : 0 },
    { name: "moments", bytes: 2 * trained },
    { name: "other policies", bytes: workload.snapshots * trained },
    ...largest.parts,
  ].filter(({ bytes }) => bytes > 0)
  return { parts, bytes: sum(parts) }
}

/** What is held only while something runs. */
interface Phase {
  readonly parts: readonly MemoryPart[]
  /** Of the graphs that run. */
  readonly tensors: number
}

function sum(parts: readonly MemoryPart[]): number {
  return parts.reduce((total, { bytes }) => total + bytes, 0)
}

/** Sizes of the largest piece that trains at once (group-batches.ts), every response being as long as it may be. */
function largestPiece(
  options: OnnxEngineOptions,
  workload: MemoryWorkload,
): { readonly bindings: Bindings; readonly responses: number } {
  const { promptTokens, responseTokens, sequences, groupSize } = workload
  const budget = samplerLimitsOf(options).tokenBudget
  const [S, T] = [Math.max(1, promptTokens - 1), responseTokens]
  const G = Math.max(1, Math.min(groupSize, Math.floor((budget - S) / T)))
  const P = Math.max(1, Math.min(Math.ceil(sequences / groupSize), Math.floor(budget / (S + G * T))))
  const [N, R] = [P * (S + G * T), P * G * T]
  return { bindings: { P, S, G, T, N, R, ropePositions: promptTokens + responseTokens }, responses: P * G }
}

/** Of the copies that rollouts in eight bits read. */
function quantisedBytes(config: ModelConfig): number {
  return quantisedSpecs(config).reduce((total, { shape }) => total + elementCount(shape) + shape[0]! * BYTES, 0)
}

function bytesOf(specs: readonly ParameterSpec[]): number {
  return specs.reduce((total, { shape }) => total + elementCount(shape), 0) * BYTES
}

function trainingPhase(options: OnnxEngineOptions, workload: MemoryWorkload, trained: number): Phase {
  const { bindings, responses } = largestPiece(options, workload)
  const { outputs } = trainOutputs(programOptionsOf(options), workload.objective, workload.temperature)
  const graph = liveBytes(Object.values(outputs), bindings)
  // What a graph gives back is copied before the runtime frees it.
  const running = Math.max(graph.peak, 2 * graph.outputs)
  return {
    parts: [
      // The sum so far. What a further piece makes is among the activations.
      { name: "gradients", bytes: workload.sequences > responses ? trained : 0 },
      { name: "activations", bytes: FRAGMENTATION * running },
    ],
    tensors: graph.tensors,
  }
}

function scoringPhase(options: OnnxEngineOptions, workload: MemoryWorkload): Phase {
  const graph = liveBytes(
    Object.values(scoreOutputs(programOptionsOf(options), workload.temperature)),
    largestPiece(options, workload).bindings,
  )
  return { parts: [{ name: "activations of scoring", bytes: FRAGMENTATION * graph.peak }], tensors: graph.tensors }
}

function samplingPhase(
  options: OnnxEngineOptions,
  { promptTokens, responseTokens, prompts, sequences }: MemoryWorkload,
): Phase {
  const programs = programOptionsOf(options)
  const limits = samplerLimitsOf(options)
  const longest = promptTokens + responseTokens
  const rows = rowLimit(programs.config, limits, longest, Math.max(prompts, sequences))
  const capacity = cacheCapacity(longest)
  const time = paddedLength(promptTokens)
  const together = Math.max(1, Math.min(prompts, rows, Math.floor(limits.tokenBudget / time)))
  const prefill = liveBytes(Object.values(prefillOutputs(programs)), { B: together, T: time, ropePositions: time })
  const decode = liveBytes(Object.values(decodeOutputs(programs)), { B: rows, P: capacity, ropePositions: longest })
  const running = Math.max(prefill.peak, 2 * prefill.outputs, decode.peak + decode.outputs)
  return {
    parts: [
      { name: "keys and values", bytes: rows * capacity * positionBytes(programs.config) },
      { name: "activations of sampling", bytes: FRAGMENTATION * running },
    ],
    tensors: prefill.tensors + decode.tensors,
  }
}
