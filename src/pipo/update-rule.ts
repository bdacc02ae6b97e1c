/**
 * An update rule decides which optimiser steps an iteration takes. The trainer executes the plan and knows nothing
 * of PIPO; `pipo(rule, options)` wraps any rule.
 */
import type { TrainSequence } from "../engine/engine.ts"
import type { Objective } from "../objectives/objective.ts"
import type { PairedImprovement } from "./paired-improvement.ts"

/** A response of the batch, ready to train on; `weights` are set when the optimiser batch is cut. */
export type BatchSequence = Omit<TrainSequence, "weights"> & {
  /** Index of its group within the batch. */
  readonly group: number
}

/** What an iteration has sampled, verified and turned into advantages. */
export interface IterationBatch {
  readonly step: number
  /** Mean verifier reward of all rollouts of the iteration (`pipo.mu`), machinery failures excluded. */
  readonly meanReward: number
  readonly sequences: readonly BatchSequence[]
  /** Standard error of the mean reward, over prompts. */
  readonly rewardStandardError?: number
  /** Updates that the current policy has had since the one that sampled the batch; absent where batches are always of the current one. */
  readonly offPolicySteps?: number
  /** The current policy against the previous one on this batch, for rules that compare them; null when it says nothing. */
  readonly improvement?: PairedImprovement | null
}

export interface Update {
  readonly kind: "verification" | "exploration" | "replay"
  readonly sequences: readonly BatchSequence[]
  readonly objective: Objective
  /** Multiplies the loss. */
  readonly lossScale: number
  /** Multiplies the scheduled learning rate of this update's steps. */
  readonly learningRateScale: number
}

/** Numbers of the rule that belong in the step's metrics, e.g. xi, muHis, gate, verdict. */
export type RuleMetrics = Readonly<Record<string, number | string | boolean | null>>

export interface Plan {
  readonly updates: readonly Update[]
  readonly metrics: RuleMetrics
  /** Before the updates: keep the policy as it is, or return to the one kept last, with fresh moments. */
  readonly policy?: "keep" | "return"
}

/** What became of the plan. */
export interface PlanOutcome {
  /** False when the exploration update was refused (NaN) or rolled back. */
  readonly explorationApplied: boolean
}

export interface UpdateRule {
  readonly name: string
  /** Whether batches must carry `improvement`: a forward pass of the previous policy over every batch. */
  readonly comparesWithPrevious?: boolean
  plan(batch: IterationBatch): Plan
  /** Called once per iteration, after the plan was executed. */
  commit(batch: IterationBatch, outcome: PlanOutcome): void
  /** All that must survive a restart: JSON values and Float32Arrays. */
  state(): unknown
  restore(state: unknown): void
}
