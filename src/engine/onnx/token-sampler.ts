/**
 * Picks a token from one row of logits. The distribution is softmax(logits / temperature), cut by top-k, then by top-p over
 * what is left, then by min-p, and renormalised.
 */
import type { SamplingOptions } from "../engine.ts"

export interface PickedToken {
  token: number
  /** Log-prob under exactly the distribution sampled from. */
  logprob: number
  /** Log-prob under softmax(logits / temperature) without the cuts; at temperature 0, under softmax(logits). */
  policyLogprob: number
}

export class TokenSampler {
  readonly #powers: Float64Array
  readonly #heap: Int32Array

  constructor(vocabularySize: number) {
    this.#powers = new Float64Array(vocabularySize)
    this.#heap = new Int32Array(vocabularySize)
  }

  /** @param uniform  a number in [0, 1) that decides; not read at temperature 0 */
  pick(logits: Float32Array, row: number, options: SamplingOptions, uniform: number): PickedToken {
    const size = this.#powers.length
    const start = row * size
    const temperature = options.temperature ?? 1
    let top = -Infinity
    let best = 0
    for (let i = 0; i < size; i++) {
      const x = logits[start + i]!
      if (x > top) {
        top = x
        best = i
      }
    }
    const inverse = temperature === 0 ? 1 : 1 / temperature
    const powers = this.#powers
    let total = 0
    for (let i = 0; i < size; i++) {
      const power = Math.exp((logits[start + i]! - top) * inverse)
      powers[i] = power
      total += power
    }
    if (temperature === 0) return { token: best, logprob: 0, policyLogprob: -Math.log(total) }
    const score = (token: number, kept: number): PickedToken => {
      const scaled = (logits[start + token]! - top) * inverse
      return { token, logprob: scaled - Math.log(kept), policyLogprob: scaled - Math.log(total) }
    }
    const { topK = 0, topP = 1, minP = 0 } = options
    if ((topK <= 0 || topK >= size) && topP >= 1 && minP <= 0) {
      return score(draw(powers, size, uniform * total, (i) => i), total)
    }
    const count = this.#cut(total, topK, topP, minP)
    let kept = 0
    for (let i = 0; i < count; i++) kept += powers[this.#heap[size - 1 - i]!]!
    return score(draw(powers, count, uniform * kept, (i) => this.#heap[size - 1 - i]!), kept)
  }

  /** Moves the tokens that survive to the end of the heap array, most likely last-but-i; returns how many there are. */
  #cut(total: number, topK: number, topP: number, minP: number): number {
    const powers = this.#powers
    const heap = this.#heap
    const size = heap.length
    for (let i = 0; i < size; i++) heap[i] = i
    for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(i, size)
    const limit = topK > 0 ? Math.min(topK, size) : size
    let mass = total
    if (topP < 1 && limit < size) {
      // top-p counts against what top-k left: pop once to sum, then rebuild.
      mass = 0
      for (let n = 0; n < limit; n++) mass += powers[this.#pop(size - n)]!
      for (let i = 0; i < size; i++) heap[i] = i
      for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(i, size)
    }
    const floor = minP * powers[heap[0]!]!
    let kept = 0
    let count = 0
    while (count < limit && (count === 0 || kept < topP * mass || topP >= 1)) {
      const power = powers[heap[0]!]!
      if (count > 0 && (power < floor || power === 0)) break
      kept += powers[this.#pop(size - count)]!
      count += 1
    }
    return count
  }

  /** Swaps the most likely token of the first `length` behind them and returns it. */
  #pop(length: number): number {
    const heap = this.#heap
    const token = heap[0]!
    heap[0] = heap[length - 1]!
    heap[length - 1] = token
    this.#sink(0, length - 1)
    return token
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#powers[a]!, this.#powers[b]!]
    return x > y || (x === y && a < b)
  }

  #sink(from: number, length: number): void {
    const heap = this.#heap
    let parent = from
    for (;;) {
      let child = 2 * parent + 1
      if (child >= length) return
      if (child + 1 < length && this.#before(heap[child + 1]!, heap[child]!)) child += 1
      if (!this.#before(heap[child]!, heap[parent]!)) return
      const moved = heap[parent]!
      heap[parent] = heap[child]!
      heap[child] = moved
      parent = child
    }
  }
}

/** First of `count` tokens at which the running sum passes the threshold. */
function draw(powers: Float64Array, count: number, threshold: number, tokenAt: (i: number) => number): number {
  let sum = 0
  let last = tokenAt(0)
  for (let i = 0; i < count; i++) {
    const token = tokenAt(i)
    const power = powers[token]!
    sum += power
    if (power > 0) last = token
    if (sum > threshold) return token
  }
  // Rounding can leave the sum at the threshold: the last token that has any probability.
  return last
}
