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

/** Numbers that an elementwise loop reads at `step * i` for element i: 0 where there is one for all. */
export interface Operand {
  readonly data: Float64Array
  readonly step: 0 | 1
}

/** Of the shape `target`, repeated along axes where the loop could not step through it. */
function operand({ shape, data }: Value, target: readonly number[]): Operand {
  if (data.length === 1) return { data, step: 0 }
  if (shape.length === target.length && shape.every((size, axis) => size === target[axis])) return { data, step: 1 }
  const repeated = new Float64Array(sizeOf(target))
  const strides = broadcastStrides(shape, target)
  forEachIndex(target, (index, flat) => void (repeated[flat] = data[dot(index, strides)]!))
  return { data: repeated, step: 1 }
}

/**
 * Broadcasts, then has `fill` write every element. The loop is the op's own: a call per element would box its number, which takes
 * several times as long as the arithmetic.
 */
export function elementwise(inputs: readonly Value[], fill: (out: Float64Array, ...operands: Operand[]) => void): Value {
  const shape = broadcast(inputs.map((input) => input.shape))
  const data = new Float64Array(sizeOf(shape))
  fill(data, ...inputs.map((input) => operand(input, shape)))
  return { shape, data }
}
