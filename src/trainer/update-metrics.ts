/** Metrics of the optimiser steps of one iteration. */
import type { OptimiserStep } from "./execute-update.ts"

export interface ExecutedUpdate {
  readonly kind: string
  readonly steps: readonly OptimiserStep[]
}

/** Mean weighted by counted tokens. */
function tokenMean(steps: readonly OptimiserStep[], value: (step: OptimiserStep) => number): number {
  const counted = steps.reduce((total, step) => total + step.counted, 0)
  return steps.reduce((total, step) => total + value(step) * step.counted, 0) / Math.max(counted, 1)
}

/** Largest |log-prob of training - log-prob of sampling| over the counted tokens. */
function mismatch({ logprobs, sequences }: OptimiserStep): number {
  let worst = 0
  logprobs.forEach((row, i) => {
    const { behaviourLogprobs, mask } = sequences[i]!
    row.forEach((value, t) => {
      if (mask[t] === 1) worst = Math.max(worst, Math.abs(value - behaviourLogprobs[t]!))
    })
  })
  return worst
}

/**
 * Losses, gradient norms and statistics by kind of update. The exploration's are plain (`loss`, `gradientNorm`, `entropy`, ...),
 * those of an update before it carry its name (`verificationGradientNorm`, ...).
 */
export function updateMetrics(executed: readonly ExecutedUpdate[]): { readonly trainedTokens: number; readonly [metric: string]: unknown } {
  const steps = executed.flatMap((update) => update.steps)
  const metrics: { trainedTokens: number; [metric: string]: unknown } = {
    optimizerSteps: steps.filter(({ applied }) => applied).length,
    refusedUpdates: steps.filter(({ applied }) => !applied).length,
    trainedTokens: steps.reduce((total, { tokens }) => total + tokens, 0),
  }
  const exploration = executed.filter(({ kind }) => kind === "exploration").flatMap((update) => update.steps)
  const before = executed.find(({ kind }) => kind !== "exploration")
  if (exploration.length > 0) {
    metrics["loss"] = exploration.reduce((total, { loss }) => total + loss, 0) / exploration.length
    metrics["gradientNorm"] = exploration.reduce((total, { gradientNorm }) => total + gradientNorm, 0) / exploration.length
    metrics["entropy"] = tokenMean(exploration, ({ entropy }) => entropy)
    for (const name of Object.keys(exploration[0]!.statistics)) metrics[name] = tokenMean(exploration, ({ statistics }) => statistics[name] ?? 0)
    // Only the first step on a fresh batch runs under the weights that sampled it.
    if (before === undefined || before.steps.length === 0) metrics["logprobMismatch"] = mismatch(exploration[0]!)
  }
  if (before !== undefined && before.steps.length > 0) {
    const { steps: verified, kind } = before
    metrics[`${kind}Loss`] = verified.reduce((total, { loss }) => total + loss, 0) / verified.length
    metrics[`${kind}GradientNorm`] = verified.reduce((total, { gradientNorm }) => total + gradientNorm, 0) / verified.length
    for (const name of Object.keys(verified[0]!.statistics)) {
      metrics[`${kind}${name[0]!.toUpperCase()}${name.slice(1)}`] = tokenMean(verified, ({ statistics }) => statistics[name] ?? 0)
    }
  }
  return metrics
}
