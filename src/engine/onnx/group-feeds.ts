/**
 * Arrays that the grouped graphs read (model/grouped-attention.ts): rows, slots, masks, and what the response rows
 * predict.
 */
import type { ModelConfig } from "../../model/config.ts"
import { decoderInputs } from "../../model/decoder.ts"
import { groupInputs, groupMaskNames } from "../../model/grouped-attention.ts"
import type { TokenSequence } from "../engine.ts"
import { extentOf, type GroupBatch } from "./group-batches.ts"
import { scoreInputs } from "./programs.ts"
import { floats, integers, type Feeds } from "./runtime.ts"
import { causalMask, type SharedFeeds } from "./sequence-feeds.ts"

export interface GroupFeeds {
  readonly feeds: Feeds
  /** Sequence of each row of the [P*G, T] window; undefined for padding. */
  readonly sequences: readonly (number | undefined)[]
  /** Shape of the window of response tokens. */
  readonly window: readonly [rows: number, time: number]
  /** Rows that go through the network: each prompt once, no padding. */
  readonly tokens: number
}

/** Inputs that score every response token of the groups: each response row predicts one. */
export function groupFeeds(
  config: ModelConfig,
  shared: SharedFeeds,
  groups: GroupBatch,
  sequences: readonly TokenSequence[],
): GroupFeeds {
  const { prompts: P, promptTime: S, responses: G, time: T } = extentOf(groups, sequences)
  const promptRows = groups.reduce((total, { promptTokens }) => total + promptTokens.length - 1, 0)
  const responseRows = groups.reduce(
    (total, { members }) => total + members.reduce((sum, i) => sum + sequences[i]!.responseTokens.length, 0),
    0,
  )
  const [N, M, R] = [promptRows + responseRows, P * (S + G * T), responseRows]
  const tokens = new BigInt64Array(N)
  const positions = new BigInt64Array(N)
  const rows = new BigInt64Array(N)
  const slots = new BigInt64Array(M)
  const sources = new BigInt64Array(M).fill(BigInt(N))
  const targets = new BigInt64Array(R)
  const targetFloats = new Float32Array(R)
  const windowRows = new BigInt64Array(P * G * T)
  const windowSlots = new BigInt64Array(R)
  const mask = new Float32Array(P * G * T)
  const owners = Array.from<number | undefined>({ length: P * G })
  let longest = 0
  let row = 0
  const place = (token: number, position: number, slot: number): void => {
    tokens[row] = BigInt(token)
    positions[row] = BigInt(position)
    rows[row] = BigInt(slot)
    slots[slot] = BigInt(row)
    sources[slot] = BigInt(row)
    longest = Math.max(longest, position + 1)
    row += 1
  }
  groups.forEach(({ promptTokens }, p) => {
    for (let s = 0; s < promptTokens.length - 1; s++) place(promptTokens[s]!, s, p * S + s)
  })
  groups.forEach(({ promptTokens, members }, p) => {
    members.forEach((index, g) => {
      const { responseTokens } = sequences[index]!
      owners[p * G + g] = index
      responseTokens.forEach((token, t) => {
        const [response, slot] = [row - promptRows, (p * G + g) * T + t]
        targets[response] = BigInt(token)
        targetFloats[response] = token
        windowRows[slot] = BigInt(response)
        windowSlots[response] = BigInt(slot)
        mask[slot] = 1
        place(t === 0 ? promptTokens.at(-1)! : responseTokens[t - 1]!, promptTokens.length - 1 + t, P * S + slot)
      })
    })
  })
  const split = (array: BigInt64Array): readonly [BigInt64Array, BigInt64Array] => [
    array.subarray(0, P * S),
    array.subarray(P * S),
  ]
  const [[promptSlots, responseSlots], [promptSources, responseSources]] = [split(slots), split(sources)]
  const feeds: Feeds = {
    [decoderInputs.tokens]: integers(tokens, [N]),
    [decoderInputs.positions]: integers(positions, [N, 1]),
    ...shared.rope(longest),
    [groupInputs.promptSlots]: integers(promptSlots, [P, S]),
    [groupInputs.responseSlots]: integers(responseSlots, [P, G, T]),
    [groupInputs.promptSources]: integers(promptSources, [P, S]),
    [groupInputs.responseSources]: integers(responseSources, [P, G, T]),
    [groupInputs.rows]: integers(rows, [N]),
    ...maskFeeds(config, groups, S, T),
    [scoreInputs.targets]: integers(targets, [R]),
    [scoreInputs.targetFloats]: floats(targetFloats, [R, 1]),
    [scoreInputs.windowRows]: integers(windowRows, [P * G * T]),
    [scoreInputs.windowSlots]: integers(windowSlots, [R]),
    [scoreInputs.mask]: floats(mask, [P * G, T]),
  }
  return { feeds, sequences: owners, window: [P * G, T], tokens: N }
}

function maskFeeds({ slidingWindow }: ModelConfig, groups: GroupBatch, S: number, T: number): Feeds {
  const masks = (kind: "full" | "windowed", window: number): Feeds => {
    const names = groupMaskNames(kind)
    return {
      [names.prompt]: floats(causalMask(S, window), [S, S]),
      [names.shared]: floats(sharedMask(groups, S, T, window), [groups.length, 1, 1, 1, T, S]),
      [names.response]: floats(causalMask(T, window), [T, T]),
    }
  }
  return { ...masks("full", Infinity), ...(slidingWindow === undefined ? {} : masks("windowed", slidingWindow.tokens)) }
}

/** What position t of a response sees of its prompt: all of it but padding, within the window. */
function sharedMask(groups: GroupBatch, S: number, T: number, window: number): Float32Array {
  const mask = new Float32Array(groups.length * T * S)
  groups.forEach(({ promptTokens }, p) => {
    const length = promptTokens.length - 1
    for (let t = 0; t < T; t++) {
      const start = (p * T + t) * S
      mask.fill(-Infinity, start + length, start + S)
      mask.fill(-Infinity, start, start + Math.min(S, Math.max(0, length + t + 1 - window)))
    }
  })
  return mask
}

/** Per-token arrays by sequence as one window, zero where there is no token. */
export function windowed(
  { sequences, window: [rows, time] }: GroupFeeds,
  arrayOf: (sequence: number) => Float32Array,
): Feeds[string] {
  const out = new Float32Array(rows * time)
  sequences.forEach((index, row) => {
    if (index !== undefined) out.set(arrayOf(index), row * time)
  })
  return floats(out, [rows, time])
}
