/**
 * The graphs that the embedded engine runs, compiled to ONNX: prefill, decode, score, train.
 *
 * Shape legend: B sequences, D model width, V vocabulary. Scoring and training run on groups
 * (model/grouped-attention.ts): N rows, the last R of which predict a response token each; [W, T] the window of
 * response tokens by response, W = P*G.
 */
import { EngineError } from "../../errors.ts"
import {
  concat,
  dim,
  dimAdd,
  dimMul,
  embedding,
  emitOnnx,
  gradients,
  input,
  inputNames,
  mul,
  reshape,
  selectRows,
  slice,
  softmax,
  sum,
  type Dim,
  type Tensor,
} from "../../graph/index.ts"
import type { ModelConfig } from "../../model/config.ts"
import {
  decodeGroups,
  decodeNext,
  decodeSequences,
  product,
  weightTensors,
  type DecoderOptions,
  type DecoderOutput,
} from "../../model/decoder.ts"
import { groupSizes } from "../../model/grouped-attention.ts"
import { chunkedTokenScores, headWeight, tokenScores, type TokenScores } from "../../model/head.ts"
import { loraSpecs, type LoraConfig } from "../../model/lora.ts"
import { rowValues, valueHeadSpecs, valueHeadTensors, type ValueHeadConfig } from "../../model/value-head.ts"
import { quantisedTensors } from "../../model/quantised.ts"
import { parameterSpecs, type ParameterSpec } from "../../model/weights.ts"
import type { BatchObjectiveInputs } from "../../objectives/batch-objective.ts"
import { fullKl } from "../../objectives/kl.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { SamplingPrecision } from "../engine.ts"

/** A compiled graph. Plain data: it travels to the worker as it is. */
export interface Program {
  /** Equal keys are equal programs. */
  readonly key: string
  readonly model: Uint8Array
  /** Names of all inputs: weights by parameter name, the rest by the names used here. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export interface ProgramOptions {
  readonly config: ModelConfig
  readonly lora?: LoraConfig
  readonly valueHead?: ValueHeadConfig
  /** Vocabulary entries per piece of the output projection in training; 0 computes it whole. */
  readonly headChunk: number
  readonly gradientCheckpointing: boolean
  /** Threads of one operator: sampling graphs are built so that they do not show in the result. */
  readonly threads: number
}

/** Names of outputs. `gradientPrefix` is followed by a parameter name. */
export const outputNames = {
  /** [B, V] softmax of the scaled logits. */
  probabilities: "out.probabilities",
  keys: (layer: number): string => `out.key.${layer}`,
  values: (layer: number): string => `out.value.${layer}`,
  loss: "out.loss",
  logprobs: "out.logprobs",
  entropies: "out.entropies",
  /** [W, T] of the value head. */
  headValues: "out.values",
  /** [R, V] log-probs of the whole vocabulary. */
  distribution: "out.distribution",
  statistics: "out.statistics",
  embedded: "out.gradient.embedded",
  gradientPrefix: "out.gradient:",
} as const

/** [B, 1] one over the temperature of each row, 1 for greedy rows. */
export const inverseTemperatureInput = "temperature.inverse"

/** Names of the inputs of scoring and training beside those of the decoder. */
export const scoreInputs = {
  /** [B] i64 the row of each sequence's last token, for prefill. */
  rows: "rows",
  /** [W*T] i64: the response row of each place of the window; any for padding. */
  windowRows: "window.rows",
  /** [R] i64: the place of each response row in the window. */
  windowSlots: "window.slots",
  targets: "targets",
  targetFloats: "targets.float",
  behaviour: "objective.behaviour",
  reference: "objective.reference",
  /** [R, V] the reference's log-probs of the whole vocabulary. */
  referenceDistribution: "objective.reference.distribution",
  advantages: "objective.advantages",
  mask: "objective.mask",
  weights: "objective.weights",
  /** [W, T] how many equal tokens of the batch each counted one stands for, for the statistics. */
  counts: "objective.counts",
  constant: (name: string): string => `objective.constant.${name}`,
  token: (name: string): string => `objective.token.${name}`,
} as const

