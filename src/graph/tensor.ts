/**
 * The expression graph: immutable tensors, each the result of one op. Building an expression infers its shape; nothing
 * is computed until it is interpreted (`evaluate`) or compiled (`emitOnnx`).
 */
import type { EmitContext } from "./onnx/emit-context.ts"
import type { Bindings, Shape } from "./dim.ts"

export type DType = "f32" | "i64" | "i8"

/** A tensor of the float64 interpreter. Integers are held as float64 too. */
export interface Value {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

/** What an op knows about itself: its derivative, its meaning and its ONNX form. */
export interface Op<Attributes = unknown> {
  readonly name: string
  /**
   * Vector-Jacobian product: gradients with respect to the inputs, undefined where there is none.
   * Absent for ops without a derivative; their inputs receive no gradient.
   */
  readonly gradient?: (node: Tensor<Attributes>, upstream: Tensor) => readonly (Tensor | undefined)[]
  readonly evaluate: (inputs: readonly Value[], node: Tensor<Attributes>, bindings: Bindings) => Value
  /** Adds ONNX nodes and returns the name of the result. */
  readonly emit: (context: EmitContext, inputs: readonly string[], node: Tensor<Attributes>) => string
}

export interface Tensor<Attributes = unknown> {
  readonly id: number
  readonly op: Op<Attributes>
  readonly inputs: readonly Tensor[]
  readonly attributes: Attributes
  readonly shape: Shape
  readonly dtype: DType
}

/** What elementwise functions accept: a tensor, or a number that becomes a scalar constant. */
export type TensorLike = Tensor | number

let nextId = 0

/** Makes the tensor that `op` yields. Shape inference is the caller's: each op's function checks its operands first. */
export function makeTensor<Attributes>(
  op: Op<Attributes>,
  inputs: readonly Tensor[],
  attributes: Attributes,
  shape: Shape,
  dtype: DType = "f32",
): Tensor {
  const tensor: Tensor<Attributes> = { id: nextId++, op, inputs, attributes, shape, dtype }
  // An op only ever meets tensors that it made itself, so its attribute type can be forgotten here.
  return tensor as Tensor
}

/** All tensors that the given ones depend on, inputs before users. Iterative: graphs are thousands of nodes deep. */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = []
  const state = new Map<Tensor, "open" | "done">()
  const stack = [...outputs].reverse()
  while (stack.length > 0) {
    const tensor = stack.at(-1)!
    const seen = state.get(tensor)
    if (seen === "done") {
      stack.pop()
    } else if (seen === "open") {
      state.set(tensor, "done")
      order.push(tensor)
      stack.pop()
    } else {
      state.set(tensor, "open")
      for (let i = tensor.inputs.length - 1; i >= 0; i--) {
        const input = tensor.inputs[i]!
        if (!state.has(input)) stack.push(input)
      }
    }
  }
  return order
}
