/** Matrix product in eight bits: for sampling with quantised weights. Forward only. */
import { ShapeError } from "../../errors.ts"
import { dimEqual, shapeToString } from "../dim.ts"
import { makeTensor, type Op, type Tensor } from "../tensor.ts"

/** Activations are stored as unsigned bytes around this. */
const ZERO_POINT = 128
const LARGEST = 127
/** Rows of zeros have a scale all the same. */
const SMALLEST_SCALE = 1e-12
/** Of the ONNX schema. */
const UINT8 = 2

/** Half to even, as ONNX's Round. */
function round(x: number): number {
  const below = Math.floor(x)
  if (x - below !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

const matmulInt8Op: Op<undefined> = {
  name: "matmulInt8",
  evaluate: ([x, weight, scale]) => {
    const [inner, columns] = weight!.shape as readonly [number, number]
    const rows = x!.data.length / inner
    const data = new Float64Array(rows * columns)
    for (let row = 0; row < rows; row++) {
      const values = x!.data.subarray(row * inner, (row + 1) * inner)
      const rowScale = Math.max(
        values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / LARGEST,
        SMALLEST_SCALE,
      )
      const integers = values.map((value) => round(value / rowScale))
      for (let column = 0; column < columns; column++) {
        let total = 0
        for (let k = 0; k < inner; k++) total += integers[k]! * weight!.data[k * columns + column]!
        data[row * columns + column] = total * scale!.data[column]! * rowScale
      }
    }
    return { shape: [rows, columns], data }
  },
  emit: (context, [x, weight, scale]) => {
    // Layers that read the same rows share their quantisation.
    const shared = context.shared(`int8:${x}`, () => {
      const largest = context.node("ReduceMax", [context.node("Abs", [x!]), context.ints([1])], { keepdims: 1 })
      const scaled = context.node("Mul", [largest, context.floats([1 / LARGEST], [])])
      const rowScale = context.node("Max", [scaled, context.floats([SMALLEST_SCALE], [])])
      const rounded = context.node("Round", [context.node("Div", [x!, rowScale])])
      const shifted = context.node("Add", [rounded, context.floats([ZERO_POINT], [])])
      return [rowScale, context.node("Cast", [shifted], { to: UINT8 })].join(" ")
    })
    const [rowScale, bytes] = shared.split(" ") as [string, string]
    const zeroPoint = context.shared("int8.zero", () =>
      context.node("Cast", [context.ints([ZERO_POINT], [])], { to: UINT8 }),
    )
    const one = context.floats([1], [])
    // A scale per column is applied as the product is written; one per row is not among its operands.
    const product = context.node(
      "MatMulIntegerToFloat",
      [bytes, weight!, one, scale!, zeroPoint],
      {},
      { domain: "com.microsoft" },
    )
    return context.node("Mul", [product, rowScale])
  },
}

/**
 * x W with W in eight bits, one scale per column, and x rounded to eight bits, one scale per row: sums are exact in
 * integers, so that a row's result does not depend on its neighbours.
 * @param weight_DO  i8, not transposed
 * @param scale_O    what one unit of a column stands for
 * @returns [N, O]
 * @throws ShapeError when shapes do not fit
 * Source: rows and columns as in LLM.int8(), arXiv:2208.07339, section 2.
 */
export function matmulInt8(x_ND: Tensor, weight_DO: Tensor, scale_O: Tensor): Tensor {
  const [rows, inner] = x_ND.shape
  const [D, O] = weight_DO.shape
  const fits = x_ND.shape.length === 2 && weight_DO.shape.length === 2 && scale_O.shape.length === 1
  if (!fits || weight_DO.dtype !== "i8" || !dimEqual(inner!, D!) || !dimEqual(O!, scale_O.shape[0]!)) {
    const shapes = [x_ND, weight_DO, scale_O].map(({ shape }) => shapeToString(shape)).join(", ")
    throw new ShapeError(
      `matmulInt8: expected [N, D], i8 [D, O] and [O], got ${shapes} with ${weight_DO.dtype}. Quantise the weight.`,
    )
  }
  return makeTensor(matmulInt8Op, [x_ND, weight_DO, scale_O], undefined, [rows!, O!])
}
