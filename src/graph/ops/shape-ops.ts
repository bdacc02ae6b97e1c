/** Ops that move elements without computing: reshape, transpose, slice, concat, and the size of a dimension. */
import { ShapeError } from "../../errors.ts"
import {
  dimAdd,
  dimEqual,
  evaluateDim,
  evaluateShape,
  normaliseAxis,
  shapeEqual,
  shapeSize,
  shapeToString,
  type Dim,
  type Shape,
} from "../dim.ts"
import { makeTensor, type Op, type Tensor } from "../tensor.ts"
import { dot, forEachIndex, sizeOf, stridesOf } from "../value.ts"
import { full } from "./leaf.ts"

const reshapeOp: Op<undefined> = {
  name: "reshape",
  evaluate: ([x], node, bindings) => ({ shape: evaluateShape(node.shape, bindings), data: x!.data }),
  emit: (context, [x], node) => {
    const from = node.inputs[0]!.shape
    // 0 copies a dimension and -1 infers one: most symbolic reshapes need no shape arithmetic at run time.
    const entries = node.shape.map((dim, axis) => (typeof dim === "number" ? dim : axis < from.length && dimEqual(dim, from[axis]!) ? 0 : -1))
    const simple = entries.filter((entry) => entry === -1).length <= 1 && !node.shape.includes(0)
    return context.node("Reshape", [x!, simple ? context.ints(entries) : context.shape(node.shape)])
  },
  gradient: (node, g) => [reshape(g, node.inputs[0]!.shape)],
}

/** The same elements in row-major order under another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (shapeEqual(x.shape, shape)) return x
  if (!dimEqual(shapeSize(x.shape), shapeSize(shape))) {
    throw new ShapeError(`reshape: expected a shape of as many elements as ${shapeToString(x.shape)}, got ${shapeToString(shape)}. Make the products equal.`)
  }
  const source = x.op === (reshapeOp as Op) ? x.inputs[0]! : x
  return shapeEqual(source.shape, shape) ? source : makeTensor(reshapeOp, [source], undefined, shape, x.dtype)
}

const transposeOp: Op<{ readonly permutation: readonly number[] }> = {
  name: "transpose",
  evaluate: ([x], node) => {
    const { permutation } = node.attributes
    const shape = permutation.map((axis) => x!.shape[axis]!)
    const strides = stridesOf(x!.shape)
    const permuted = permutation.map((axis) => strides[axis]!)
    const data = new Float64Array(x!.data.length)
    forEachIndex(shape, (index, flat) => {
      data[flat] = x!.data[dot(index, permuted)]!
    })
    return { shape, data }
  },
  emit: (context, [x], node) => context.node("Transpose", [x!], { perm: node.attributes.permutation }),
  gradient: (node, g) => {
    const inverse = Array.from<number>({ length: node.attributes.permutation.length })
    node.attributes.permutation.forEach((axis, i) => {
      inverse[axis] = i
    })
    return [transpose(g, inverse)]
  },
}

/** Axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const axes = permutation.map((axis) => normaliseAxis("transpose", axis, x.shape.length))
  if (axes.length !== x.shape.length || new Set(axes).size !== axes.length) {
    throw new ShapeError(`transpose: expected a permutation of ${x.shape.length} axes, got [${permutation.join(", ")}]. Name each axis once.`)
  }
  // Two transpositions are one.
  if (x.op === (transposeOp as Op)) {
    const { permutation: inner } = x.attributes as { readonly permutation: readonly number[] }
    return transpose(x.inputs[0]!, axes.map((axis) => inner[axis]!))
  }
  if (axes.every((axis, i) => axis === i)) return x
  return makeTensor(transposeOp, [x], { permutation: axes }, axes.map((axis) => x.shape[axis]!), x.dtype)
}

interface SliceAttributes {
  readonly axis: number
  readonly start: Dim
  readonly end: Dim
}

const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  evaluate: ([x], node, bindings) => {
    const { axis } = node.attributes
    const start = evaluateDim(node.attributes.start, bindings)
    const shape = evaluateShape(node.shape, bindings)
    const strides = stridesOf(x!.shape)
    const data = new Float64Array(sizeOf(shape))
    forEachIndex(shape, (index, flat) => {
      data[flat] = x!.data[dot(index, strides) + start * strides[axis]!]!
    })
    return { shape, data }
  },
  emit: (context, [x], node) => {
    const { axis, start, end } = node.attributes
    return context.node("Slice", [x!, context.shape([start]), context.shape([end]), context.ints([axis])])
  },
  gradient: (node, g) => {
    const { axis, start, end } = node.attributes
    const shape = node.inputs[0]!.shape
    const withSize = (size: Dim): Shape => shape.map((dim, i) => (i === axis ? size : dim))
    const tail = dimAdd(shape[axis]!, negate(end))
    const parts = [...(start === 0 ? [] : [full(0, withSize(start))]), g, ...(tail === 0 ? [] : [full(0, withSize(tail))])]
    return [parts.length === 1 ? g : concat(parts, axis)]
  },
}

function negate(dim: Dim): Dim {
  return typeof dim === "number" ? -dim : { terms: dim.terms.map(([monomial, c]) => [monomial, -c] as const), key: `-(${dim.key})` }
}

/** Elements start..end-1 along one axis. */
export function slice(x: Tensor, axis: number, start: Dim, end: Dim): Tensor {
  const along = normaliseAxis("slice", axis, x.shape.length)
  const length = dimAdd(end, negate(start))
  const size = x.shape[along]!
  if (typeof start === "number" && typeof end === "number" && (start < 0 || end <= start || (typeof size === "number" && end > size))) {
    throw new ShapeError(`slice: expected 0 <= start < end <= ${shapeToString([size])} on axis ${axis}, got ${start}..${end}. Cut inside the tensor.`)
  }
  return makeTensor(sliceOp, [x], { axis: along, start, end }, x.shape.map((dim, i) => (i === along ? length : dim)), x.dtype)
}

