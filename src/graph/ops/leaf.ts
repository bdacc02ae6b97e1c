/** Inputs and constants. */
import { ShapeError } from "../../errors.ts"
import { evaluateShape, type Dim, type Shape } from "../dim.ts"
import { makeTensor, type DType, type Op, type Tensor } from "../tensor.ts"
import { sizeOf } from "../value.ts"

interface InputAttributes {
  readonly name: string
}

export const inputOp: Op<InputAttributes> = {
  name: "input",
  evaluate: (_inputs, node) => {
    throw new ShapeError(`input ${node.attributes.name}: expected a value, got none. Feed it under this name.`)
  },
  emit: (_context, _inputs, node) => node.attributes.name,
}

/** A tensor fed when the graph runs: weights, token ids, advantages. Names are unique within a graph. */
export function input(name: string, shape: readonly Dim[], dtype: DType = "f32"): Tensor {
  return makeTensor(inputOp, [], { name }, shape, dtype)
}

/** The name an input was made with; undefined for any other tensor. */
export function inputName(tensor: Tensor): string | undefined {
  return tensor.op === (inputOp as Op) ? (tensor.attributes as InputAttributes).name : undefined
}

interface ConstantAttributes {
  readonly data: readonly number[]
}

const constantOp: Op<ConstantAttributes> = {
  name: "constant",
  evaluate: (_inputs, node) => ({ shape: evaluateShape(node.shape, {}), data: Float64Array.from(node.attributes.data) }),
  emit: (context, _inputs, node) => context.floats(node.attributes.data, evaluateShape(node.shape, {})),
}

/** A number, or an array of numbers of the given shape, fixed when the graph is built. */
export function constant(data: number | readonly number[], shape?: readonly number[]): Tensor {
  const values = typeof data === "number" ? [data] : data
  const dims = shape ?? (typeof data === "number" ? [] : [values.length])
  if (sizeOf(dims) !== values.length) {
    throw new ShapeError(`constant: expected ${sizeOf(dims)} numbers for shape [${dims.join(", ")}], got ${values.length}. Give one number per element.`)
  }
  return makeTensor(constantOp, [], { data: values }, dims)
}

const fullOp: Op<{ readonly value: number }> = {
  name: "full",
  evaluate: (_inputs, node, bindings) => {
    const shape = evaluateShape(node.shape, bindings)
    return { shape, data: new Float64Array(sizeOf(shape)).fill(node.attributes.value) }
  },
  emit: (context, _inputs, node) => context.node("Expand", [context.floats([node.attributes.value], []), context.shape(node.shape)]),
}

/** A tensor of one value; the shape may be symbolic. */
export function full(value: number, shape: Shape): Tensor {
  return makeTensor(fullOp, [], { value }, shape)
}
