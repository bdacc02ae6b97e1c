/** Ops that read or place rows and entries by integer index. Every index is used without a racing scatter. */
import { ShapeError } from "../../errors.ts"
import { evaluateDim, shapeEqual, shapeSize, shapeToString, type Dim } from "../dim.ts"
import { makeTensor, type Op, type Tensor, type Value } from "../tensor.ts"
import { sizeOf } from "../value.ts"
import { mul } from "./elementwise.ts"
import { full } from "./leaf.ts"
import { matmul } from "./matmul.ts"
import { concat, reshape } from "./shape-ops.ts"

function requireIntegers(who: string, indices: Tensor): void {
  if (indices.dtype !== "i64") throw new ShapeError(`${who}: expected i64 indices, got ${indices.dtype}. Declare the input with dtype "i64".`)
}

function gatherValue(table: Value, indices: Value): Value {
  const width = sizeOf(table.shape.slice(1))
  const data = new Float64Array(indices.data.length * width)
  indices.data.forEach((row, i) => {
    data.set(table.data.subarray(row * width, (row + 1) * width), i * width)
  })
  return { shape: [...indices.shape, ...table.shape.slice(1)], data }
}

const embeddingOp: Op<undefined> = {
  name: "embedding",
  evaluate: ([table, indices]) => gatherValue(table!, indices!),
  emit: (context, [table, indices]) => context.node("Gather", [table!, indices!], { axis: 0 }),
  gradient: (node, g) => {
    const [table, indices] = [node.inputs[0]!, node.inputs[1]!]
    const rows = shapeSize(indices.shape)
    const hot = oneHot(reshape(indices, [rows]), table.shape[0]! as number)
    return [matmul(hot, reshape(g, [rows, table.shape[1]!]), { transposeA: true }), undefined]
  },
}

/**
 * Rows of `table_VD` by index; repeated indices are fine. The gradient is a one-hot matrix product, which is exact and
 * deterministic but costs V per index: engines with a large table differentiate with respect to the looked-up rows.
 */
export function embedding(table_VD: Tensor, indices: Tensor): Tensor {
  requireIntegers("embedding", indices)
  if (table_VD.shape.length !== 2) throw new ShapeError(`embedding: expected a table [V, D], got ${shapeToString(table_VD.shape)}. Reshape it.`)
  return makeTensor(embeddingOp, [table_VD, indices], undefined, [...indices.shape, table_VD.shape[1]!])
}

const oneHotOp: Op<{ readonly size: number }> = {
  name: "oneHot",
  evaluate: ([indices], node) => {
    const { size } = node.attributes
    const data = new Float64Array(indices!.data.length * size)
    indices!.data.forEach((index, i) => {
      data[i * size + index] = 1
    })
    return { shape: [...indices!.shape, size], data }
  },
  emit: (context, [indices], node) =>
    context.node("OneHot", [indices!, context.ints([node.attributes.size]), context.floats([0, 1], [2])], { axis: -1 }),
}

/** 1 at each index along a new last axis of `size`, else 0; an index outside gives a row of zeros only if it is >= size. */
export function oneHot(indices: Tensor, size: number): Tensor {
  requireIntegers("oneHot", indices)
  return makeTensor(oneHotOp, [indices], { size }, [...indices.shape, size])
}

const takeAlongOp: Op<undefined> = {
  name: "takeAlong",
  evaluate: ([x, indices]) => {
    const width = x!.shape.at(-1)!
    return { shape: indices!.shape, data: indices!.data.map((index, i) => x!.data[i * width + index]!) }
  },
  emit: (context, [x, indices], node) => {
    const last = node.shape.length
    const picked = context.node("GatherElements", [x!, context.node("Unsqueeze", [indices!, context.ints([last])])], { axis: last })
    return context.node("Squeeze", [picked, context.ints([last])])
  },
  gradient: (node, g) => {
    const [x, indices] = [node.inputs[0]!, node.inputs[1]!]
    return [mul(oneHot(indices, x.shape.at(-1)! as number), reshape(g, [...g.shape, 1])), undefined]
  },
}

/** Entry `indices[...]` along the last axis of x: [..., V] and [...] give [...]. */
export function takeAlong(x: Tensor, indices: Tensor): Tensor {
  requireIntegers("takeAlong", indices)
  if (!shapeEqual(x.shape.slice(0, -1), indices.shape)) {
    throw new ShapeError(`takeAlong: expected indices of shape ${shapeToString(x.shape.slice(0, -1))}, got ${shapeToString(indices.shape)}. Give one index per row.`)
  }
  return makeTensor(takeAlongOp, [x, indices], undefined, indices.shape)
}

