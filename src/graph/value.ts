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
  return { shape, data: Float64Array.from(data) }
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

export function elementwise(inputs: readonly Value[], apply: (values: readonly number[]) => number): Value {
  const shape = broadcast(inputs.map((input) => input.shape))
  const strides = inputs.map((input) => broadcastStrides(input.shape, shape))
  const data = new Float64Array(sizeOf(shape))
  const values: number[] = []
  forEachIndex(shape, (index, flat) => {
    for (let k = 0; k < inputs.length; k++) values[k] = inputs[k]!.data[dot(index, strides[k]!)]!
    data[flat] = apply(values)
  })
  return { shape, data }
}
