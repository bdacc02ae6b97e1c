/** Executes one update of a plan: its mini-batches, each one optimiser step. */
import type { AdamOptions, Engine, LossReport, SnapshotId, TrainSequence } from "../engine/engine.ts"
import { isBatchObjective, withConstants, type BatchObjective, type Objective } from "../objectives/index.ts"
import type { BatchSequence, Update } from "../pipo/index.ts"

export interface UpdateContext {
  readonly engine: Engine
  /** Weights of the tokens of an optimiser batch. */
  readonly aggregate: (masks: readonly Float32Array[]) => Float32Array[]
  readonly miniBatches: number
  /** Of the step's schedule, before the update's own scale. */
  readonly adam: AdamOptions
  readonly temperature: number
  /** Uniform numbers for objectives that pick tokens at random. */
  readonly random: () => number
  /** Numbers in place of an objective's own constants of these names, where it has them. */
  readonly constants: Readonly<Record<string, number>>
  /** Policy that a divergence over the vocabulary is measured from. */
  readonly reference: SnapshotId | undefined
  /** Leave sequences out of the network whose advantages are zero, where the objective declares that they are silent. */
  readonly skipsSilent: boolean
}

/** Sequences that an update left out of the network: their objective declares that they contribute nothing. */
export interface SkippedSequences {
  readonly sequences: number
  /** Their counted tokens. */
  readonly counted: number
  /** Sum over those of -log pi of the sampled token: an unbiased estimate of the sum of their entropies, nats. */
  readonly surprisal: number
}

/** What became of an update. */
export interface ExecutedUpdate {
  readonly kind: Update["kind"]
  /** Optimiser steps that were tried, in order. */
  readonly steps: readonly OptimiserStep[]
  readonly skipped: SkippedSequences
  /** Mini-batches in which nothing contributed: no optimiser step was made, not even on momentum. */
  readonly skippedSteps: number
}

/** What an optimiser step reported. */
export interface OptimiserStep {
  readonly loss: number
  readonly gradientNorm: number
  /** False when loss or gradients were not finite: the weights are as before. */
  readonly applied: boolean
  readonly tokens: number
  /** Counted tokens. */
  readonly counted: number
  /** Mean entropy over the counted tokens, nats; NaN when the engine has none. */
  readonly entropy: number
  readonly statistics: Readonly<Record<string, number>>
  readonly sequences: readonly TrainSequence[]
  /** Per sequence [T], under the weights before the step. */
  readonly logprobs: readonly Float32Array[]
}

/** Sequences cut into parts of whole groups, as equal as can be. */
export function miniBatchesOf(sequences: readonly BatchSequence[], count: number): BatchSequence[][] {
  const groups = [...new Set(sequences.map(({ group }) => group))]
  const parts = Math.max(1, Math.min(count, groups.length))
  const partOf = new Map(groups.map((group, i) => [group, Math.floor((i * parts) / groups.length)]))
  const batches: BatchSequence[][] = Array.from({ length: parts }, () => [])
  for (const sequence of sequences) batches[partOf.get(sequence.group)!]!.push(sequence)
  return batches
}

/** The sequences of one optimiser batch with their weights, which are those of the whole batch. */
export interface WeighedBatch {
  /** Go through the network. */
  readonly kept: readonly TrainSequence[]
  /** Contribute nothing, as their objective declares. */
  readonly silent: readonly TrainSequence[]
}

export function weighed({ aggregate, skipsSilent }: UpdateContext, update: Update, part: readonly BatchSequence[]): WeighedBatch {
  const weights = aggregate(part.map(({ mask }) => mask))
  const sequences = part.map((sequence, i): TrainSequence => ({ ...sequence, weights: weights[i]!.map((w) => w * update.lossScale) }))
  if (!skipsSilent || update.objective.silentWithoutAdvantage !== true) return { kept: sequences, silent: [] }
  return { kept: sequences.filter(contributes), silent: sequences.filter((sequence) => !contributes(sequence)) }
}

/** What a destroyed policy said is never silent: its update must be refused, and the run must hear of it. */
function contributes({ advantages, weights, behaviourLogprobs }: TrainSequence): boolean {
  return advantages.some((advantage, t) => advantage !== 0 && weights[t] !== 0) || behaviourLogprobs.some(Number.isNaN)
}