const concatOp: Op<{ readonly axis: number }> = {
  name: "concat",
  evaluate: (inputs, node, bindings) => {
    const { axis } = node.attributes
    const shape = evaluateShape(node.shape, bindings)
    const strides = stridesOf(shape)
    const data = new Float64Array(sizeOf(shape))
    let offset = 0
    for (const part of inputs) {
      const base = offset * strides[axis]!
      forEachIndex(part.shape, (index, flat) => {
        data[base + dot(index, strides)] = part.data[flat]!
      })
      offset += part.shape[axis]!
    }
    return { shape, data }
  },
  emit: (context, inputs, node) => context.node("Concat", inputs, { axis: node.attributes.axis }),
  gradient: (node, g) => {
    let start: Dim = 0
    return node.inputs.map((part) => {
      const end: Dim = dimAdd(start, part.shape[node.attributes.axis]!)
      const piece = slice(g, node.attributes.axis, start, end)
      start = end
      return piece
    })
  },
}

/** Tensors side by side along one axis; the other axes are equal. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0]
  if (first === undefined) throw new ShapeError("concat: expected at least one tensor, got none. Pass what is to be joined.")
  const along = normaliseAxis("concat", axis, first.shape.length)
  for (const part of parts) {
    if (part.shape.length !== first.shape.length || part.shape.some((dim, i) => i !== along && !dimEqual(dim, first.shape[i]!))) {
      throw new ShapeError(
        `concat: expected shapes equal but for axis ${axis}, got ${parts.map((p) => shapeToString(p.shape)).join(" and ")}. Reshape or slice before joining.`,
      )
    }
  }
  const size = parts.reduce<Dim>((total, part) => dimAdd(total, part.shape[along]!), 0)
  return makeTensor(concatOp, parts, { axis: along }, first.shape.map((dim, i) => (i === along ? size : dim)), first.dtype)
}

const sizeOp: Op<{ readonly size: Dim }> = {
  name: "size",
  evaluate: (_inputs, node, bindings) => ({ shape: [], data: Float64Array.of(evaluateDim(node.attributes.size, bindings)) }),
  emit: (context, _inputs, node) => {
    const vector = context.node("Cast", [context.shape([node.attributes.size])], { to: 1 })
    return context.node("Reshape", [vector, context.ints([], [0])])
  },
}

/** A dimension's size as a scalar, for means over symbolic axes. */
export function sizeTensor(size: Dim): Tensor {
  return makeTensor(sizeOp, [], { size }, [])
}
