/** Arrays that the graphs of whole sequences and of sampling read: tokens, positions, masks, rotary tables. */
import type { ModelConfig } from "../../model/config.ts"
import { decoderInputs } from "../../model/decoder.ts"
import { ropeTensors } from "../../model/rope-tables.ts"
import { floats, integers, type Feeds } from "./runtime.ts"

/** Inputs that depend on lengths alone, made once. */
export class SharedFeeds {
  readonly #config: ModelConfig
  readonly #masks = new Map<number, Feeds>()
  #rope: { readonly positions: number; readonly feeds: Feeds } | undefined

  constructor(config: ModelConfig) {
    this.#config = config
  }

  /** Rotary tables for at least the given number of positions. */
  rope(positions: number): Feeds {
    if (this.#rope === undefined || this.#rope.positions < positions) {
      const rounded = Math.min(2 ** Math.ceil(Math.log2(Math.max(positions, 64))), Math.max(this.#config.contextLength, positions))
      const tables = ropeTensors(this.#config, rounded)
      const feeds = Object.fromEntries(tables.map(({ name, shape, values }) => [name, floats(values, shape)]))
      this.#rope = { positions: rounded, feeds }
    }
    return this.#rope.feeds
  }

  /** Additive causal masks [T, T]: 0 for what a position sees, -infinity behind it and before its window. */
  causalMasks(time: number): Feeds {
    let masks = this.#masks.get(time)
    if (masks === undefined) {
      const mask = (window: number): Feeds[string] => floats(causalMask(time, window), [time, time])
      const { slidingWindow } = this.#config
      masks = {
        [decoderInputs.mask]: mask(time),
        ...(slidingWindow === undefined ? {} : { [decoderInputs.windowMask]: mask(slidingWindow.tokens) }),
      }
      if (this.#masks.size > 64) this.#masks.clear()
      this.#masks.set(time, masks)
    }
    return masks
  }

  /**
   * Additive masks [rows, 1, 1, capacity + 1] of one new position per row over its cache; the last column is its own.
   * @param lengths   positions in the cache of each row
   * @param rows      at least as many as lengths; further rows are padding and see everything
   */
  cacheMasks(lengths: readonly number[], rows: number, capacity: number): Feeds {
    const mask = (window: number): Feeds[string] => {
      const data = new Float32Array(rows * (capacity + 1))
      lengths.forEach((length, row) => {
        const start = row * (capacity + 1)
        data.fill(-Infinity, start + length, start + capacity)
        data.fill(-Infinity, start, start + Math.max(0, length + 1 - window))
      })
      return floats(data, [rows, 1, 1, capacity + 1])
    }
    const { slidingWindow } = this.#config
    return {
      [decoderInputs.mask]: mask(Infinity),
      ...(slidingWindow === undefined ? {} : { [decoderInputs.windowMask]: mask(slidingWindow.tokens) }),
    }
  }

  /** Inputs of whole sequences, left-aligned, padded with token 0 on the right (behind the causal mask, so never seen). */
  sequences(sequences: readonly (readonly number[])[], time: number): Feeds {
    const batch = sequences.length
    const tokens = new BigInt64Array(batch * time)
    const positions = new BigInt64Array(batch * time)
    sequences.forEach((sequence, b) => {
      for (let t = 0; t < time; t++) {
        tokens[b * time + t] = BigInt(sequence[t] ?? 0)
        positions[b * time + t] = BigInt(t)
      }
    })
    return {
      [decoderInputs.tokens]: integers(tokens, [batch, time]),
      [decoderInputs.positions]: integers(positions, [batch, time]),
      ...this.causalMasks(time),
      ...this.rope(time),
    }
  }
}

/** [T, T] row by row. @param window  positions seen, the own included */
export function causalMask(time: number, window: number): Float32Array {
  const mask = new Float32Array(time * time)
  for (let row = 0; row < time; row++) {
    mask.fill(-Infinity, row * time + row + 1, (row + 1) * time)
    mask.fill(-Infinity, row * time, row * time + Math.max(0, row + 1 - window))
  }
  return mask
}
