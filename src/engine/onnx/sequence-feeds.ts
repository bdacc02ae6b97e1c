/** Arrays that the decoder graphs read: tokens, positions, masks, and which hidden rows score which response tokens. */
import type { ModelConfig } from "../../model/config.ts"
import { decoderInputs } from "../../model/decoder.ts"
import { ropeTensors } from "../../model/rope-tables.ts"
import type { TokenSequence } from "../engine.ts"
import { scoreInputs } from "./programs.ts"
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
function causalMask(time: number, window: number): Float32Array {
  const mask = new Float32Array(time * time)
  for (let row = 0; row < time; row++) {
    mask.fill(-Infinity, row * time + row + 1, (row + 1) * time)
    mask.fill(-Infinity, row * time, row * time + Math.max(0, row + 1 - window))
  }
  return mask
}

export interface ScoredWindow {
  readonly feeds: Feeds
  /** Length S of the response window. */
  readonly window: number
  /** Tokens that went through the network, padding excluded. */
  readonly tokens: number
}

/** Inputs that score every response token: the token at position p is predicted by the hidden row of position p - 1. */
export function scoreFeeds(shared: SharedFeeds, batch: readonly TokenSequence[]): ScoredWindow {
  const window = Math.max(...batch.map(({ responseTokens }) => responseTokens.length))
  const inputs = batch.map(({ promptTokens, responseTokens }) => [...promptTokens, ...responseTokens.slice(0, -1)])
  const time = Math.max(...inputs.map(({ length }) => length))
  const size = batch.length * window
  const rows = new BigInt64Array(size)
  const targets = new BigInt64Array(size)
  const targetFloats = new Float32Array(size)
  const mask = new Float32Array(size)
  // Row `size` of the padded gradient is zero: hidden rows that score nothing point there.
  const inverse = new BigInt64Array(batch.length * time).fill(BigInt(size))
  batch.forEach(({ promptTokens, responseTokens }, b) => {
    responseTokens.forEach((token, s) => {
      const [row, at] = [b * time + promptTokens.length - 1 + s, b * window + s]
      rows[at] = BigInt(row)
      inverse[row] = BigInt(at)
      targets[at] = BigInt(token)
      targetFloats[at] = token
      mask[at] = 1
    })
  })
  const feeds: Feeds = {
    ...shared.sequences(inputs, time),
    [scoreInputs.rows]: integers(rows, [size]),
    [scoreInputs.inverse]: integers(inverse, [batch.length * time]),
    [scoreInputs.targets]: integers(targets, [size]),
    [scoreInputs.targetFloats]: floats(targetFloats, [size, 1]),
    [scoreInputs.mask]: floats(mask, [batch.length, window]),
  }
  return { feeds, window, tokens: inputs.reduce((total, { length }) => total + length, 0) }
}

/** Per-token arrays side by side as one [B, S] tensor, zero where there is no token. */
export function windowed(arrays: readonly Float32Array[], window: number): Float32Array {
  const out = new Float32Array(arrays.length * window)
  arrays.forEach((array, b) => out.set(array, b * window))
  return out
}
