/**
 * Picks a token from one row of probabilities: those of softmax(logits / temperature), cut by top-k, then by top-p over what is
 * left, then by min-p, and renormalised.
 */
import type { SamplingOptions } from "../engine.ts"

export interface PickedToken {
  readonly token: number
  /** Log-prob under exactly the distribution sampled from. */
  readonly logprob: number
  /** Log-prob under softmax(logits / temperature) without the cuts; at temperature 0, under softmax(logits). */
  readonly policyLogprob: number
}

export class TokenSampler {
  readonly #size: number
  readonly #heap: Int32Array
  #row: Float32Array = new Float32Array(0)

  constructor(vocabularySize: number) {
    this.#size = vocabularySize
    this.#heap = new Int32Array(vocabularySize)
  }

  /**
   * @param probabilities  [B, V]
   * @param row            which of the rows
   * @param uniform        a number in [0, 1) that decides; not read at temperature 0
   */
  pick(probabilities: Float32Array, row: number, options: SamplingOptions, uniform: number): PickedToken {
    const size = this.#size
    this.#row = probabilities.subarray(row * size, (row + 1) * size)
    const { temperature = 1, topK = 0, topP = 1, minP = 0 } = options
    if (temperature === 0) {
      const best = mostLikely(this.#row)
      return { token: best, logprob: 0, policyLogprob: Math.log(this.#row[best]!) }
    }
    if ((topK <= 0 || topK >= size) && topP >= 1 && minP <= 0) {
      const token = drawFrom(this.#row, uniform)
      const logprob = Math.log(this.#row[token]!)
      return { token, logprob, policyLogprob: logprob }
    }
    const count = this.#cut(topK, topP, minP)
    let kept = 0
    for (let i = 0; i < count; i++) kept += this.#row[this.#heap[size - 1 - i]!]!
    const token = this.#drawKept(count, uniform * kept)
    const policyLogprob = Math.log(this.#row[token]!)
    return { token, logprob: policyLogprob - Math.log(kept), policyLogprob }
  }

  /** First of the kept tokens, most likely first, at which the running sum passes the threshold. */
  #drawKept(count: number, threshold: number): number {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const token = this.#heap[this.#size - 1 - i]!
      sum += this.#row[token]!
      if (sum > threshold) return token
    }
    return this.#heap[this.#size - count]!
  }

  /** Moves the tokens that survive to the end of the heap array, most likely last-but-i; returns how many there are. */
  #cut(topK: number, topP: number, minP: number): number {
    const row = this.#row
    const heap = this.#heap
    const size = heap.length
    for (let i = 0; i < size; i++) heap[i] = i
    for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(i, size)
    const limit = topK > 0 ? Math.min(topK, size) : size
    let mass = 1
    if (topP < 1 && limit < size) {
      // top-p counts against what top-k left: pop once to sum, then rebuild.
      mass = 0
      for (let n = 0; n < limit; n++) mass += row[this.#pop(size - n)]!
      for (let i = 0; i < size; i++) heap[i] = i
      for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(i, size)
    }
    const floor = minP * row[heap[0]!]!
    let kept = 0
    let count = 0
    while (count < limit && (count === 0 || kept < topP * mass || topP >= 1)) {
      const probability = row[heap[0]!]!
      if (count > 0 && (probability < floor || probability === 0)) break
      kept += row[this.#pop(size - count)]!
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
    const [x, y] = [this.#row[a]!, this.#row[b]!]
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

function mostLikely(row: Float32Array): number {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i
  return best
}

/** First token at which the running sum passes the threshold. */
function drawFrom(row: Float32Array, threshold: number): number {
  let sum = 0
  let last = 0
  for (let i = 0; i < row.length; i++) {
    const probability = row[i]!
    sum += probability
    if (sum > threshold) return i
    if (probability > 0) last = i
  }
  // Rounding can leave the whole sum below the threshold: the last token that has any probability.
  return last
}
