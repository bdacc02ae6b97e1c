/** Fused ops of a transformer: softmax, log-softmax, RMS normalisation, rotary position embedding. */
import { ShapeError } from "../../errors.ts"
import { dimEqual, shapeSize, shapeToString, type Dim } from "../dim.ts"
import { makeTensor, type Op, type Tensor, type Value } from "../tensor.ts"
import { exp, mul, neg, sub } from "./elementwise.ts"
import { matmul } from "./matmul.ts"
import { full } from "./leaf.ts"
import { sum } from "./reduce.ts"
import { reshape } from "./shape-ops.ts"

function mapRows(x: Value, apply: (row: Float64Array) => void): Value {
  const width = x.shape.at(-1)!
  const data = Float64Array.from(x.data)
  for (let start = 0; start < data.length; start += width) apply(data.subarray(start, start + width))
  return { shape: x.shape, data }
}

function logSumExp(row: Float64Array): number {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity)
  return top + Math.log(row.reduce((total, x) => total + Math.exp(x - top), 0))
}

const softmaxOp: Op<undefined> = {
  name: "softmax",
  evaluate: ([x]) =>
    mapRows(x!, (row) => {
      const normaliser = logSumExp(row)
      row.forEach((value, i) => {
        row[i] = Math.exp(value - normaliser)
      })
    }),
  emit: (context, inputs) => context.node("Softmax", inputs, { axis: -1 }),
  gradient: (node, g) => {
    const weighted = mul(g, node as Tensor)
    // g p - p sum(g p), with the product kept: one pass fewer than p (g - sum(g p)).
    return [sub(weighted, mul(node as Tensor, sum(weighted, { axes: [-1], keepDims: true })))]
  },
}

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  return makeTensor(softmaxOp, [x], undefined, x.shape)
}

const logSoftmaxOp: Op<undefined> = {
  name: "logSoftmax",
  evaluate: ([x]) =>
    mapRows(x!, (row) => {
      const normaliser = logSumExp(row)
      row.forEach((value, i) => {
        row[i] = value - normaliser
      })
    }),
  emit: (context, inputs) => context.node("LogSoftmax", inputs, { axis: -1 }),
  gradient: (node, g) => [sub(g, mul(exp(node as Tensor), sum(g, { axes: [-1], keepDims: true })))],
}

/** Log-softmax over the last axis, nats. */
export function logSoftmax(x: Tensor): Tensor {
  return makeTensor(logSoftmaxOp, [x], undefined, x.shape)
}

interface RmsNormAttributes {
  readonly eps: number
}

function inverseRms(row: Float64Array, eps: number): number {
  return 1 / Math.sqrt(row.reduce((total, x) => total + x * x, 0) / row.length + eps)
}

const rmsNormOp: Op<RmsNormAttributes> = {
  name: "rmsNorm",
  evaluate: ([x, weight], node) =>
    mapRows(x!, (row) => {
      const inverse = inverseRms(row, node.attributes.eps)
      row.forEach((value, i) => {
        row[i] = value * inverse * weight!.data[i]!
      })
    }),
  emit: (context, [x, weight], node) => normalised(context, x!, weight!, node.attributes.eps)[0]!,
  gradient: (node, g) => {
    const [x, weight] = [node.inputs[0]!, node.inputs[1]!]
    const width = x.shape.at(-1)!
    const rows = shapeSize(x.shape.slice(0, -1))
    const inverse = inverseRmsNorm(x, weight, node.attributes.eps)
    const normal = mul(x, inverse)
    const scaled = mul(g, weight)
    const projection = mul(sum(mul(scaled, normal), { axes: [-1], keepDims: true }), 1 / (width as number))
    const dx = mul(inverse, sub(scaled, mul(normal, projection)))
    // A product with a row of ones sums over the rows; a matrix product does that faster than a reduction over a long axis.
    const dWeight = matmul(full(1, [1, rows]), reshape(mul(g, normal), [rows, width]))
    return [dx, reshape(dWeight, [width])]
  },
}

/** SimplifiedLayerNormalization yields the normalised rows and the inverse deviation at once: made once for both ops. */
function normalised(context: Parameters<Op["emit"]>[0], x: string, weight: string, eps: number): string[] {
  const names = context.shared(`rms:${x}:${weight}:${eps}`, () =>
    context.nodes("SimplifiedLayerNormalization", [x, weight], { axis: -1, epsilon: { float: eps }, stash_type: 1 }, { outputs: 2 }).join(" "),
  )
  return names.split(" ")
}

