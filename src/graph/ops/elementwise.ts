/** Elementwise ops with numpy broadcasting. Gradients at kinks follow PyTorch: ties split evenly, clip keeps its bounds. */
import { broadcastShapes } from "../dim.ts"
import type { OnnxAttribute } from "../onnx/emit-context.ts"
import { makeTensor, type Op, type Tensor, type TensorLike } from "../tensor.ts"
import { elementwise, type Operand } from "../value.ts"
import { constant } from "./leaf.ts"
import { sumTo } from "./broadcast.ts"

/** A number becomes a scalar constant. */
export function asTensor(x: TensorLike): Tensor {
  return typeof x === "number" ? constant(x) : x
}

interface BinarySpec {
  readonly name: string
  readonly onnx: string
  readonly fill: (out: Float64Array, a: Operand, b: Operand) => void
  readonly gradient?: (a: Tensor, b: Tensor, out: Tensor, g: Tensor) => readonly [Tensor, Tensor]
  /** The ONNX op yields booleans: cast back to 0/1 floats. */
  readonly boolean?: boolean
}

function binary(spec: BinarySpec): (a: TensorLike, b: TensorLike) => Tensor {
  const { gradient } = spec
  const op: Op<undefined> = {
    name: spec.name,
    evaluate: (inputs) => elementwise(inputs, spec.fill),
    emit: (context, inputs) => {
      const out = context.node(spec.onnx, inputs)
      return spec.boolean === true ? context.node("Cast", [out], { to: 1 }) : out
    },
    ...(gradient === undefined
      ? {}
      : {
          gradient: (node: Tensor<undefined>, g: Tensor) => {
            const [a, b] = [node.inputs[0]!, node.inputs[1]!]
            const [da, db] = gradient(a, b, node as Tensor, g)
            return [sumTo(da, a.shape), sumTo(db, b.shape)]
          },
        }),
  }
  return (left, right) => {
    const [a, b] = [asTensor(left), asTensor(right)]
    return makeTensor(op, [a, b], undefined, broadcastShapes(spec.name, a.shape, b.shape))
  }
}

interface UnarySpec {
  readonly name: string
  readonly onnx: string
  readonly onnxAttributes?: Readonly<Record<string, OnnxAttribute>>
  readonly domain?: "com.microsoft"
  readonly apply: (x: number) => number
  readonly gradient: (x: Tensor, out: Tensor, g: Tensor) => Tensor
}

function unary(spec: UnarySpec): (x: TensorLike) => Tensor {
  const op: Op<undefined> = {
    name: spec.name,
    evaluate: ([x]) => ({ shape: x!.shape, data: x!.data.map(spec.apply) }),
    emit: (context, inputs) =>
      context.node(spec.onnx, inputs, spec.onnxAttributes, spec.domain === undefined ? {} : { domain: spec.domain }),
    gradient: (node, g) => [spec.gradient(node.inputs[0]!, node as Tensor, g)],
  }
  return (operand) => {
    const x = asTensor(operand)
    return makeTensor(op, [x], undefined, x.shape)
  }
}

type Binary = (a: TensorLike, b: TensorLike) => Tensor
type Unary = (x: TensorLike) => Tensor

export const add: Binary = binary({
  name: "add",
  onnx: "Add",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! + b.data[b.step * i]!
  },
  gradient: (_a, _b, _out, g) => [g, g],
})
export const sub: Binary = binary({
  name: "sub",
  onnx: "Sub",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! - b.data[b.step * i]!
  },
  gradient: (_a, _b, _out, g) => [g, neg(g)],
})
export const mul: Binary = binary({
  name: "mul",
  onnx: "Mul",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! * b.data[b.step * i]!
  },
  gradient: (a, b, _out, g) => [mul(g, b), mul(g, a)],
})
export const div: Binary = binary({
  name: "div",
  onnx: "Div",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! / b.data[b.step * i]!
  },
  gradient: (_a, b, out, g) => [div(g, b), neg(div(mul(g, out), b))],
})