/** Keys of the programs that sample. */
export function samplingPrograms(precision: SamplingPrecision): { readonly prefill: string; readonly decode: string } {
  return precision === "f32"
    ? { prefill: "prefill", decode: "decode" }
    : { prefill: `prefill@${precision}`, decode: `decode@${precision}` }
}

/** Parameters of the policy that training changes. */
export function trainableSpecs(config: ModelConfig, lora: LoraConfig | undefined): ParameterSpec[] {
  return lora === undefined ? parameterSpecs(config) : loraSpecs(config, lora)
}

/** The same, and those of the value head where there is one. */
export function trainedSpecs({ config, lora, valueHead }: Pick<ProgramOptions, "config" | "lora" | "valueHead">): ParameterSpec[] {
  return [...trainableSpecs(config, lora), ...(valueHead === undefined ? [] : valueHeadSpecs(config))]
}

/** The vocabulary's logits exist at once: full distributions can be had. */
export function wholeHead({ config, headChunk }: Pick<ProgramOptions, "config" | "headChunk">): boolean {
  return headChunk === 0 || headChunk >= config.vocabularySize
}

function program(key: string, outputs: Readonly<Record<string, Tensor>>): Program {
  return { key, model: emitOnnx(outputs), inputs: inputNames(outputs), outputs: Object.keys(outputs) }
}

/** Decoder for sampling: a sequence's numbers do not depend on the rest of the batch. */
function samplingOptions(options: ProgramOptions, precision: SamplingPrecision): DecoderOptions {
  const quantised = precision === "int8" ? { quantised: quantisedTensors(options.config) } : {}
  return { ...decoderOptions(options), exactForThreads: options.threads, ...quantised }
}

function decoderOptions(options: ProgramOptions): DecoderOptions {
  const { config, lora } = options
  return { config, weights: weightTensors(config, lora), ...(lora === undefined ? {} : { lora }) }
}

function cacheOutputs(output: DecoderOutput): Record<string, Tensor> {
  const named: Record<string, Tensor> = {}
  output.cache.forEach(({ key, value }, layer) => {
    named[outputNames.keys(layer)] = key
    named[outputNames.values(layer)] = value
  })
  return named
}

/**
 * The softmax is part of the graph: a vectorised one of all rows costs a fraction of one number at a time. So is the
 * temperature, before the product: a row has D numbers there, and V after it.
 */
function nextTokenProbabilities(options: ProgramOptions, decoder: DecoderOptions, hidden_BD: Tensor): Tensor {
  const scaled_BD = mul(hidden_BD, input(inverseTemperatureInput, [dim("B"), 1]))
  return softmax(product(decoder, scaled_BD, headWeight(options.config, decoder.weights)))
}

/** Prompts to probabilities [B, V] after the last token of each (input `rows` [B]: its row among N), and the cache [B, K, T, E]. */
export function prefillProgram(options: ProgramOptions, precision: SamplingPrecision = "f32"): Program {
  return program(samplingPrograms(precision).prefill, prefillOutputs(options, precision))
}

/** What `prefillProgram` compiles, as expressions. */
export function prefillOutputs(options: ProgramOptions, precision: SamplingPrecision = "f32"): Record<string, Tensor> {
  const decoder = samplingOptions(options, precision)
  const output = decodeSequences(decoder)
  const last_BD = embedding(output.hidden_ND, input(scoreInputs.rows, [dim("B")], "i64"))
  const probabilities_BV = nextTokenProbabilities(options, decoder, last_BD)
  return { [outputNames.probabilities]: probabilities_BV, ...cacheOutputs(output) }
}

/** One more token per sequence over the cache: probabilities [B, V] and the new keys and values [B, K, 1, E]. */
export function decodeProgram(options: ProgramOptions, precision: SamplingPrecision = "f32"): Program {
  return program(samplingPrograms(precision).decode, decodeOutputs(options, precision))
}

/** What `decodeProgram` compiles, as expressions. */
export function decodeOutputs(options: ProgramOptions, precision: SamplingPrecision = "f32"): Record<string, Tensor> {
  const decoder = samplingOptions(options, precision)
  const output = decodeNext(decoder)
  const probabilities_BV = nextTokenProbabilities(options, decoder, output.hidden_ND)
  return { [outputNames.probabilities]: probabilities_BV, ...cacheOutputs(output) }
}

