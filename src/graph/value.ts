/** Arrays of the float64 interpreter. */
import { ShapeError } from "../errors.ts"
import type { Value } from "./tensor.ts"

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1)
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array.from<number>({ length: shape.length })
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]!
  }
  return strides
}

export function makeValue(shape: readonly number[], data: ArrayLike<number>): Value {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`value: expected ${sizeOf(shape)} numbers for shape [${shape.join(", ")}], got ${data.length}. Feed the whole tensor.`)
  }
  return { shape, data: new Float64Array(data) }
}

function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[shape.length - rank + i] ?? 1)
    return sizes.find((size) => size !== 1) ?? 1
  })
}

/** Strides of `shape` seen as `target`: 0 along broadcast axes. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = stridesOf(shape)
  const offset = target.length - shape.length
  return target.map((_, i) => (i < offset || shape[i - offset] === 1 ? 0 : strides[i - offset]!))
}

/** Calls `visit` with the multi-index of every element in row-major order; the index array is reused. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], flat: number) => void): void {
  const total = sizeOf(shape)
  const index: number[] = Array.from({ length: shape.length }, () => 0)
  for (let flat = 0; flat < total; flat++) {
    visit(index, flat)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1
      if (index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
}

export function dot(index: readonly number[], strides: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < index.length; i++) sum += index[i]! * strides[i]!
  return sum
}

/** 1 for the whole shape, 0 for a single number, undefined for what has to be repeated along some axes. */
function flatStride({ shape, data }: Value, target: readonly number[]): 0 | 1 | undefined {
  if (data.length === 1) return 0
  return shape.length === target.length && shape.every((size, axis) => size === target[axis]) ? 1 : undefined
}

/** The common case, in which no index has to be computed: about ten times as fast. */
function elementwiseFlat(shape: readonly number[], inputs: readonly Value[], strides: readonly (0 | 1)[], apply: (values: readonly number[]) => number): Value {
  const size = sizeOf(shape)
  const data = new Float64Array(size)
  const values = inputs.map(() => 0)
  const arrays = inputs.map((input) => input.data)
  if (arrays.length === 2) {
    const [a, b] = arrays as [Float64Array, Float64Array]
    const [stepA, stepB] = strides as [number, number]
    for (let i = 0; i < size; i++) {
      values[0] = a[stepA * i]!
      values[1] = b[stepB * i]!
      data[i] = apply(values)
    }
    return { shape, data }
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < arrays.length; k++) values[k] = arrays[k]![strides[k]! * i]!
    data[i] = apply(values)
  }
  return { shape, data }
}

export function elementwise(inputs: readonly Value[], apply: (values: readonly number[]) => number): Value {
  const shape = broadcast(inputs.map((input) => input.shape))
  const flat = inputs.map((input) => flatStride(input, shape))
  if (flat.every((stride) => stride !== undefined)) return elementwiseFlat(shape, inputs, flat, apply)
  const strides = inputs.map((input) => broadcastStrides(input.shape, shape))
  const data = new Float64Array(sizeOf(shape))
  const values: number[] = []
  forEachIndex(shape, (index, flat) => {
    for (let k = 0; k < inputs.length; k++) values[k] = inputs[k]!.data[dot(index, strides[k]!)]!
    data[flat] = apply(values)
  })
  return { shape, data }
}
