/** From a config to the policy: task, tokenizer, model, engine. */
import { availableParallelism } from "node:os"
import type { ResolvedConfig } from "../config/index.ts"
import { openTask } from "../data/open-task.ts"
import type { Problem, Task } from "../data/task.ts"
import { OnnxEngine, type OnnxEngineOptions } from "../engine/onnx/onnx-engine.ts"
import { ConfigError } from "../errors.ts"
import { savedModelPath } from "../hub/configured-model.ts"
import type { ModelConfig } from "../model/config.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import { openModel } from "../model/open-model.ts"
import { presetConfig } from "../model/presets.ts"
import { createByteTokenizer, createCharacterTokenizer } from "../model/tokenizer-create.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { encodePrompt } from "../rollout/prompt-encoder.ts"
import { checkFullKl } from "./engine-checks.ts"
import { criticOf } from "./objective-parts.ts"

/** The policy before its weights are loaded. */
export interface PolicyPlan {
  readonly modelConfig: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  readonly weights: OnnxEngineOptions["weights"]
  /** Tokens that end a response. */
  readonly eosTokens: readonly number[]
  /** The task under its own limit on prompts. */
  readonly task: Task
}

/** Tokens of a micro-batch beyond which products gain no speed. */
export const largestTokenBudget = 2048

/** Prompts that are read to find the longest. */
const PROBED_PROMPTS = 200

/** The held-out problems and the first of training. */
export function probedProblems(task: Task, seed: number): Problem[] {
  const training = Array.from({ length: Math.min(PROBED_PROMPTS, task.trainSize ?? PROBED_PROMPTS) }, (_, i) => task.trainProblem(seed, i))
  return [...task.heldOut, ...training]
}

/** The task under its own limit on prompts, which a tokenizer makes known. */
export function limitedTask({ rollout }: ResolvedConfig, task: Task, tokenizer: Tokenizer): Task {
  return task.limitPrompts?.((problem) => encodePrompt(problem, tokenizer, rollout).length) ?? task
}

/** Longest prompt among the held-out problems and the first of training, tokens. */
export function longestPrompt({ seed, rollout }: ResolvedConfig, task: Task, tokenizer: Tokenizer): number {
  const lengths = probedProblems(task, seed).map((problem) => encodePrompt(problem, tokenizer, rollout).length)
  return lengths.reduce((longest, length) => Math.max(longest, length), 0)
}

function presetTokenizer(config: ResolvedConfig, task: Task): Tokenizer {
  if (config.model.tokenizer === "byte") return createByteTokenizer()
  const alphabet = config.model.alphabet ?? task.alphabet
  if (alphabet === undefined) {
    throw new ConfigError([
      { path: "model.alphabet", message: `expected the characters of the task ${task.name}, which has no fixed alphabet, got none. Set it, or model.tokenizer: byte.` },
    ])
  }
  return createCharacterTokenizer(alphabet)
}

/**
 * Reads or makes tokenizer and model config; the weights come with the engine.
 * @throws ConfigError      when preset or alphabet are missing or prompt and response do not fit the context
 * @throws CheckpointError  when the model cannot be used
 * @throws DataError        when a model of the hub cannot be fetched, or prompts are longer than the task allows
 */
export async function planPolicy(config: ResolvedConfig, task: Task): Promise<PolicyPlan> {
  const path = await savedModelPath(config.model)
  const plan = path === undefined ? freshPolicy(config, task) : await savedPolicy(config, task, path)
  checkContext(config, plan.task, plan.tokenizer, plan.modelConfig.contextLength)
  checkFullKl(config, plan.modelConfig)
  return plan
}

/** @throws ConfigError when the longest prompt and a whole response do not fit */
export function checkContext(config: ResolvedConfig, task: Task, tokenizer: Tokenizer, contextLength: number): void {
  const { model, rollout } = config
  const longest = longestPrompt(config, task, tokenizer)
  if (longest + rollout.maxResponseTokens > contextLength) {
    const message =
      `expected prompt and response to fit the model's context of ${contextLength} tokens, ` +
      `got ${longest} + ${rollout.maxResponseTokens}. Lower ` +
      `rollout.maxResponseTokens${model.preset === undefined ? "" : " or raise model.contextLength"}.`
    throw new ConfigError([{ path: "rollout.maxResponseTokens", message }])
  }
}

/** What a run whose responses have no end should hear; undefined where something ends them. */
export function endlessWarning({ rollout }: ResolvedConfig, eosTokens: readonly number[]): string | undefined {
  if (eosTokens.length > 0 || rollout.stopStrings.length > 0) return undefined
  return (
    "the model names no token that ends a response, so that each runs on to rollout.maxResponseTokens. " +
    "Set eos_token_id in its generation_config.json, or rollout.stopStrings"
  )
}

async function savedPolicy(config: ResolvedConfig, task: Task, path: string): Promise<PolicyPlan> {
  const { source, config: modelConfig, tokenizer, generation } = await openModel(path, { base: config.model.base })
  const eosTokens = generation.eosTokens.length > 0 ? generation.eosTokens : tokenizer.eosTokens
  return { modelConfig, tokenizer, generation, weights: source, eosTokens, task: limitedTask(config, task, tokenizer) }
}

function freshPolicy(config: ResolvedConfig, unlimited: Task): PolicyPlan {
  const tokenizer = presetTokenizer(config, unlimited)
  const task = limitedTask(config, unlimited, tokenizer)
  const { eosTokens, padToken, bosToken } = tokenizer
  const needed = longestPrompt(config, task, tokenizer) + config.rollout.maxResponseTokens
  const modelConfig = presetConfig(config.model.preset!, {
    vocabularySize: tokenizer.vocabularySize,
    contextLength: config.model.contextLength ?? needed,
    eosTokens,
    padToken,
    bosToken,
  })
  return {
    modelConfig,
    tokenizer,
    generation: { eosTokens },
    weights: { kind: "fresh", seed: config.seed },
    eosTokens,
    task,
  }
}

export function engineThreads(config: ResolvedConfig): number {
  return config.engine.threads === "auto" ? availableParallelism() : config.engine.threads
}

/** What training takes at once; a config that no run has settled yet is taken for one with memory enough. */
export function tokenBudgetOf({ engine }: ResolvedConfig): number {
  return engine.tokenBudget === "auto" ? largestTokenBudget : engine.tokenBudget
}

/** Starts the embedded engine on a planned policy. */
export function createEmbeddedEngine(config: ResolvedConfig, plan: PolicyPlan): Promise<OnnxEngine> {
  return OnnxEngine.create(embeddedEngineOptions(config, plan))
}

/** What the embedded engine is started with. */
export function embeddedEngineOptions(config: ResolvedConfig, plan: PolicyPlan): OnnxEngineOptions {
  const { engine, lora, train } = config
  const critic = criticOf(config)
  return {
    config: plan.modelConfig,
    tokenizer: plan.tokenizer,
    weights: plan.weights,
    generation: plan.generation,
    seed: config.seed,
    threads: engineThreads(config),
    sampleBatch: engine.sampleBatch,
    tokenBudget: tokenBudgetOf(config),
    headChunk: engine.headChunk,
    gradientCheckpointing: train.gradientCheckpointing,
    ...(critic === undefined ? {} : { valueHead: critic.head }),
    ...(lora.enabled ? { lora: { rank: lora.rank, alpha: lora.alpha, targets: lora.targets } } : {}),
  }
}

export function openConfiguredTask(config: ResolvedConfig): Promise<Task> {
  return openTask(config.task)
}