/** 1 where the comparison holds, else 0; no gradient. */
export const greater: Binary = binary({
  name: "greater",
  onnx: "Greater",
  boolean: true,
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! > b.data[b.step * i]! ? 1 : 0
  },
})
export const greaterEqual: Binary = binary({
  name: "greaterEqual",
  onnx: "GreaterOrEqual",
  boolean: true,
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! >= b.data[b.step * i]! ? 1 : 0
  },
})
export const less: Binary = binary({
  name: "less",
  onnx: "Less",
  boolean: true,
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! < b.data[b.step * i]! ? 1 : 0
  },
})
export const lessEqual: Binary = binary({
  name: "lessEqual",
  onnx: "LessOrEqual",
  boolean: true,
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i]! <= b.data[b.step * i]! ? 1 : 0
  },
})
export const equal: Binary = binary({
  name: "equal",
  onnx: "Equal",
  boolean: true,
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = a.data[a.step * i] === b.data[b.step * i] ? 1 : 0
  },
})

/** Share of the gradient that the first operand of minimum or maximum receives: 1, 0, or one half at a tie. */
function winnerShare(wins: Tensor, a: Tensor, b: Tensor): Tensor {
  return add(wins, mul(equal(a, b), 0.5))
}

export const minimum: Binary = binary({
  name: "minimum",
  onnx: "Min",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.min(a.data[a.step * i]!, b.data[b.step * i]!)
  },
  gradient: (a, b, _out, g) => [mul(g, winnerShare(less(a, b), a, b)), mul(g, winnerShare(less(b, a), a, b))],
})
export const maximum: Binary = binary({
  name: "maximum",
  onnx: "Max",
  fill: (out, a, b) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.max(a.data[a.step * i]!, b.data[b.step * i]!)
  },
  gradient: (a, b, _out, g) => [mul(g, winnerShare(greater(a, b), a, b)), mul(g, winnerShare(greater(b, a), a, b))],
})

export const neg: Unary = unary({ name: "neg", onnx: "Neg", apply: (x) => -x, gradient: (_x, _out, g) => neg(g) })
export const exp: Unary = unary({ name: "exp", onnx: "Exp", apply: Math.exp, gradient: (_x, out, g) => mul(g, out) })
export const log: Unary = unary({ name: "log", onnx: "Log", apply: Math.log, gradient: (x, _out, g) => div(g, x) })
export const sqrt: Unary = unary({ name: "sqrt", onnx: "Sqrt", apply: Math.sqrt, gradient: (_x, out, g) => div(mul(g, 0.5), out) })
export const abs: Unary = unary({ name: "abs", onnx: "Abs", apply: Math.abs, gradient: (x, _out, g) => mul(g, sign(x)) })
export const reciprocal: Unary = unary({
  name: "reciprocal",
  onnx: "Reciprocal",
  apply: (x) => 1 / x,
  gradient: (_x, out, g) => neg(mul(g, mul(out, out))),
})
export const sigmoid: Unary = unary({
  name: "sigmoid",
  onnx: "Sigmoid",
  apply: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  gradient: (_x, out, g) => mul(g, mul(out, sub(1, out))),
})
export const tanh: Unary = unary({
  name: "tanh",
  onnx: "Tanh",
  apply: Math.tanh,
  gradient: (_x, out, g) => mul(g, sub(1, mul(out, out))),
})
export const relu: Unary = unary({ name: "relu", onnx: "Relu", apply: (x) => Math.max(x, 0), gradient: (x, _out, g) => mul(g, greater(x, 0)) })