const inverseRmsOp: Op<RmsNormAttributes> = {
  name: "inverseRms",
  evaluate: ([x], node) => {
    const width = x!.shape.at(-1)!
    const data = new Float64Array(x!.data.length / width)
    for (let i = 0; i < data.length; i++) data[i] = inverseRms(x!.data.subarray(i * width, (i + 1) * width), node.attributes.eps)
    return { shape: [...x!.shape.slice(0, -1), 1], data }
  },
  emit: (context, [x, weight], node) => normalised(context, x!, weight!, node.attributes.eps)[1]!,
}

function inverseRmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  return makeTensor(inverseRmsOp, [x, weight], { eps }, [...x.shape.slice(0, -1), 1])
}

/**
 * x / sqrt(mean(x^2) + eps) * weight over the last axis.
 * @throws ShapeError when weight is not [D] with D the (fixed) last axis of x
 * Source: arXiv:1910.07467.
 */
export function rmsNorm(x: Tensor, weight_D: Tensor, eps: number): Tensor {
  const width = x.shape.at(-1)
  if (typeof width !== "number" || weight_D.shape.length !== 1 || !dimEqual(weight_D.shape[0]!, width)) {
    throw new ShapeError(`rmsNorm: expected [..., D] and [D] with D fixed, got ${shapeToString(x.shape)} and ${shapeToString(weight_D.shape)}. Pass one weight per feature.`)
  }
  return makeTensor(rmsNormOp, [x, weight_D], { eps }, x.shape)
}

interface RopeAttributes {
  readonly headDim: number
}

const ropeOp: Op<RopeAttributes> = {
  name: "rope",
  evaluate: ([x, positions, cos, sin], node) => {
    const { headDim } = node.attributes
    const half = headDim / 2
    const width = x!.shape[2]!
    const data = new Float64Array(x!.data.length)
    positions!.data.forEach((position, row) => {
      for (let start = row * width; start < (row + 1) * width; start += headDim) {
        for (let i = 0; i < half; i++) {
          const [c, s] = [cos!.data[position * half + i]!, sin!.data[position * half + i]!]
          const [a, b] = [x!.data[start + i]!, x!.data[start + half + i]!]
          data[start + i] = a * c - b * s
          data[start + half + i] = b * c + a * s
        }
      }
    })
    return { shape: x!.shape, data }
  },
  emit: (context, inputs) => context.node("RotaryEmbedding", inputs, { interleaved: 0 }, { domain: "com.microsoft" }),
  gradient: (node, g) => {
    const [, positions, cos, sin] = node.inputs
    // A rotation's transpose is the rotation by the opposite angle.
    return [rope(g, positions!, cos!, neg(sin!), node.attributes.headDim), undefined, undefined, undefined]
  },
}

/**
 * Rotary position embedding on heads laid side by side.
 * @param x_BTW         [B, T, heads * headDim]
 * @param positions_BT  [B, T] i64
 * @param cos_PH        [P, headDim / 2] cosines by position; sin_PH likewise
 * Source: arXiv:2104.09864; halves layout (not interleaved), as in Hugging Face models.
 */
export function rope(x_BTW: Tensor, positions_BT: Tensor, cos_PH: Tensor, sin_PH: Tensor, headDim: number): Tensor {
  const width: Dim | undefined = x_BTW.shape[2]
  if (x_BTW.shape.length !== 3 || typeof width !== "number" || width % headDim !== 0 || headDim % 2 !== 0) {
    throw new ShapeError(`rope: expected [B, T, heads * ${headDim}] with an even head size, got ${shapeToString(x_BTW.shape)}. Flatten the heads into the last axis.`)
  }
  if (!dimEqual(cos_PH.shape[1] ?? 0, headDim / 2)) {
    throw new ShapeError(`rope: expected tables [P, ${headDim / 2}], got ${shapeToString(cos_PH.shape)}. Build them for this head size.`)
  }
  return makeTensor(ropeOp, [x_BTW, positions_BT, cos_PH, sin_PH], { headDim }, x_BTW.shape)
}

const customGradientOp: Op<{ readonly gradient: (g: Tensor) => readonly (Tensor | undefined)[] }> = {
  name: "customGradient",
  evaluate: ([value]) => value!,
  emit: (_context, [value]) => value!,
  gradient: (node, g) => [undefined, ...node.attributes.gradient(g)],
}

/**
 * The value of an expression with a gradient of one's own, for functions that are cheaper to differentiate by hand
 * (recomputing instead of keeping intermediates).
 * @param gradient  maps the gradient of `value` to those of `inputs`, in order
 */
export function customGradient(value: Tensor, inputs: readonly Tensor[], gradient: (g: Tensor) => readonly (Tensor | undefined)[]): Tensor {
  return makeTensor(customGradientOp, [value, ...inputs], { gradient }, value.shape)
}

