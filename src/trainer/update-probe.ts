/** How long the updates of a step will take, from a few of their sequences. */
import type { TokenSequence, TrainSequence } from "../engine/engine.ts"
import type { Update } from "../pipo/index.ts"
import { accumulateGradients, weighed, type UpdateContext } from "./execute-update.ts"

/** Tokens that go through the network: a prompt once for all its responses. */
function tokensOf(sequences: readonly TokenSequence[]): number {
  const prompts = new Map(sequences.map(({ promptTokens }) => [promptTokens.join(), promptTokens.length - 1]))
  const responses = sequences.reduce((total, { responseTokens }) => total + responseTokens.length, 0)
  return [...prompts.values()].reduce((total, length) => total + length, responses)
}

/** What goes through the network for an update. */
function work(context: UpdateContext, update: Update): readonly TrainSequence[] {
  return weighed(context, update, update.sequences).kept.filter(({ mask }) => mask.includes(1))
}

/**
 * Seconds that the updates will take. Runs forward and backward twice: on one sequence, so that what is compiled and allocated
 * once is not timed, then on about `tokens` tokens. The gradients are dropped and no random number of the run is drawn: the run
 * goes on bit for bit as if nothing had happened.
 * @returns undefined when nothing goes through the network
 */
export async function forecastUpdates(context: UpdateContext, updates: readonly Update[], tokens: number): Promise<number | undefined> {
  const planned = updates.map((update) => ({ update, sequences: work(context, update) })).filter(({ sequences }) => sequences.length > 0)
  const first = planned[0]
  if (first === undefined) return undefined
  const middle = middling(first.sequences, tokens)
  // A generator of its own: the run's must not move on.
  const apart: UpdateContext = { ...context, random: () => 0.5 }
  try {
    await accumulateGradients(apart, first.update, middle.slice(0, 1))
    // Else the second pass would keep its gradients beside those of the first, and the peak of memory would be the probe's.
    await context.engine.clearGradients()
    const started = performance.now()
    const { report } = await accumulateGradients(apart, first.update, middle)
    const secondsPerToken = (performance.now() - started) / 1000 / report.tokens
    return secondsPerToken * planned.reduce((total, { sequences }) => total + tokensOf(sequences), 0)
  } finally {
    await context.engine.clearGradients()
  }
}

/** Groups from the middle of the order by size, at least one, up to a number of tokens. */
function middling(sequences: readonly TrainSequence[], tokens: number): TrainSequence[] {
  const groups = new Map<string, TrainSequence[]>()
  for (const sequence of sequences) {
    const key = sequence.promptTokens.join()
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [sequence])
    else group.push(sequence)
  }
  const bySize = [...groups.values()].sort((a, b) => tokensOf(a) - tokensOf(b))
  const median = tokensOf(bySize[bySize.length >> 1]!)
  const count = Math.min(bySize.length, Math.max(1, Math.floor(tokens / median)))
  const start = (bySize.length - count) >> 1
  return bySize.slice(start, start + count).flat()
}
