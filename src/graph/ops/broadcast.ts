/** Broadcasting and its adjoint: `expand` repeats along axes, `sumTo` sums back. Each is the other's gradient. */
import { ShapeError } from "../../errors.ts"
import { broadcastShapes, dimEqual, evaluateShape, shapeEqual, shapeToString, type Shape } from "../dim.ts"
import { makeTensor, type Op, type Tensor } from "../tensor.ts"
import { broadcastStrides, dot, forEachIndex, sizeOf } from "../value.ts"

const expandOp: Op<undefined> = {
  name: "expand",
  evaluate: ([x], node, bindings) => {
    const shape = evaluateShape(node.shape, bindings)
    const strides = broadcastStrides(x!.shape, shape)
    const data = new Float64Array(sizeOf(shape))
    forEachIndex(shape, (index, flat) => {
      data[flat] = x!.data[dot(index, strides)]!
    })
    return { shape, data }
  },
  emit: (context, [x], node) => context.node("Expand", [x!, context.shape(node.shape)]),
  gradient: (node, g) => [sumTo(g, node.inputs[0]!.shape)],
}

/** x repeated along its axes of size 1 (and new leading ones) up to `shape`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (shapeEqual(x.shape, shape)) return x
  if (!shapeEqual(broadcastShapes("expand", x.shape, shape), shape)) {
    throw new ShapeError(`expand: expected a shape that ${shapeToString(x.shape)} broadcasts to, got ${shapeToString(shape)}. Only axes of size 1 grow.`)
  }
  return makeTensor(expandOp, [x], undefined, shape, x.dtype)
}

/** Axes of `from` that broadcasting `to` up to it repeats. */
function repeatedAxes(from: Shape, to: Shape): number[] {
  const offset = from.length - to.length
  return from.flatMap((dim, axis) => (axis < offset || (to[axis - offset] === 1 && !dimEqual(dim, 1)) ? [axis] : []))
}

const sumToOp: Op<undefined> = {
  name: "sumTo",
  evaluate: ([x], node, bindings) => {
    const shape = evaluateShape(node.shape, bindings)
    const strides = broadcastStrides(shape, x!.shape)
    const data = new Float64Array(sizeOf(shape))
    forEachIndex(x!.shape, (index, flat) => {
      data[dot(index, strides)]! += x!.data[flat]!
    })
    return { shape, data }
  },
  emit: (context, [x], node) => {
    const from = node.inputs[0]!.shape
    const summed = context.node("ReduceSum", [x!, context.ints(repeatedAxes(from, node.shape))], { keepdims: 1 })
    return from.length === node.shape.length ? summed : context.node("Reshape", [summed, context.shape(node.shape)])
  },
  gradient: (node, g) => [expand(g, node.inputs[0]!.shape)],
}

/** Sums x down to a shape that broadcasts to its own. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  return shapeEqual(x.shape, shape) ? x : makeTensor(sumToOp, [x], undefined, shape, x.dtype)
}
