/** Reductions over axes. */
import { normaliseAxis, shapeSize, type Dim } from "../dim.ts"
import { makeTensor, type Op, type Tensor, type Value } from "../tensor.ts"
import { broadcastStrides, dot, forEachIndex, sizeOf } from "../value.ts"
import { div, equal, mul } from "./elementwise.ts"
import { expand } from "./broadcast.ts"
import { reshape, sizeTensor } from "./shape-ops.ts"

export interface ReduceOptions {
  /** Axes to reduce; all when absent. */
  readonly axes?: readonly number[]
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean
}

interface ReduceAttributes {
  readonly axes: readonly number[]
}

function reduceValue(x: Value, axes: readonly number[], start: number, combine: (accumulator: number, value: number) => number): Value {
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const data = new Float64Array(sizeOf(shape)).fill(start)
  const strides = broadcastStrides(shape, x.shape)
  forEachIndex(x.shape, (index, flat) => {
    const at = dot(index, strides)
    data[at] = combine(data[at]!, x.data[flat]!)
  })
  return { shape, data }
}

const sumOp: Op<ReduceAttributes> = {
  name: "sum",
  evaluate: ([x], node) => reduceValue(x!, node.attributes.axes, 0, (a, b) => a + b),
  emit: (context, [x], node) => context.node("ReduceSum", [x!, context.ints(node.attributes.axes)], { keepdims: 1 }),
  gradient: (node, g) => [expand(g, node.inputs[0]!.shape)],
}

const maxOp: Op<ReduceAttributes> = {
  name: "max",
  evaluate: ([x], node) => reduceValue(x!, node.attributes.axes, -Infinity, (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b))),
  emit: (context, [x], node) => context.node("ReduceMax", [x!, context.ints(node.attributes.axes)], { keepdims: 1 }),
  gradient: (node, g) => {
    const x = node.inputs[0]!
    const winners = equal(x, node as Tensor)
    return [mul(div(winners, sum(winners, { axes: node.attributes.axes, keepDims: true })), g)]
  },
}

function reduce(op: Op<ReduceAttributes>, x: Tensor, options: ReduceOptions): Tensor {
  const axes = [...new Set((options.axes ?? x.shape.map((_, i) => i)).map((axis) => normaliseAxis(op.name, axis, x.shape.length)))].sort((a, b) => a - b)
  if (axes.length === 0) return x
  const kept = makeTensor(op, [x], { axes }, x.shape.map((dim, axis): Dim => (axes.includes(axis) ? 1 : dim)))
  if (options.keepDims === true) return kept
  return reshape(kept, x.shape.filter((_, axis) => !axes.includes(axis)))
}

export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(sumOp, x, options)
}

/** Ties share the gradient evenly. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduce(maxOp, x, options)
}

export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const axes = (options.axes ?? x.shape.map((_, i) => i)).map((axis) => normaliseAxis("mean", axis, x.shape.length))
  const count = shapeSize(axes.map((axis) => x.shape[axis]!))
  return div(sum(x, options), typeof count === "number" ? count : sizeTensor(count))
}
