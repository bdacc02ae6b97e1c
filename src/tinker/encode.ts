/** Requests as JSON text. Numbers that the server keeps in single precision are written with the nine digits that name them. */
import { TinkerError } from "./errors.ts"
import type { AdamParams, Datum, SamplingParams } from "./wire.ts"

/** Most sequences of one request. */
export const MOST_DATUMS = 1024
/** Most characters of one request's sequences. */
export const MOST_CHARACTERS = 5_000_000

/** @throws TinkerError when one is not finite: JSON has no such numbers, and a server would train on them */
export function encodeFloats(name: string, values: ArrayLike<number>): string {
  const parts = Array.from<string>({ length: values.length })
  // Advantages, weights and padding repeat one number for many tokens.
  let [last, text] = [0, "0"]
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!
    if (!Number.isFinite(x)) throw new TinkerError("invalid", `tinker: expected finite ${name} to send, got ${x} at position ${i}. Leave the sequence out.`)
    if (x !== last) [last, text] = [x, Number.isInteger(x) ? String(x) : x.toPrecision(9)]
    parts[i] = text
  }
  return `[${parts.join(",")}]`
}

function encodeTokens(values: ArrayLike<number>): string {
  return `[${Array.prototype.join.call(values, ",")}]`
}

function tensor(dtype: "int64" | "float32", data: string): string {
  return `{"data":${data},"dtype":"${dtype}"}`
}

/** One sequence as JSON. @throws TinkerError when its arrays differ in length or hold what is not finite */
export function encodeDatum(datum: Datum): string {
  const { tokens, targets } = datum
  const inputs = [`"target_tokens":${tensor("int64", encodeTokens(targets))}`]
  for (const name of ["weights", "advantages", "logprobs"] as const) {
    const values = datum[name]
    if (values === undefined) continue
    if (values.length !== targets.length) throw new TinkerError("invalid", `tinker: expected ${targets.length} ${name}, one per target, got ${values.length}. Pad them.`)
    inputs.push(`"${name}":${tensor("float32", encodeFloats(name, values))}`)
  }
  if (tokens.length !== targets.length || tokens.length === 0) {
    throw new TinkerError("invalid", `tinker: expected as many tokens as targets and at least one, got ${tokens.length} and ${targets.length}. Shift the targets by one.`)
  }
  return `{"model_input":{"chunks":[{"type":"encoded_text","tokens":${encodeTokens(tokens)}}]},"loss_fn_inputs":{${inputs.join(",")}}}`
}

/**
 * Sequences in as few requests as the protocol's limits allow, in order.
 * @returns per request the JSON of its sequences
 */
export function chunkDatums(encoded: readonly string[], limits: { readonly datums?: number; readonly characters?: number } = {}): string[][] {
  const { datums = MOST_DATUMS, characters = MOST_CHARACTERS } = limits
  const chunks: string[][] = []
  let size = 0
  for (const datum of encoded) {
    const last = chunks.at(-1)
    if (last === undefined || last.length >= datums || size + datum.length > characters) {
      chunks.push([datum])
      size = datum.length
    } else {
      last.push(datum)
      size += datum.length
    }
  }
  return chunks
}

export function encodeAdam({ learningRate, beta1, beta2, eps, weightDecay, gradClipNorm }: AdamParams): Record<string, number> {
  return { learning_rate: learningRate, beta1, beta2, eps, weight_decay: weightDecay, grad_clip_norm: gradClipNorm }
}

export function encodeSampling({ maxTokens, seed, stop, temperature = 1, topK = -1, topP = 1 }: SamplingParams): Record<string, unknown> {
  return { max_tokens: maxTokens, ...(seed === undefined ? {} : { seed }), ...(stop === undefined ? {} : { stop }), temperature, top_k: topK, top_p: topP }
}

export function encodePrompt(tokens: ArrayLike<number>): Record<string, unknown> {
  return { chunks: [{ type: "encoded_text", tokens: Array.from(tokens) }] }
}
