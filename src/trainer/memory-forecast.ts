/** Whether a run will fit into memory: what its engine will need against what is free, before any of it is taken. */
import { freemem } from "node:os"
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { estimateMemory, type MemoryPart } from "../engine/onnx/memory-estimate.ts"
import { wholeHead } from "../engine/onnx/programs.ts"
import { formatBytes } from "../amounts.ts"
import { describeMemory } from "../runs/index.ts"
import { createAdvantageOf } from "./objective-parts.ts"
import { embeddedEngineOptions, longestPrompt, type PolicyPlan } from "./policy.ts"
import { createObjectiveOf, createRule, criticized } from "./rule.ts"
import { scoringNeeds } from "./run-parts.ts"

export interface MemoryForecast {
  /** What is held at the peak. */
  readonly parts: readonly MemoryPart[]
  /** Their sum. */
  readonly neededBytes: number
  /** Free for this process when it was asked. */
  readonly availableBytes: number
  /** Settings that lower the need, the most effective first. */
  readonly remedies: readonly string[]
}

/** Bytes that this process can still take: of the machine's memory, and of what its container is allowed. */
export function availableMemory(): number {
  return Math.min(process.availableMemory(), freemem())
}

/** @param availableBytes  for tests; what is free now when absent */
export function forecastMemory(config: ResolvedConfig, task: Task, plan: PolicyPlan, availableBytes: number = availableMemory()): MemoryForecast {
  const { rollout, evaluation } = config
  const objective = criticized(config, createObjectiveOf(config))
  const scoring = scoringNeeds(config, objective, createAdvantageOf(config))
  const needsReference = scoring.reference || objective.needs.includes("fullKl")
  const comparesWithPrevious = createRule(config, objective).comparesWithPrevious === true
  const held = evaluation.size === "all" ? task.heldOut.length : Math.min(evaluation.size, task.heldOut.length)
  const estimate = estimateMemory(embeddedEngineOptions(config, plan), {
    promptTokens: longestPrompt(config, task, plan.tokenizer),
    responseTokens: rollout.maxResponseTokens,
    prompts: Math.max(rollout.promptsPerStep, evaluation.greedy ? held : 0),
    sequences: rollout.promptsPerStep * rollout.groupSize,
    groupSize: rollout.groupSize,
    objective,
    temperature: rollout.temperature,
    precision: rollout.precision,
    snapshots: [needsReference, comparesWithPrevious, comparesWithPrevious && config.steering.returns].filter(Boolean).length,
    scores: scoring.reference || scoring.values || scoring.correction !== undefined || comparesWithPrevious,
  })
  return { parts: estimate.parts, neededBytes: estimate.bytes, availableBytes, remedies: remediesOf(config, plan) }
}

function remediesOf(config: ResolvedConfig, { modelConfig }: PolicyPlan): string[] {
  const { engine, lora, model, train, rollout } = config
  return [
    // Adapters on random weights learn little.
    ...(lora.enabled || model.preset !== undefined
      ? []
      : ["lora.rank=16 (adapters: no moments and gradients of all weights)"]),
    ...(train.gradientCheckpointing
      ? []
      : ["train.gradientCheckpointing=true (activations of one layer at a time; a third more computation)"]),
    ...(engine.tokenBudget !== "auto" && engine.tokenBudget > 256
      ? [
          `engine.tokenBudget=${Math.max(256, engine.tokenBudget >> 1)} (now ` +
          `${engine.tokenBudget}: half the activations)`,
        ]
      : []),
    ...(wholeHead({ config: modelConfig, headChunk: engine.headChunk }) && modelConfig.vocabularySize > 4096
      ? ["engine.headChunk=4096 (the vocabulary in pieces)"]
      : []),
    ...(engine.sampleBatch > 16
      ? [`engine.sampleBatch=${engine.sampleBatch >> 1} (now ${engine.sampleBatch}: half the keys and values)`]
      : []),
    ...(rollout.maxResponseTokens > 256
      ? [`a smaller rollout.maxResponseTokens (now ${rollout.maxResponseTokens})`]
      : []),
  ]
}

export { describeMemory }

/** What to tell before anything is taken; undefined when the run fits. */
export function memoryWarning(memory: MemoryForecast): string | undefined {
  if (memory.neededBytes <= memory.availableBytes) return undefined
  const largest = [...memory.parts].sort((a, b) => b.bytes - a.bytes).map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`)
  return [
    `this run may not fit into memory: ${describeMemory(memory)} (${largest.join(", ")}).`,
    ...(memory.remedies.length === 0 ? [] : ["  What lowers it:", ...memory.remedies.map((remedy) => `    - ${remedy}`)]),
  ].join("\n")
}

/** Tells when a run will not fit. */
export function warnOfMemory(onNote: (text: string) => void): (memory: MemoryForecast) => void {
  return (memory) => {
    const warning = memoryWarning(memory)
    if (warning !== undefined) onNote(`warning: ${warning}`)
  }
}
