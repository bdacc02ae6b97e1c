/** How much memory a runtime holds for what lies between the inputs of an expression and its outputs. */
import { evaluateShape, type Bindings } from "./dim.ts"
import { inputName } from "./ops/leaf.ts"
import { topologicalOrder, type Tensor } from "./tensor.ts"
import { sizeOf } from "./value.ts"

export interface LiveBytes {
  /** Most that is held at once, outputs included and inputs not. */
  readonly peak: number
  /** What is still held at the end: the outputs. */
  readonly outputs: number
  /** Tensors of the expression. */
  readonly tensors: number
}

/** Ops whose result is their first operand's memory, seen another way. */
const VIEWS: ReadonlySet<string> = new Set(["reshape", "stopGradient", "customGradient"])

const BYTES = { f32: Float32Array.BYTES_PER_ELEMENT, i64: BigInt64Array.BYTES_PER_ELEMENT, i8: 1 } as const

/**
 * Walks an expression in the order in which onnxruntime runs it, frees each tensor after its last use, and keeps the largest sum.
 * Views cost nothing; no result takes the place of an operand.
 * @param bindings  values of the symbols of the inputs' shapes
 * @throws ShapeError when a symbol has no value
 */
export function liveBytes(outputs: readonly Tensor[], bindings: Bindings): LiveBytes {
  const order = runtimeOrder(topologicalOrder(outputs)).filter((tensor) => owner(tensor) === tensor)
  const uses = new Map<Tensor, number>()
  for (const operand of order.flatMap(operandsOf)) uses.set(operand, (uses.get(operand) ?? 0) + 1)
  const kept = new Set(outputs.map(owner))
  // What is fed was there before.
  const bytes = (tensor: Tensor): number =>
    inputName(tensor) === undefined ? sizeOf(evaluateShape(tensor.shape, bindings)) * BYTES[tensor.dtype] : 0
  let [live, peak] = [0, 0]
  for (const tensor of order) {
    live += bytes(tensor)
    peak = Math.max(peak, live)
    for (const operand of operandsOf(tensor)) {
      const left = uses.get(operand)! - 1
      uses.set(operand, left)
      if (left === 0 && !kept.has(operand)) live -= bytes(operand)
    }
  }
  return { peak, outputs: live, tensors: order.length }
}

/** The tensor whose memory a view looks at; a tensor that is no view is its own. */
function owner(tensor: Tensor): Tensor {
  let own = tensor
  while (VIEWS.has(own.op.name)) own = own.inputs[0]!
  return own
}

function operandsOf(tensor: Tensor): Tensor[] {
  return tensor.inputs.map(owner)
}

/**
 * The order of onnxruntime's sequential executor: depth first from the nodes that nothing reads, each time the one that was made
 * last first. Source: onnxruntime/core/graph/graph_viewer.cc (ReverseDFSFrom).
 * @param made  operands before those that read them
 */
function runtimeOrder(made: readonly Tensor[]): Tensor[] {
  const place = new Map(made.map((tensor, i) => [tensor, i]))
  const read = new Set(made.flatMap(({ inputs }) => inputs))
  const stack = made.filter((tensor) => !read.has(tensor))
  const entered = new Set<Tensor>()
  const left = new Set<Tensor>()
  while (stack.length > 0) {
    const tensor = stack.at(-1)!
    if (entered.has(tensor)) {
      stack.pop()
      left.add(tensor)
      continue
    }
    entered.add(tensor)
    const waiting = tensor.inputs.filter((operand) => !entered.has(operand))
    stack.push(...waiting.sort((a, b) => place.get(a)! - place.get(b)!))
  }
  return [...left]
}
