/** What an op may do while it writes its ONNX form. Implemented in emit.ts. */
import type { Shape } from "../dim.ts"

export type OnnxAttribute = number | bigint | string | readonly number[] | { readonly float: number }

export interface NodeOptions {
  readonly domain?: "com.microsoft"
  /** Number of outputs wanted; default 1. */
  readonly outputs?: number
}

export interface EmitContext {
  /** Adds a node; returns the names of its outputs. Integers become INT attributes, {float} FLOAT, arrays INTS. */
  nodes(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>, options?: NodeOptions): string[]
  /** `nodes` for a single output. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>, options?: NodeOptions): string
  /** Name of a float constant (deduplicated). */
  floats(data: readonly number[] | Float32Array, shape: readonly number[]): string
  /** Name of an int64 constant (deduplicated). */
  ints(data: readonly number[], shape?: readonly number[]): string
  /** Name of an int64 vector that holds the shape at run time. */
  shape(shape: Shape): string
  /** A result shared between ops under a key: made once. */
  shared(key: string, make: () => string): string
}