interface ScoredGroups extends TokenScores {
  readonly output: DecoderOutput
  /** [R, D] hidden rows that predict the response tokens. */
  readonly hidden_RD: Tensor
  /** Numbers of response rows, [R] or [R, 1], at their places in the window [W, T]; padding holds anything. */
  readonly toWindow: (rows: Tensor) => Tensor
}

function scoreGroups(options: ProgramOptions, decoder: DecoderOptions, temperature: number): ScoredGroups {
  const output = decodeGroups(decoder)
  const [rows, N] = [dim("R"), dim("N")]
  const hidden_RD = slice(output.hidden_ND, 0, dimAdd(N, dimMul(-1, rows)), N)
  const tokens_R = input(scoreInputs.targets, [rows], "i64")
  const windowRows = input(scoreInputs.windowRows, [dimMul(...window())], "i64")
  const windowSlots = input(scoreInputs.windowSlots, [rows], "i64")
  const head_VD = headWeight(options.config, decoder.weights)
  const targets = { tokens_R, floats_R1: input(scoreInputs.targetFloats, [rows, 1]) }
  const scores = wholeHead(options)
    ? tokenScores(hidden_RD, head_VD, targets, temperature)
    : chunkedTokenScores(hidden_RD, head_VD, targets, temperature, options.headChunk)
  const toWindow = (x: Tensor): Tensor => reshape(selectRows(reshape(x, [rows, 1]), windowRows, windowSlots), window())
  return { output, hidden_RD, toWindow, ...scores }
}

/** Shape of the window of response tokens. */
const window = (): readonly [Dim, Dim] => [dimMul(groupSizes.prompts, groupSizes.responses), groupSizes.time]

/** Log-probs and entropies [W, T] of response tokens, and values where there is a head for them; forward only. */
export function scoreProgram(options: ProgramOptions, temperature: number): Program {
  return program(`score@${temperature}`, scoreOutputs(options, temperature))
}

/** What `scoreProgram` compiles, as expressions. */
export function scoreOutputs(options: ProgramOptions, temperature: number): Record<string, Tensor> {
  const decoder = decoderOptions(options)
  const scores = scoreGroups(options, decoder, temperature)
  const values =
    options.valueHead === undefined
      ? undefined
      : rowValues(scores.hidden_RD, valueHeadTensors(options.config), "shared")
  return {
    [outputNames.logprobs]: scores.toWindow(scores.logprobs_R),
    [outputNames.entropies]: scores.toWindow(scores.entropy_R),
    ...(values === undefined ? {} : { [outputNames.headValues]: scores.toWindow(values) }),
  }
}

/** Log-probs [R, V] of the whole vocabulary before each response token, forward only. @throws EngineError when the head is in pieces */
export function distributionProgram(options: ProgramOptions, temperature: number): Program {
  const scores = scoreGroups(options, decoderOptions(options), temperature)
  return program(`distribution@${temperature}`, {
    [outputNames.distribution]: wholeDistribution(scores),
    // Their targets tell the graph how many response rows there are.
    [outputNames.logprobs]: scores.toWindow(scores.logprobs_R),
  })
}

function wholeDistribution({ logprobs_RV }: TokenScores): Tensor {
  if (logprobs_RV !== undefined) return logprobs_RV
  throw new EngineError(
    "onnx engine: expected the whole vocabulary at once for klEstimator full, got one that is cut into pieces. Set engine.headChunk to 0, or use another estimator.",
  )
}

export interface TrainProgram extends Program {
  /** Names of the objective's statistics, in the order of the `statistics` output. */
  readonly statistics: readonly string[]
}

/** Results of a training graph by name, and the names of the objective's statistics in the order of their output. */
export interface TrainOutputs {
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly statistics: readonly string[]
}