const selectRowsOp: Op<undefined> = {
  name: "selectRows",
  evaluate: ([x, indices]) => gatherValue(x!, indices!),
  emit: (context, [x, indices]) => context.node("Gather", [x!, indices!], { axis: 0 }),
  gradient: (node, g) => {
    const [x, indices, inverse] = [node.inputs[0]!, node.inputs[1]!, node.inputs[2]!]
    const width = x.shape[1]!
    const padded = concat([g, full(0, [1, width])], 0)
    return [selectRows(padded, inverse, indices), undefined, undefined]
  },
}

/**
 * Rows of x_ND by `indices_R`. Each row that receives a gradient is selected once; `inverse_N` says where: inverse[n] = r with
 * indices[r] = n, or R when row n was not selected (or its gradient is known to be zero). The gradient is then a gather too.
 */
export function selectRows(x_ND: Tensor, indices_R: Tensor, inverse_N: Tensor): Tensor {
  requireIntegers("selectRows", indices_R)
  requireIntegers("selectRows", inverse_N)
  if (x_ND.shape.length !== 2 || indices_R.shape.length !== 1) {
    throw new ShapeError(
      `selectRows: expected [N, D] and [R], got ${shapeToString(x_ND.shape)} and ${shapeToString(indices_R.shape)}. Flatten both.`,
    )
  }
  return makeTensor(selectRowsOp, [x_ND, indices_R, inverse_N], undefined, [indices_R.shape[0]!, x_ND.shape[1]!])
}

/** Far below any score, and finite: a row that sees nothing stays a number. */
const HIDDEN = -1e9

const attentionBiasOp: Op<{ readonly time: Dim; readonly window: number | undefined }> = {
  name: "attentionBias",
  evaluate: ([mask], node, bindings) => {
    const [batch, length] = [mask!.shape[0]!, mask!.shape[1]!]
    const time = evaluateDim(node.attributes.time, bindings)
    const { window = Infinity } = node.attributes
    const data = new Float64Array(batch * time * length)
    for (let b = 0; b < batch; b++) {
      for (let row = 0; row < time; row++) {
        for (let column = 0; column < length; column++) {
          const distance = length - time + row - column
          const visible = distance >= 0 && distance < window && mask!.data[b * length + column] !== 0
          data[(b * time + row) * length + column] = visible ? 0 : HIDDEN
        }
      }
    }
    return { shape: [batch, 1, time, length], data }
  },
  emit: (context, [mask], node) => {
    const scalar = (size: Dim): string => context.node("Reshape", [context.shape([size]), context.ints([], [0])])
    const [length, time] = [scalar(node.inputs[0]!.shape[1]!), scalar(node.attributes.time)]
    const one = context.ints([1], [])
    const columns_L = context.node("Range", [context.ints([0], []), length, one])
    const rows_T = context.node("Range", [context.node("Sub", [length, time]), length, one])
    const rows_T1 = context.node("Unsqueeze", [rows_T, context.ints([1])])
    let seen_TL = context.node("LessOrEqual", [columns_L, rows_T1])
    if (node.attributes.window !== undefined) {
      const before_T1 = context.node("Sub", [rows_T1, context.ints([node.attributes.window], [])])
      seen_TL = context.node("And", [seen_TL, context.node("Greater", [columns_L, before_T1])])
    }
    const present_BL = context.node("Cast", [mask!], { to: 9 })
    const visible = context.node("And", [seen_TL, context.node("Unsqueeze", [present_BL, context.ints([1, 2])])])
    return context.node("Where", [visible, context.floats([0], []), context.floats([HIDDEN], [])])
  },
}

/**
 * What the last T of L positions may see, to be added to attention scores: [B, 1, T, L], 0 for itself and those before it
 * where the mask is not 0, else -1e9.
 * @param mask_BL  [B, L] i64, 0 for padding
 * @param window   how many positions are seen, its own included; all when absent
 */
export function attentionBias(mask_BL: Tensor, time: Dim, window?: number): Tensor {
  requireIntegers("attentionBias", mask_BL)
  if (mask_BL.shape.length !== 2) throw new ShapeError(`attentionBias: expected a mask [B, L], got ${shapeToString(mask_BL.shape)}. Reshape it.`)
  return makeTensor(attentionBiasOp, [mask_BL], { time, window }, [mask_BL.shape[0]!, 1, time, mask_BL.shape[1]!])
}
