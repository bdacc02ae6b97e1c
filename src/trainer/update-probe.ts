/** How long an update will take, from a few of its sequences. */
import type { BatchSequence, Update } from "../pipo/index.ts"
import { accumulateGradients, type UpdateContext } from "./execute-update.ts"

/** Tokens of all forward and backward passes, prompts included. */
export function updateTokens(updates: readonly Update[]): number {
  return updates.reduce((total, { sequences }) => total + sequences.reduce((sum, sequence) => sum + tokensOf(sequence), 0), 0)
}

function tokensOf({ promptTokens, responseTokens }: BatchSequence): number {
  return promptTokens.length + responseTokens.length - 1
}

/**
 * Seconds of training per token. Runs forward and backward twice: on one sequence, so that what is compiled and allocated once is
 * not timed, then on about `tokens` tokens. The gradients are dropped and no random number of the run is drawn: the run goes on
 * bit for bit as if nothing had happened.
 * @returns undefined when nothing is to be trained on
 */
export async function secondsPerTrainedToken(context: UpdateContext, updates: readonly Update[], tokens: number): Promise<number | undefined> {
  const update = updates.find(({ sequences }) => sequences.some(({ mask }) => mask.includes(1)))
  if (update === undefined) return undefined
  const middle = middling(update.sequences, tokens)
  // A generator of its own: the run's must not move on.
  const apart: UpdateContext = { ...context, random: () => 0.5 }
  try {
    await accumulateGradients(apart, update, middle.slice(0, 1))
    // Else the second pass would keep its gradients beside those of the first, and the peak of memory would be the probe's.
    await context.engine.clearGradients()
    const started = performance.now()
    const { report } = await accumulateGradients(apart, update, middle)
    return (performance.now() - started) / 1000 / report.tokens
  } finally {
    await context.engine.clearGradients()
  }
}

/** Sequences from the middle of the order by length, at least one, up to a number of tokens. */
function middling(sequences: readonly BatchSequence[], tokens: number): BatchSequence[] {
  const byLength = sequences.filter(({ mask }) => mask.includes(1)).sort((a, b) => tokensOf(a) - tokensOf(b))
  const median = tokensOf(byLength[byLength.length >> 1]!)
  const count = Math.min(byLength.length, Math.max(1, Math.floor(tokens / median)))
  const start = (byLength.length - count) >> 1
  return byLength.slice(start, start + count)
}
