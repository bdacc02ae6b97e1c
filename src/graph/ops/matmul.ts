/** Matrix product with optional transposition of the last two axes and a scale, as one fused op. */
import { ShapeError } from "../../errors.ts"
import { dimEqual, shapeToString, type Dim } from "../dim.ts"
import { makeTensor, type Op, type Tensor } from "../tensor.ts"
import { sizeOf } from "../value.ts"

export interface MatmulOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  /** Multiplies the product. Default 1. */
  readonly scale?: number
}

interface MatmulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly scale: number
}

const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  evaluate: ([a, b], node) => {
    const { transposeA, transposeB, scale } = node.attributes
    const [aRows, aColumns] = [a!.shape.at(-2)!, a!.shape.at(-1)!]
    const [bRows, bColumns] = [b!.shape.at(-2)!, b!.shape.at(-1)!]
    const M = transposeA ? aColumns : aRows
    const K = transposeA ? aRows : aColumns
    const N = transposeB ? bRows : bColumns
    const batch = a!.shape.slice(0, -2)
    const data = new Float64Array(sizeOf(batch) * M * N)
    for (let n = 0; n < sizeOf(batch); n++) {
      const [aBase, bBase, cBase] = [n * M * K, n * K * N, n * M * N]
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          let total = 0
          for (let k = 0; k < K; k++) {
            total += a!.data[aBase + (transposeA ? k * M + i : i * K + k)]! * b!.data[bBase + (transposeB ? j * K + k : k * N + j)]!
          }
          data[cBase + i * N + j] = total * scale
        }
      }
    }
    return { shape: [...batch, M, N], data }
  },
  emit: (context, [a, b], node) => {
    const { transposeA, transposeB, scale } = node.attributes
    if (node.shape.length === 2) {
      return context.node("Gemm", [a!, b!], { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } })
    }
    if (!transposeA && !transposeB && scale === 1) return context.node("MatMul", [a!, b!])
    return context.node(
      "FusedMatMul",
      [a!, b!],
      { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } },
      { domain: "com.microsoft" },
    )
  },
  gradient: (node, g) => {
    const { transposeA, transposeB, scale } = node.attributes
    const [a, b] = [node.inputs[0]!, node.inputs[1]!]
    const da = transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true, scale })
      : matmul(g, b, { transposeB: !transposeB, scale })
    const db = transposeB
      ? matmul(g, a, { transposeA: true, transposeB: transposeA, scale })
      : matmul(a, g, { transposeA: !transposeA, scale })
    return [da, db]
  },
}

/**
 * scale * op(a) op(b) over the last two axes; all leading (batch) axes are equal.
 * @throws ShapeError when ranks, batch axes or inner dimensions differ
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options
  const rank = a.shape.length
  const fail = (fix: string): never => {
    const side = (x: Tensor, transposed: boolean): string => `${shapeToString(x.shape)}${transposed ? " transposed" : ""}`
    throw new ShapeError(`matmul: expected [..., M, K] and [..., K, N], got ${side(a, transposeA)} and ${side(b, transposeB)}. ${fix}`)
  }
  if (rank < 2 || b.shape.length !== rank) return fail("Reshape both operands to the same rank of at least 2.")
  const M: Dim = a.shape[transposeA ? rank - 1 : rank - 2]!
  const K: Dim = a.shape[transposeA ? rank - 2 : rank - 1]!
  const N: Dim = b.shape[transposeB ? rank - 2 : rank - 1]!
  if (!dimEqual(K, b.shape[transposeB ? rank - 1 : rank - 2]!)) return fail("Make the inner dimensions equal, or transpose an operand.")
  for (let i = 0; i < rank - 2; i++) {
    if (!dimEqual(a.shape[i]!, b.shape[i]!)) return fail("Make the batch axes equal.")
  }
  return makeTensor(matmulOp, [a, b], { transposeA, transposeB, scale }, [...a.shape.slice(0, rank - 2), M, N])
}
