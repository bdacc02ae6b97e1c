/**
 * Attention over groups: the responses to one prompt read its keys and values, which are computed once.
 *
 * Linear layers run on N rows without padding: first the positions of all prompts without their last token, then those
 * of all responses, which begin with the prompt's last token. That token predicts the first token of the response, so
 * that every row that is scored has one gradient. Attention runs on slots, padded: [P, S] of prompts and [P, G, T] of
 * responses.
 *
 * Shape legend: N rows, P prompts, S positions of a prompt, G responses to a prompt, T positions of a response,
 * M = P*S + P*G*T slots, H heads, K key/value heads, J = H/K heads of one key/value head, E head size.
 */
import {
  add,
  concat,
  customGradient,
  dim,
  dimAdd,
  dimMul,
  input,
  matmul,
  mul,
  reshape,
  selectRows,
  slice,
  softmax,
  sub,
  sum,
  transpose,
} from "../graph/index.ts"
import type { Dim, Tensor } from "../graph/index.ts"
import { attend, scoreScale } from "./attention.ts"
import type { ModelConfig } from "./config.ts"

/** Names of the inputs of grouped graphs, beside tokens, positions and rotary tables. */
export const groupInputs = {
  /** [P, S] and [P, G, T] i64: the row of each slot; any row for padding. */
  promptSlots: "groups.slots.prompt",
  responseSlots: "groups.slots.response",
  /** The same, with N for padding: where the gradient of a slot comes from. */
  promptSources: "groups.sources.prompt",
  responseSources: "groups.sources.response",
  /** [N] i64: the slot of each row among M. */
  rows: "groups.rows",
} as const

/** Additive masks of one kind of layer. */
export interface GroupMasks {
  /** [S, S] within a prompt. */
  readonly prompt: Tensor
  /** [P, 1, 1, 1, T, S] of a response over its prompt: padding is hidden. */
  readonly shared: Tensor
  /** [T, T] within a response. */
  readonly response: Tensor
}

/** Symbols of the sizes. */
export const groupSizes: Readonly<Record<"prompts" | "promptTime" | "responses" | "time", Dim>> = {
  prompts: dim("P"),
  promptTime: dim("S"),
  responses: dim("G"),
  time: dim("T"),
}

/** What tells slots from rows. */
export interface GroupLayout {
  /** [M] i64. */
  readonly slots: Tensor
  /** [M] i64. */
  readonly sources: Tensor
  /** [N] i64. */
  readonly rows: Tensor
}

const { prompts: P, promptTime: S, responses: G, time: T } = groupSizes
const promptSlotCount = dimMul(P, S)
const responseSlotCount = dimMul(dimMul(P, G), T)
const slotCount = dimAdd(promptSlotCount, responseSlotCount)

/** Names of the mask inputs of layers that see everything, or of those with a window. */
export function groupMaskNames(kind: "full" | "windowed"): Readonly<Record<keyof GroupMasks, string>> {
  return {
    prompt: `groups.mask.prompt.${kind}`,
    shared: `groups.mask.shared.${kind}`,
    response: `groups.mask.response.${kind}`,
  }
}

export function groupMasks(kind: "full" | "windowed"): GroupMasks {
  const names = groupMaskNames(kind)
  return {
    prompt: input(names.prompt, [S, S]),
    shared: input(names.shared, [P, 1, 1, 1, T, S]),
    response: input(names.response, [T, T]),
  }
}

/** The layout as inputs of a graph. */
export function groupLayout(): GroupLayout {
  const flat = (prompt: string, response: string): Tensor =>
    concat(
      [
        reshape(input(prompt, [P, S], "i64"), [promptSlotCount]),
        reshape(input(response, [P, G, T], "i64"), [responseSlotCount]),
      ],
      0,
    )
  return {
    slots: flat(groupInputs.promptSlots, groupInputs.responseSlots),
    sources: flat(groupInputs.promptSources, groupInputs.responseSources),
    rows: input(groupInputs.rows, [dim("N")], "i64"),
  }
}