/** x * sigmoid(x). */
export const silu: Unary = unary({
  name: "silu",
  onnx: "QuickGelu",
  onnxAttributes: { alpha: { float: 1 } },
  domain: "com.microsoft",
  apply: (x) => x / (1 + Math.exp(-x)),
  // d silu = s (1 + x - silu(x)), with s the sigmoid that the forward pass also needs.
  gradient: (x, out, g) => mul(g, mul(sigmoid(x), add(sub(x, out), 1))),
})

// gelu_tanh(x) = x sigmoid(x (GELU_SLOPE + GELU_CUBIC x^2)), since 1 + tanh(u) = 2 sigmoid(2u).
const GELU_SLOPE = 2 * Math.sqrt(2 / Math.PI)
const GELU_CUBIC = GELU_SLOPE * 0.044715

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Source: arXiv:1606.08415; "gelu_pytorch_tanh" of transformers. */
export const geluTanh: Unary = unary({
  name: "geluTanh",
  onnx: "FastGelu",
  domain: "com.microsoft",
  apply: (x) => x / (1 + Math.exp(-x * (GELU_SLOPE + GELU_CUBIC * x * x))),
  // With s the sigmoid and u its argument: d gelu = s + gelu (1 - s) u'.
  gradient: (x, out, g) => {
    const squared = square(x)
    const gate = sigmoid(mul(x, add(mul(squared, GELU_CUBIC), GELU_SLOPE)))
    const slope = add(mul(squared, 3 * GELU_CUBIC), GELU_SLOPE)
    return mul(g, add(gate, mul(mul(out, sub(1, gate)), slope)))
  },
})

export function square(x: TensorLike): Tensor {
  const operand = asTensor(x)
  return mul(operand, operand)
}

const signOp: Op<undefined> = {
  name: "sign",
  evaluate: ([x]) => ({ shape: x!.shape, data: x!.data.map(Math.sign) }),
  emit: (context, inputs) => context.node("Sign", inputs),
}
/** -1, 0 or 1; no gradient. */
export function sign(x: TensorLike): Tensor {
  const operand = asTensor(x)
  return makeTensor(signOp, [operand], undefined, operand.shape)
}

const stopGradientOp: Op<undefined> = {
  name: "stopGradient",
  evaluate: ([x]) => x!,
  emit: (_context, inputs) => inputs[0]!,
}
/** The same value; gradients end here. */
export function stopGradient(x: Tensor): Tensor {
  return makeTensor(stopGradientOp, [x], undefined, x.shape, x.dtype)
}

const whereOp: Op<undefined> = {
  name: "where",
  evaluate: (inputs) =>
    elementwise(inputs, (out, condition, a, b) => {
      for (let i = 0; i < out.length; i++) out[i] = condition!.data[condition!.step * i] === 0 ? b!.data[b!.step * i]! : a!.data[a!.step * i]!
    }),
  emit: (context, [condition, a, b]) => context.node("Where", [context.node("Cast", [condition!], { to: 9 }), a!, b!]),
  gradient: (node, g) => {
    const [condition, a, b] = [node.inputs[0]!, node.inputs[1]!, node.inputs[2]!]
    return [undefined, sumTo(where(condition, g, 0), a.shape), sumTo(where(condition, 0, g), b.shape)]
  },
}
/** `a` where the condition is not 0, else `b`; the branch not taken receives no gradient, so its NaN does no harm. */
export function where(condition: Tensor, left: TensorLike, right: TensorLike): Tensor {
  const [a, b] = [asTensor(left), asTensor(right)]
  const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", a.shape, b.shape))
  return makeTensor(whereOp, [condition, a, b], undefined, shape)
}

/** x limited to [low, high]; the gradient passes to x inside and at the bounds, and to the bound that holds outside. */
export function clip(x: Tensor, low: TensorLike, high: TensorLike): Tensor {
  const [lower, upper] = [asTensor(low), asTensor(high)]
  const inside = mul(greaterEqual(x, lower), lessEqual(x, upper))
  return where(inside, x, minimum(maximum(stopGradient(x), lower), upper))
}

