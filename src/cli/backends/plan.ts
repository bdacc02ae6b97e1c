/** What `pirl train --dry-run` shows: sizes of model, batch and memory. */
import type { ResolvedConfig } from "../../config/index.ts"
import type { Task } from "../../data/task.ts"
import { trainableSpecs } from "../../engine/onnx/programs.ts"
import { elementCount, parameterCount } from "../../model/weights.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import { describePromptFormat, encodePrompt } from "../../rollout/prompt-encoder.ts"
import { engineThreads, longestPrompt, openConfiguredTask, planPolicy, probedProblems } from "../../trainer/policy.ts"
import { planServerPolicy } from "../../trainer/server-policy.ts"
import { formatCount } from "../format.ts"

/** Of the first prompt, half of them from its end. */
const SHOWN_CHARACTERS = 400
const BYTES = Float32Array.BYTES_PER_ELEMENT

function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"]
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** Largest activations of one micro-batch, roughly: residual streams and feed-forward of every layer, scores of one. */
function activationBytes(config: ResolvedConfig, model: Awaited<ReturnType<typeof planPolicy>>["modelConfig"]): number {
  const tokens = config.engine.tokenBudget
  const perLayer = 8 * model.hiddenSize + 6 * model.heads * model.headDim + 6 * model.intermediateSize
  const kept = config.train.gradientCheckpointing ? perLayer + model.layers * model.hiddenSize : perLayer * model.layers
  const head = 4 * Math.min(model.vocabularySize, config.engine.headChunk || model.vocabularySize)
  return tokens * (kept + head) * BYTES
}

type Row = readonly [label: string, value: string]

function taskRow({ name, trainSize, heldOut }: Task): Row {
  return ["task", `${name}, ${trainSize === undefined ? "endless" : formatCount(trainSize)} training and ${formatCount(heldOut.length)} held-out problems`]
}

/** How prompts are put to the model, and the first of training as the model sees it, special tokens included. */
function promptRows(config: ResolvedConfig, task: Task, tokenizer: Tokenizer): Row[] {
  const first = task.trainProblem(config.seed, 0)
  const text = tokenizer.decode(encodePrompt(first, tokenizer, config.rollout))
  const prompts = probedProblems(task, config.seed).map(({ prompt }) => prompt)
  return [
    ["prompt format", describePromptFormat(prompts, tokenizer, config.rollout)],
    ["first prompt", shortened(text)],
  ]
}

function shortened(text: string): string {
  const characters = [...text]
  if (characters.length <= SHOWN_CHARACTERS) return text
  const half = SHOWN_CHARACTERS / 2
  return `${characters.slice(0, half).join("")} ... ${characters.slice(-half).join("")}`
}

function batchRow({ rollout }: ResolvedConfig): Row {
  const { promptsPerStep, groupSize, dynamicSampling } = rollout
  const rounds = dynamicSampling.enabled ? `, in up to ${dynamicSampling.maxRounds} rounds` : ""
  return ["batch", `${promptsPerStep} prompts x ${groupSize} responses = ${formatCount(promptsPerStep * groupSize)} sequences${rounds}`]
}

/** Of a run on a server: nothing is sent to it. */
async function planServerRun(config: ResolvedConfig, task: Task): Promise<Row[]> {
  const { tokenizer, contextLength } = await planServerPolicy(config, task)
  const { url, baseModel, loraRank } = config.engine.server!
  return [
    ["server", url],
    ["model", `${baseModel}, ${loraRank === 0 ? "all weights" : `adapters of rank ${loraRank}`}`],
    taskRow(task),
    [
      "prompt",
      `up to ${longestPrompt(config, task, tokenizer)} of ${contextLength} tokens, ` +
        `response up to ${config.rollout.maxResponseTokens}`,
    ],
    ...promptRows(config, task, tokenizer),
    batchRow(config),
    ["steps", String(config.train.steps)],
  ]
}

export async function planRun(config: ResolvedConfig): Promise<Row[]> {
  const task = await openConfiguredTask(config)
  if (config.engine.kind === "tinker") return planServerRun(config, task)
  const policy = await planPolicy(config, task)
  const { modelConfig, tokenizer } = policy
  const lora = config.lora.enabled ? config.lora : undefined
  const parameters = parameterCount(modelConfig)
  const trainable = trainableSpecs(modelConfig, lora).reduce((total, { shape }) => total + elementCount(shape), 0)
  const { promptsPerStep, groupSize, maxResponseTokens } = config.rollout
  const prompt = longestPrompt(config, task, tokenizer)
  const sequences = promptsPerStep * groupSize
  const rows = Math.min(sequences, config.engine.sampleBatch)
  const cache = rows * (prompt + maxResponseTokens) * modelConfig.layers * modelConfig.keyValueHeads * modelConfig.headDim * 2 * BYTES
  const state = (parameters + 3 * trainable) * BYTES
  const snapshots = config.objective.klCoefficient > 0 ? trainable * BYTES : 0
  const activations = activationBytes(config, modelConfig)
  return [
    ["model", `${modelConfig.architecture}, ${modelConfig.layers} layers, width ${modelConfig.hiddenSize}, vocabulary ${modelConfig.vocabularySize}`],
    ["parameters", trainable === parameters ? formatCount(parameters) : `${formatCount(parameters)}, ${formatCount(trainable)} trained`],
    taskRow(task),
    ["prompt", `up to ${prompt} of ${modelConfig.contextLength} tokens, response up to ${maxResponseTokens}`],
    ...promptRows(config, task, tokenizer),
    batchRow(config),
    ["optimiser steps", `${config.optimizer.epochs * config.optimizer.miniBatches} per iteration${config.pipo.enabled ? " and the verification update" : ""}`],
    ["steps", String(config.train.steps)],
    ["threads", String(engineThreads(config))],
    ["memory: weights, gradients, moments", formatBytes(state + snapshots)],
    ["memory: keys and values", formatBytes(cache)],
    ["memory: activations of a micro-batch, about", formatBytes(activations)],
  ]
}
