/**
 * Between responses and the protocol's sequences: positions of model_input predict the next token; the prompt's carry zeros.
 *
 * Shape legend: T response tokens, P prompt tokens; a sequence on the wire has P + T - 1 positions, the last T of them the response's.
 */
import type { Datum } from "../../tinker/index.ts"
import type { TokenSequence } from "../engine.ts"

/** [T] rows under the names of the protocol. */
export interface ResponseRows {
  readonly weights?: ArrayLike<number>
  readonly advantages?: ArrayLike<number>
  readonly logprobs?: ArrayLike<number>
}

export function datumOf({ promptTokens, responseTokens }: TokenSequence, rows: ResponseRows): Datum {
  const all = [...promptTokens, ...responseTokens]
  const length = all.length - 1
  const start = promptTokens.length - 1
  const placed = (values: ArrayLike<number>): Float32Array => {
    const row = new Float32Array(length)
    for (let t = 0; t < values.length; t++) row[start + t] = values[t]!
    return row
  }
  return {
    tokens: all.slice(0, -1),
    targets: all.slice(1),
    ...(rows.weights === undefined ? {} : { weights: placed(rows.weights) }),
    ...(rows.advantages === undefined ? {} : { advantages: placed(rows.advantages) }),
    ...(rows.logprobs === undefined ? {} : { logprobs: placed(rows.logprobs) }),
  }
}

/** [T] the response's part of a row. */
export function responsePart(row: Float32Array, { responseTokens }: TokenSequence): Float32Array {
  return row.slice(row.length - responseTokens.length)
}
