/** What `pirl train --dry-run` shows: sizes of model, batch and memory. */
import type { ResolvedConfig } from "../../config/index.ts"
import type { Task } from "../../data/task.ts"
import { trainableSpecs } from "../../engine/onnx/programs.ts"
import { elementCount, parameterCount } from "../../model/weights.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import { describePromptFormat, encodePrompt } from "../../rollout/prompt-encoder.ts"
import { formatBytes } from "../../amounts.ts"
import { describeMemory, memoryWarning } from "../../trainer/memory-forecast.ts"
import { checkTokenBudget, settleTokenBudget } from "../../trainer/token-budget.ts"
import {
  endlessWarning,
  engineThreads,
  longestPrompt,
  openConfiguredTask,
  planPolicy,
  probedProblems,
} from "../../trainer/policy.ts"
import { whyNothingIsSkipped } from "../../trainer/rule.ts"
import { planServerPolicy } from "../../trainer/server-policy.ts"
import { formatCount } from "../format.ts"
import type { RunPlan } from "../train.ts"

/** Of the first prompt, half of them from its end. */
const SHOWN_CHARACTERS = 400

type Row = readonly [label: string, value: string]

function taskRows({ name, trainSize, heldOut, notes = [] }: Task): Row[] {
  const training = trainSize === undefined ? "endless" : formatCount(trainSize)
  const sizes = `${name}, ${training} training and ${formatCount(heldOut.length)} held-out problems`
  return [["task", sizes], ...notes.map((note): Row => ["data", note])]
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

function skippingRow(config: ResolvedConfig): string {
  if (config.train.skipWithoutAdvantage === "never") return "trained like the others (train.skipWithoutAdvantage: never)"
  const reason = whyNothingIsSkipped(config)
  return reason === undefined ? "left out of the network" : `trained like the others: ${reason}`
}

/** Of a run on a server: nothing is sent to it. */
async function planServerRun(config: ResolvedConfig, whole: Task): Promise<Row[]> {
  const { tokenizer, contextLength, task } = await planServerPolicy(config, whole)
  const { url, baseModel, loraRank } = config.engine.server!
  return [
    ["server", url],
    ["model", `${baseModel}, ${loraRank === 0 ? "all weights" : `adapters of rank ${loraRank}`}`],
    ...taskRows(task),
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

/** @throws ConfigError, CheckpointError, DataError  when task or model cannot be used */
export async function planRun(config: ResolvedConfig, resumed: boolean): Promise<RunPlan> {
  const whole = await openConfiguredTask(config)
  if (config.engine.kind === "tinker") return { rows: await planServerRun(config, whole), warnings: [] }
  const policy = await planPolicy(config, whole)
  const { modelConfig, tokenizer, task } = policy
  const lora = config.lora.enabled ? config.lora : undefined
  const parameters = parameterCount(modelConfig)
  const trainable = trainableSpecs(modelConfig, lora).reduce((total, { shape }) => total + elementCount(shape), 0)
  const { maxResponseTokens } = config.rollout
  const prompt = longestPrompt(config, task, tokenizer)
  if (!resumed) checkTokenBudget(config, policy)
  const { memory, tokenBudget } = settleTokenBudget(config, policy)
  const warning = memoryWarning(memory)
  const rows: Row[] = [
    ["model", `${modelConfig.architecture}, ${modelConfig.layers} layers, width ${modelConfig.hiddenSize}, vocabulary ${modelConfig.vocabularySize}`],
    ["parameters", trainable === parameters ? formatCount(parameters) : `${formatCount(parameters)}, ${formatCount(trainable)} trained`],
    ...taskRows(task),
    ["prompt", `up to ${prompt} of ${modelConfig.contextLength} tokens, response up to ${maxResponseTokens}`],
    ...promptRows(config, task, tokenizer),
    batchRow(config),
    ["responses without advantage", skippingRow(config)],
    ["optimiser steps", `${config.optimizer.epochs * config.optimizer.miniBatches} per iteration${config.pipo.enabled ? " and the verification update" : ""}`],
    ["steps", String(config.train.steps)],
    ["threads", String(engineThreads(config))],
    ["token budget", `${tokenBudget} tokens of a micro-batch`],
    ...memory.parts.map(({ name, bytes }): Row => [`memory: ${name}`, formatBytes(bytes)]),
    ["memory: in all", describeMemory(memory)],
  ]
  const warnings = [warning, endlessWarning(config, policy.eosTokens)].filter((text) => text !== undefined)
  return { rows, warnings }
}