/** Loss, log-probs, entropies, statistics, and the gradient of every trainable parameter. */
export function trainProgram(options: ProgramOptions, objective: Objective, temperature: number): TrainProgram {
  const { outputs, statistics } = trainOutputs(options, objective, temperature)
  return { ...program(`train:${objective.key}@${temperature}`, outputs), statistics }
}

/** What `trainProgram` compiles, as expressions. */
export function trainOutputs(options: ProgramOptions, objective: Objective, temperature: number): TrainOutputs {
  const { config, lora, valueHead } = options
  const decoder = decoderOptions(options)
  const scores = scoreGroups(options, decoder, temperature)
  // Only a loss that reads values moves the head: an update without one leaves it alone, moments included.
  const head = objective.needs.includes("values") && valueHead !== undefined ? { ...valueHead, weights: valueHeadTensors(config) } : undefined
  const logprobs_WT = scores.toWindow(scores.logprobs_R)
  const entropy_WT = scores.toWindow(scores.entropy_R)
  const mask_WT = input(scoreInputs.mask, window())
  const inputs: BatchObjectiveInputs = {
    logprobs_BT: logprobs_WT,
    behaviourLogprobs_BT: input(scoreInputs.behaviour, window()),
    advantages_BT: input(scoreInputs.advantages, window()),
    mask_BT: mask_WT,
    ...(objective.needs.includes("reference") ? { referenceLogprobs_BT: input(scoreInputs.reference, window()) } : {}),
    ...(objective.needs.includes("entropy") ? { entropy_BT: entropy_WT } : {}),
    ...(objective.needs.includes("fullKl") ? { fullKl_BT: fullKlWindow(config, scores) } : {}),
    ...(head === undefined
      ? {}
      : { values_BT: scores.toWindow(rowValues(scores.hidden_RD, head.weights, head.trunk)) }),
    constant: memoised((name: string) => input(scoreInputs.constant(name), [])),
    tokenInput: memoised((name: string) => input(scoreInputs.token(name), window())),
  }
  const { loss_BT, statistics = {} } = objective.build(inputs)
  const loss = sum(mul(loss_BT, input(scoreInputs.weights, window())))

  const trainable = [...trainableSpecs(config, lora).map(({ name }) => name), ...(head?.weights.keys() ?? [])]
  const wrt = trainable.map((name) => decoder.weights.get(name) ?? head!.weights.get(name)!)
  const checkpoints = options.gradientCheckpointing ? { checkpoints: scores.output.boundaries } : {}
  const derivatives = gradients(loss, lora === undefined ? [...wrt, scores.output.embedded_ND] : wrt, checkpoints)

  const outputs: Record<string, Tensor> = {
    [outputNames.loss]: loss,
    [outputNames.logprobs]: logprobs_WT,
    [outputNames.entropies]: entropy_WT,
  }
  const names = Object.keys(statistics)
  if (names.length > 0) {
    const counts_WT = input(scoreInputs.counts, window())
    const totals = names.map((name) => reshape(sum(mul(statistics[name]!, counts_WT)), [1]))
    outputs[outputNames.statistics] = concat(totals, 0)
  }
  // The runtime begins with the result that was made last. Were it this one, which needs the whole backward pass, every layer's
  // activations would wait for their weight gradients until its end.
  if (lora === undefined) outputs[outputNames.embedded] = derivatives.at(-1)!
  trainable.forEach((name, i) => {
    // An untied embedding gets its whole gradient from the scatter.
    if (lora !== undefined || config.tiedEmbeddings || name !== "model.embed_tokens.weight") {
      outputs[outputNames.gradientPrefix + name] = derivatives[i]!
    }
  })
  return { outputs, statistics: names }
}

/** [W, T] divergence from the distributions that are fed. */
function fullKlWindow(config: ModelConfig, scores: ScoredGroups): Tensor {
  const reference_RV = input(scoreInputs.referenceDistribution, [dim("R"), config.vocabularySize])
  return scores.toWindow(fullKl(wholeDistribution(scores), reference_RV))
}

function memoised(make: (name: string) => Tensor): (name: string) => Tensor {
  const made = new Map<string, Tensor>()
  return (name) => {
    const tensor = made.get(name) ?? make(name)
    made.set(name, tensor)
    return tensor
  }
}
