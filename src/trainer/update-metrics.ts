/** Metrics of the optimiser steps of one iteration. */
import type { ExecutedUpdate, OptimiserStep } from "./execute-update.ts"

/** Mean weighted by counted tokens. */
function tokenMean(steps: readonly OptimiserStep[], value: (step: OptimiserStep) => number): number {
  const counted = steps.reduce((total, step) => total + step.counted, 0)
  return steps.reduce((total, step) => total + value(step) * step.counted, 0) / Math.max(counted, 1)
}

/**
 * Mean entropy over all counted tokens, nats: that of the network where a token went through it, and where it was skipped
 * the sampler's -log pi of the token, whose mean is the entropy when nothing was cut from the distribution.
 */
function entropyOf(updates: readonly ExecutedUpdate[]): number {
  const steps = updates.flatMap((update) => update.steps)
  const trained = steps.reduce((total, { counted }) => total + counted, 0)
  const skipped = updates.reduce((total, update) => total + update.skipped.counted, 0)
  const surprisal = updates.reduce((total, update) => total + update.skipped.surprisal, 0)
  const known = trained === 0 ? 0 : tokenMean(steps, ({ entropy }) => entropy) * trained
  return (known + surprisal) / Math.max(trained + skipped, 1)
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
 * those of an update before it carry its name (`verificationGradientNorm`, ...). Statistics of the objective are means over
 * the tokens that went through the network.
 */
export function updateMetrics(executed: readonly ExecutedUpdate[]): { readonly trainedTokens: number; readonly [metric: string]: unknown } {
  const steps = executed.flatMap((update) => update.steps)
  const metrics: { trainedTokens: number; [metric: string]: unknown } = {
    optimizerSteps: steps.filter(({ applied }) => applied).length,
    refusedUpdates: steps.filter(({ applied }) => !applied).length,
    trainedTokens: steps.reduce((total, { tokens }) => total + tokens, 0),
    skippedSequences: executed.reduce((total, { skipped }) => total + skipped.sequences, 0),
    skippedUpdates: executed.reduce((total, { skippedSteps }) => total + skippedSteps, 0),
  }
  const explorations = executed.filter(({ kind }) => kind === "exploration")
  const exploration = explorations.flatMap((update) => update.steps)
  const before = executed.find(({ kind }) => kind !== "exploration")
  if (exploration.length > 0 || explorations.some(({ skipped }) => skipped.counted > 0)) metrics["entropy"] = entropyOf(explorations)
  if (exploration.length > 0) {
    metrics["loss"] = exploration.reduce((total, { loss }) => total + loss, 0) / exploration.length
    metrics["gradientNorm"] = exploration.reduce((total, { gradientNorm }) => total + gradientNorm, 0) / exploration.length
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
