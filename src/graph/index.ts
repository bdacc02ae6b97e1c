/** Typed tensor expressions: build them with functions, differentiate, interpret in float64, compile to ONNX. */
export { dim, dimAdd, dimEqual, dimMul, shapeSize, shapeToString } from "./dim.ts"
export type { Bindings, Dim, Shape, SymbolicDim } from "./dim.ts"
export type { DType, Op, Tensor, TensorLike, Value } from "./tensor.ts"
export { makeValue } from "./value.ts"
export { constant, full, input, inputName } from "./ops/leaf.ts"
export {
  abs,
  add,
  clip,
  div,
  equal,
  exp,
  geluTanh,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sign,
  silu,
  sqrt,
  square,
  stopGradient,
  sub,
  tanh,
  where,
} from "./ops/elementwise.ts"
export { max, mean, sum } from "./ops/reduce.ts"
export type { ReduceOptions } from "./ops/reduce.ts"
export { expand } from "./ops/broadcast.ts"
export { concat, reshape, sizeTensor, slice, transpose } from "./ops/shape-ops.ts"
export { matmul } from "./ops/matmul.ts"
export { matmulInt8 } from "./ops/matmul-int8.ts"
export type { MatmulOptions } from "./ops/matmul.ts"
export { attentionBias, embedding, oneHot, selectRows, takeAlong } from "./ops/index-ops.ts"
export { customGradient, logSoftmax, rmsNorm, rope, softmax } from "./ops/neural.ts"
export { gradients } from "./gradients.ts"
export type { GradientOptions } from "./gradients.ts"
export { liveBytes } from "./liveness.ts"
export type { LiveBytes } from "./liveness.ts"
export { evaluate } from "./evaluate.ts"
export type { Feeds } from "./evaluate.ts"
export { emitOnnx, inputNames } from "./onnx/emit.ts"
export type { Initializer } from "./onnx/emit.ts"
