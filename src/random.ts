/**
 * Counter-based randomness: every number is a pure function of a seed and counters, so that a stream can be read at any
 * position, in any order and on any machine. Built on the MurmurHash3 mixing steps (public domain, Austin Appleby) in two
 * lanes of 32 bits. Not for cryptography.
 */

const TWO_32 = 2 ** 32
const TWO_53 = 2 ** 53

/** Largest domain of `permutationIndex`. */
export const MAXIMUM_PERMUTATION_SIZE: number = 2 ** 52

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function avalanche(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Two 32-bit lanes that absorb words and close with 53 bits. */
class Hash {
  #a = 0x243f6a88
  #b = 0x13198a2e
  #length = 0

  word(word: number): void {
    const first = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
    this.#a = (Math.imul(rotate(this.#a ^ first, 13), 5) + 0xe6546b64) | 0
    const second = Math.imul(rotate(Math.imul(word ^ this.#a, 0x239b961b), 17), 0xab0e9789)
    this.#b = (Math.imul(rotate(this.#b ^ second, 11), 5) + 0x38b34ae5) | 0
    this.#length++
  }

  integer(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(`random: expected a whole number as seed or counter, got ${value}. Round it before.`)
    }
    this.word(value | 0)
    this.word(Math.floor(value / TWO_32) | 0)
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i))
  }

  /** 53 bits as an integer in [0, 2^53). */
  close(): number {
    const low = avalanche(this.#a ^ this.#length)
    const high = avalanche((this.#b + low) | 0)
    const last = avalanche((low + high) | 0)
    return (high >>> 5) * 2 ** 26 + (last >>> 6)
  }
}

function hashIntegers(seed: number, counters: readonly number[]): number {
  const hash = new Hash()
  hash.integer(seed)
  for (const counter of counters) hash.integer(counter)
  return hash.close()
}

/**
 * Uniform number in [0, 1) with 53 bits, a pure function of its arguments.
 * @throws RangeError when a seed or counter is not a safe integer
 */
export function uniform(seed: number, ...counters: number[]): number {
  return hashIntegers(seed, counters) / TWO_53
}

/** Uniform integer in [0, bound), a pure function of its arguments. The bias is below bound / 2^53. */
export function integerBelow(bound: number, seed: number, ...counters: number[]): number {
  return Math.floor(uniform(seed, ...counters) * bound)
}

/** Uniform number in [0, 1) that belongs to a text: the same text and seed give the same number everywhere. */
export function hashText(seed: number, text: string): number {
  return hashTextInteger(seed, text) / TWO_53
}

/** A 53-bit integer that belongs to a text. */
export function hashTextInteger(seed: number, text: string): number {
  const hash = new Hash()
  hash.integer(seed)
  hash.text(text)
  return hash.close()
}

/**
 * 32 bits of a counter below 2^32: a draw for each of millions of array elements, at a fraction of the cost of `uniform`.
 * @param key  a 53-bit integer, as `deriveSeed` gives it
 */
export function bitsAt(key: number, counter: number): number {
  const mixed = avalanche((Math.imul(counter, 0x9e3779b1) ^ (key | 0)) | 0)
  return avalanche((mixed + Math.floor(key / TWO_32)) | 0) >>> 0
}

/** A seed of its own for one purpose, so that two users of one seed never draw the same numbers. */
export function deriveSeed(seed: number, purpose: string): number {
  return hashTextInteger(seed, purpose)
}

/** Domains up to this size are shuffled outright: a Feistel network reaches few permutations of so few elements. */
const SMALL_SIZE = 32
const FEISTEL_ROUNDS = 8

/**
 * Element `index` of a seeded permutation of 0..size-1, without holding the permutation. Each epoch has its own.
 *
 * A generalised Feistel network over Z_a x Z_b with a b >= size, walking cycles until the value falls below size
 * (Black and Rogaway 2002, "Ciphers with arbitrary finite domains", methods "cycle walking" and "generalized Feistel").
 * @throws RangeError when size is not in 1..2^52 or index not in 0..size-1
 */
export function permutationIndex(seed: number, epoch: number, size: number, index: number): number {
  if (!Number.isSafeInteger(size) || size < 1 || size > MAXIMUM_PERMUTATION_SIZE) {
    throw new RangeError(`permutationIndex: expected a size from 1 to 2^52, got ${size}. Use a smaller domain.`)
  }
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`permutationIndex: expected an index from 0 to ${size - 1}, got ${index}. Take it modulo size.`)
  }
  if (size <= SMALL_SIZE) return shuffled(seed, epoch, size)[index]
  const rows = Math.ceil(Math.sqrt(size))
  const columns = Math.ceil(size / rows)
  let value = index
  do {
    let left = Math.floor(value / columns)
    let right = value % columns
    for (let round = 0; round < FEISTEL_ROUNDS; round += 2) {
      left = (left + integerBelow(rows, seed, epoch, size, round, right)) % rows
      right = (right + integerBelow(columns, seed, epoch, size, round + 1, left)) % columns
    }
    value = left * columns + right
  } while (value >= size)
  return value
}

function shuffled(seed: number, epoch: number, size: number): number[] {
  const order = Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = integerBelow(i + 1, seed, epoch, size, i)
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  return order
}

/** A sequence of draws for a generator that needs more than one; starts afresh for each (seed, counters). */
export interface RandomStream {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Uniform integer in [0, bound). */
  below(bound: number): number
  /** Uniform integer in [low, high], both included. */
  between(low: number, high: number): number
  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T
}

/** The stream of draws that belongs to a seed and counters. */
export function randomStream(seed: number, ...counters: number[]): RandomStream {
  let drawn = 0
  const next = (): number => uniform(seed, ...counters, drawn++)
  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    uniform: next,
    below,
    between: (low, high) => low + below(high - low + 1),
    pick: (items) => items[below(items.length)],
  }
}
