/**
 * Keys and values of the sequences being sampled: per layer one buffer [rows, heads, capacity, headDim] that the decode graph
 * reads in place.
 */
import type { ModelConfig } from "../../model/config.ts"
import { cacheInput } from "../../model/decoder.ts"
import { outputNames } from "./programs.ts"
import { release } from "./release.ts"
import { floats, type Feeds, type Results } from "./runtime.ts"

/** Capacity grows in steps of this many positions. */
const GROWTH = 32

/** Bytes of the keys and values of one position of one sequence. */
export function positionBytes({ layers, keyValueHeads, headDim }: ModelConfig): number {
  return layers * keyValueHeads * headDim * 2 * Float32Array.BYTES_PER_ELEMENT
}

/** Positions that there is room for when so many are needed. */
export function cacheCapacity(positions: number): number {
  return Math.ceil(Math.max(positions, 1) / GROWTH) * GROWTH
}

interface Plane {
  readonly input: string
  readonly output: string
  data: Float32Array
}

export class KeyValueCache {
  readonly #heads: number
  readonly #headDim: number
  readonly #rows: number
  readonly #planes: readonly Plane[]
  #capacity = 0

  /** @param rows  sequences at once; at least 2 */
  constructor(config: ModelConfig, rows: number) {
    this.#heads = config.keyValueHeads
    this.#headDim = config.headDim
    this.#rows = rows
    this.#planes = Array.from({ length: config.layers }, (_, layer) => [
      { input: cacheInput("key", layer), output: outputNames.keys(layer), data: new Float32Array(0) },
      { input: cacheInput("value", layer), output: outputNames.values(layer), data: new Float32Array(0) },
    ]).flat()
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Makes room for at least `positions` in each of the first `used` rows, whose content is kept; shrinks when far too large. */
  fit(positions: number, used: number): void {
    const wanted = cacheCapacity(positions)
    if (wanted === this.#capacity || (wanted < this.#capacity && wanted > this.#capacity / 2)) return
    const [from, to] = [this.#capacity * this.#headDim, wanted * this.#headDim]
    for (const plane of this.#planes) {
      const data = new Float32Array(this.#rows * this.#heads * to)
      for (let i = 0; i < used * this.#heads; i++) {
        data.set(plane.data.subarray(i * from, i * from + Math.min(from, to)), i * to)
      }
      release([plane.data])
      plane.data = data
    }
    this.#capacity = wanted
  }

  /** Gives the memory back: the cache is empty afterwards. */
  release(): void {
    release(this.#planes.map(({ data }) => data))
    for (const plane of this.#planes) plane.data = new Float32Array(0)
    this.#capacity = 0
  }

  /** Copies the cache of one sequence of a prefill ([B, heads, time, headDim]) into rows. */
  fill(rows: readonly number[], results: Results, sequence: number, time: number, positions: number): void {
    const width = this.#headDim
    for (const plane of this.#planes) {
      const source = results[plane.output]!
      for (let head = 0; head < this.#heads; head++) {
        const start = (sequence * this.#heads + head) * time * width
        const piece = source.subarray(start, start + positions * width)
        for (const row of rows) plane.data.set(piece, (row * this.#heads + head) * this.#capacity * width)
      }
    }
  }

  /** Stores the keys and values of one decode step ([B, heads, 1, headDim]): row i at position `positions[i]`. */
  append(results: Results, positions: readonly number[]): void {
    const width = this.#headDim
    for (const plane of this.#planes) {
      const source = results[plane.output]!
      positions.forEach((position, row) => {
        for (let head = 0; head < this.#heads; head++) {
          const from = (row * this.#heads + head) * width
          const to = ((row * this.#heads + head) * this.#capacity + position) * width
          for (let i = 0; i < width; i++) plane.data[to + i] = source[from + i]!
        }
      })
    }
  }

  /** Row `to` becomes a copy of row `from`. */
  copy(from: number, to: number): void {
    const size = this.#heads * this.#capacity * this.#headDim
    for (const plane of this.#planes) plane.data.copyWithin(to * size, from * size, (from + 1) * size)
  }

  feeds(rows: number): Feeds {
    const size = this.#heads * this.#capacity * this.#headDim
    const feeds: Feeds = {}
    for (const plane of this.#planes) {
      feeds[plane.input] = floats(plane.data.subarray(0, rows * size), [rows, this.#heads, this.#capacity, this.#headDim])
    }
    return feeds
  }
}
