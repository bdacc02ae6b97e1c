/**
 * One response, once: a policy that knows what to say says the same several times in a group, and what is equal has
 * equal log-probs and equal gradients. Equal sequences go through the network once, with the sum of their weights.
 */
import type { TokenSequence, TrainSequence } from "../engine.ts"

export interface DistinctSequences<S extends TokenSequence> {
  readonly sequences: readonly S[]
  /** Of each sequence of the batch: where its like is among `sequences`. */
  readonly places: readonly number[]
}

/** Sequences of the same tokens as one. */
export function distinctTokens<S extends TokenSequence>(batch: readonly S[]): DistinctSequences<S> {
  return distinct(batch, () => true)
}

/** A sequence that stands for `count` equal ones: its weights are their sum. */
export interface CountedSequence extends TrainSequence {
  readonly count: number
}

/**
 * Sequences as one that agree in all that an objective may read. Their losses are equal token by token, so that the loss
 * of the batch, a sum of weight x loss, is that of the ones that are left: to float rounding, as is its gradient.
 */
export function distinctTraining(batch: readonly TrainSequence[]): DistinctSequences<CountedSequence> {
  const { sequences, places } = distinct(batch, sameNumbers)
  const counts = sequences.map(() => 0)
  const weights = sequences.map((sequence) => new Float32Array(sequence.weights.length))
  batch.forEach((sequence, i) => {
    const place = places[i]!
    counts[place]! += 1
    sequence.weights.forEach((weight, t) => {
      weights[place]![t]! += weight
    })
  })
  return {
    sequences: sequences.map((sequence, i) => ({ ...sequence, weights: weights[i]!, count: counts[i]! })),
    places,
  }
}

function distinct<S extends TokenSequence>(batch: readonly S[], same: (a: S, b: S) => boolean): DistinctSequences<S> {
  const sequences: S[] = []
  const byTokens = new Map<string, number[]>()
  const places = batch.map((sequence) => {
    const key = `${sequence.promptTokens.join()}|${sequence.responseTokens.join()}`
    const alike = byTokens.get(key) ?? []
    byTokens.set(key, alike)
    const found = alike.find((place) => same(sequences[place]!, sequence))
    if (found !== undefined) return found
    alike.push(sequences.push(sequence) - 1)
    return alike.at(-1)!
  })
  return { sequences, places }
}

/** Whether two sequences of the same tokens differ in nothing but their weights. */
function sameNumbers(a: TrainSequence, b: TrainSequence): boolean {
  const [inputs, others] = [a.tokenInputs ?? {}, b.tokenInputs ?? {}]
  const names = Object.keys(inputs)
  return (
    sameArray(a.behaviourLogprobs, b.behaviourLogprobs) &&
    sameArray(a.advantages, b.advantages) &&
    sameArray(a.mask, b.mask) &&
    sameArray(a.referenceLogprobs, b.referenceLogprobs) &&
    names.length === Object.keys(others).length &&
    names.every((name) => sameArray(inputs[name], others[name]))
  )
}

function sameArray(a: Float32Array | undefined, b: Float32Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((value, t) => value === b[t])
}
