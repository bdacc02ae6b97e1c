/** Arrays that the decoder graphs read: tokens, positions, masks, and which hidden rows score which response tokens. */
import type { ModelConfig } from "../../model/config.ts"
import { decoderInputs } from "../../model/decoder.ts"
import { ropeTables } from "../../model/rope-tables.ts"
import type { TokenSequence } from "../engine.ts"
import { scoreInputs } from "./programs.ts"
import { floats, integers, type Feeds } from "./runtime.ts"

/** Inputs that depend on lengths alone, made once. */
export class SharedFeeds {
  readonly #config: ModelConfig
  readonly #masks = new Map<number, Float32Array>()
  #rope: { readonly positions: number; readonly feeds: Feeds } | undefined

  constructor(config: ModelConfig) {
    this.#config = config
  }

  /** Rotary tables for at least the given number of positions. */
  rope(positions: number): Feeds {
    if (this.#rope === undefined || this.#rope.positions < positions) {
      const rounded = Math.min(2 ** Math.ceil(Math.log2(Math.max(positions, 64))), Math.max(this.#config.contextLength, positions))
      const { cos, sin } = ropeTables(this.#config, rounded)
      const shape = [rounded, this.#config.headDim / 2]
      this.#rope = { positions: rounded, feeds: { [decoderInputs.cos]: floats(cos, shape), [decoderInputs.sin]: floats(sin, shape) } }
    }
    return this.#rope.feeds
  }

  /** Additive causal mask [T, T]: 0 at and before the own position, -infinity behind it. */
  causalMask(time: number): Feeds {
    let mask = this.#masks.get(time)
    if (mask === undefined) {
      mask = new Float32Array(time * time)
      for (let row = 0; row < time; row++) mask.fill(-Infinity, row * time + row + 1, (row + 1) * time)
      if (this.#masks.size > 64) this.#masks.clear()
      this.#masks.set(time, mask)
    }
    return { [decoderInputs.mask]: floats(mask, [time, time]) }
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
      ...this.causalMask(time),
      ...this.rope(time),
    }
  }
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