/** Queries [N, H*E], keys and values [N, K*E] to what the heads read, [N, H*E]. */
export function attendGroups(
  config: ModelConfig,
  layout: GroupLayout,
  masks: GroupMasks,
  [query_NW, key_NW, value_NW]: readonly [Tensor, Tensor, Tensor],
): Tensor {
  const { heads, keyValueHeads: K, headDim: E } = config
  const J = heads / K
  const padded = (rows_NW: Tensor): Tensor => selectRows(rows_NW, layout.slots, layout.rows)
  const [query_MW, key_MW, value_MW] = [padded(query_NW), padded(key_NW), padded(value_NW)]

  const ofPrompts = (slots_MW: Tensor, count: number): Tensor =>
    transpose(reshape(slice(slots_MW, 0, 0, promptSlotCount), [P, S, count, E]), [0, 2, 1, 3])
  const promptKey = ofPrompts(key_MW, K)
  const promptValue = ofPrompts(value_MW, K)
  const promptQuery = reshape(ofPrompts(query_MW, heads), [P, K, dimMul(J, S), E])
  const promptMixed = attend({ config, batch: P, time: S, mask: masks.prompt }, promptQuery, promptKey, promptValue)

  const ofResponses = (slots_MW: Tensor): Tensor =>
    transpose(reshape(slice(slots_MW, 0, promptSlotCount, slotCount), [P, G, T, K, E]), [0, 3, 1, 2, 4])
  const responseQuery = reshape(
    transpose(reshape(slice(query_MW, 0, promptSlotCount, slotCount), [P, G, T, K, J, E]), [0, 3, 1, 4, 2, 5]),
    [P, K, G, dimMul(J, T), E],
  )
  const shared = { key: promptKey, value: promptValue }
  const own = { key: ofResponses(key_MW), value: ofResponses(value_MW) }
  const responseMixed = attendShared(config, masks, responseQuery, shared, own)

  const promptRows = reshape(transpose(reshape(promptMixed, [P, heads, S, E]), [0, 2, 1, 3]), [
    promptSlotCount,
    heads * E,
  ])
  const responseRows = reshape(transpose(reshape(responseMixed, [P, K, G, J, T, E]), [0, 2, 4, 1, 3, 5]), [
    responseSlotCount,
    heads * E,
  ])
  return selectRows(concat([promptRows, responseRows], 0), layout.rows, layout.sources)
}

/**
 * Responses over the keys of their prompt and their own, in one softmax. In the products with the prompt the responses
 * of a group are rows of one matrix: keys are read once, and the sum of their gradients over the group is part of the
 * product. The gradient by hand is that of `attend`.
 * @param query  [P, K, G, J*T, E]
 * @param shared [P, K, S, E]
 * @param own    [P, K, G, T, E]
 */
function attendShared(
  config: ModelConfig,
  masks: GroupMasks,
  query: Tensor,
  shared: { readonly key: Tensor; readonly value: Tensor },
  own: { readonly key: Tensor; readonly value: Tensor },
): Tensor {
  const { heads, keyValueHeads: K, headDim: E } = config
  const J = heads / K
  const scale = scoreScale(config)
  const rows = dimMul(J, T)
  const groupRows = dimMul(G, rows)
  const asGroup = (x: Tensor, width: Dim): Tensor => reshape(x, [P, K, groupRows, width])
  const asResponses = (x: Tensor, width: Dim): Tensor => reshape(x, [P, K, G, rows, width])
  const masked = (scores: Tensor, mask: Tensor, width: Dim): Tensor =>
    add(reshape(scores, [P, K, G, J, T, width]), mask)

  const sharedScores = masked(matmul(asGroup(query, E), shared.key, { transposeB: true, scale }), masks.shared, S)
  const ownScores = masked(matmul(query, own.key, { transposeB: true, scale }), masks.response, T)
  const weights = softmax(concat([sharedScores, ownScores], 5))
  const sharedWeights = asGroup(slice(weights, 5, 0, S), S)
  const ownWeights = asResponses(slice(weights, 5, S, dimAdd(S, T)), T)
  const output = add(asResponses(matmul(sharedWeights, shared.value), E), matmul(ownWeights, own.value))

  return customGradient(output, [query, shared.key, shared.value, own.key, own.value], (dOutput) => {
    const dGroup = asGroup(dOutput, E)
    const rowSums = sum(mul(dOutput, output), { axes: [-1], keepDims: true })
    const dShared = mul(sharedWeights, sub(matmul(dGroup, shared.value, { transposeB: true }), asGroup(rowSums, 1)))
    const dOwn = mul(ownWeights, sub(matmul(dOutput, own.value, { transposeB: true }), rowSums))
    const dQuery = add(asResponses(matmul(dShared, shared.key, { scale }), E), matmul(dOwn, own.key, { scale }))
    const transposed = (x: Tensor): Tensor => {
      const last = x.shape.length - 1
      return transpose(x, [...Array.from({ length: last - 1 }, (_, i) => i), last, last - 1])
    }
    return [
      dQuery,
      transposed(matmul(asGroup(query, E), dShared, { transposeA: true, scale })),
      transposed(matmul(dGroup, sharedWeights, { transposeA: true })),
      transposed(matmul(query, dOwn, { transposeA: true, scale })),
      transposed(matmul(dOutput, ownWeights, { transposeA: true })),
    ]
  })
}