/** One pass over the update's sequences; stops at a step that was not applied. */
export async function executeUpdate(context: UpdateContext, update: Update): Promise<ExecutedUpdate> {
  const steps: OptimiserStep[] = []
  let skipped: SkippedSequences = { sequences: 0, counted: 0, surprisal: 0 }
  let skippedSteps = 0
  for (const part of miniBatchesOf(update.sequences, context.miniBatches)) {
    if (!part.some(({ mask }) => mask.includes(1))) continue
    const { kept, silent } = weighed(context, update, part)
    skipped = added(skipped, silent)
    if (kept.length === 0) {
      skippedSteps += 1
      continue
    }
    const step = await optimiserStep(context, update, kept)
    steps.push(step)
    if (!step.applied) break
  }
  return { kind: update.kind, steps, skipped, skippedSteps }
}

function added(total: SkippedSequences, more: readonly TrainSequence[]): SkippedSequences {
  let { counted, surprisal } = total
  for (const { mask, behaviourLogprobs } of more) {
    mask.forEach((m, t) => {
      counted += m
      surprisal -= m * behaviourLogprobs[t]!
    })
  }
  return { sequences: total.sequences + more.length, counted, surprisal }
}

async function optimiserStep(context: UpdateContext, update: Update, kept: readonly TrainSequence[]): Promise<OptimiserStep> {
  const { engine, adam } = context
  const { report, sequences, statistics } = await accumulateGradients(context, update, kept)
  const counted = sequences.reduce((total, { mask }) => total + mask.reduce((sum, m) => sum + m, 0), 0)
  const outcome = {
    loss: report.loss,
    tokens: report.tokens,
    counted,
    entropy: maskedMean(report.entropies, sequences),
    statistics: { ...report.statistics, ...statistics },
    sequences,
    logprobs: report.logprobs,
  }
  if (!Number.isFinite(report.loss)) {
    await engine.clearGradients()
    return { ...outcome, gradientNorm: Number.NaN, applied: false }
  }
  const step = await engine.optimStep({ ...adam, learningRate: adam.learningRate * update.learningRateScale })
  return { ...outcome, gradientNorm: step.gradientNorm, applied: step.applied }
}

/** Loss and gradients of one mini-batch. */
export interface Accumulated {
  readonly report: LossReport
  /** As they were trained on. */
  readonly sequences: readonly TrainSequence[]
  /** What the objective measured of the whole mini-batch beforehand. */
  readonly statistics: Readonly<Record<string, number>>
}

/** The first half of an optimiser step: forward and backward; the gradients stay in the engine. */
export async function accumulateGradients(context: UpdateContext, update: Update, kept: readonly TrainSequence[]): Promise<Accumulated> {
  const { engine, temperature } = context
  const { objective, sequences, statistics } = await prepared(context, withKnownConstants(update.objective, context.constants), kept)
  const reference = context.reference === undefined ? {} : { reference: context.reference }
  const report = await engine.forwardBackward(sequences, objective, { temperature, ...reference })
  return { report, sequences, statistics }
}

/** The objective with those of the numbers that it has: a verification update may be without the KL term. */
function withKnownConstants(objective: Objective, constants: Readonly<Record<string, number>>): Objective {
  return withConstants(objective, Object.fromEntries(Object.entries(constants).filter(([name]) => name in objective.constants)))
}

interface Prepared {
  readonly objective: Objective
  readonly sequences: readonly TrainSequence[]
  readonly statistics: Readonly<Record<string, number>>
}

/** The forward pass of objectives whose constants depend on the whole optimiser batch. */
async function prepared(context: UpdateContext, objective: Objective, sequences: readonly TrainSequence[]): Promise<Prepared> {
  const { prepare } = isBatchObjective(objective) ? objective : ({} as Partial<BatchObjective>)
  if (prepare === undefined) return { objective, sequences, statistics: {} }
  const logprobs = await context.engine.logprobs(sequences, { temperature: context.temperature })
  const { constants, tokenInputs, statistics } = prepare(
    sequences.map((sequence, i) => ({ ...sequence, logprobs: logprobs[i]! })),
    context.random,
  )
  const names = Object.keys(tokenInputs)
  return {
    objective: withConstants(objective, constants),
    statistics,
    sequences:
      names.length === 0
        ? sequences
        : sequences.map((sequence, i) => ({
            ...sequence,
            tokenInputs: { ...sequence.tokenInputs, ...Object.fromEntries(names.map((name) => [name, Float32Array.from(tokenInputs[name]![i]!)])) },
          })),
  }
}

function maskedMean(values: readonly Float32Array[], sequences: readonly TrainSequence[]): number {
  let [total, count] = [0, 0]
  values.forEach((row, i) => {
    const { mask } = sequences[i]!
    row.forEach((value, t) => {
      total += value * mask[t]!
      count += mask[t]!
    })
  })
  return count === 0 ? Number.NaN : total / count
}
