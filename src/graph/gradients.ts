/** Reverse-mode differentiation: builds the expressions of the gradients. */
import { ShapeError } from "../errors.ts"
import { shapeEqual, shapeToString } from "./dim.ts"
import { add } from "./ops/elementwise.ts"
import { full } from "./ops/leaf.ts"
import { recompute } from "./recompute.ts"
import { topologicalOrder, type Tensor } from "./tensor.ts"

export interface GradientOptions {
  /**
   * Boundaries of segments for gradient checkpointing, in forward order: what lies between two of them is computed again in
   * the backward pass instead of being kept. Source: arXiv:1604.06174.
   */
  readonly checkpoints?: readonly Tensor[]
}

/**
 * Gradients of a scalar with respect to tensors of its expression, intermediates included.
 * @returns one tensor per entry of `wrt`, of its shape; zeros where the scalar does not depend on it
 * @throws ShapeError when `output` is not a scalar
 */
export function gradients(output: Tensor, wrt: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  if (output.shape.length !== 0) {
    throw new ShapeError(`gradients: expected a scalar to differentiate, got shape ${shapeToString(output.shape)}. Sum it first.`)
  }
  const order = topologicalOrder([output])
  const needed = dependents(order, wrt)
  const upstream = new Map<Tensor, Tensor>([[output, full(1, [])]])
  for (let i = order.length - 1; i >= 0; i--) {
    const tensor = order[i]!
    const g = upstream.get(tensor)
    if (g === undefined || !needed.has(tensor) || tensor.op.gradient === undefined) continue
    const parts = tensor.op.gradient(tensor, g)
    tensor.inputs.forEach((input, position) => {
      const part = parts[position]
      if (part === undefined || !needed.has(input)) return
      if (!shapeEqual(part.shape, input.shape)) {
        throw new ShapeError(
          `gradients: expected the gradient of ${tensor.op.name} to have shape ${shapeToString(input.shape)}, got ${shapeToString(part.shape)}. Fix the op's rule.`,
        )
      }
      const before = upstream.get(input)
      upstream.set(input, before === undefined ? part : add(before, part))
    })
  }
  const results = wrt.map((tensor) => upstream.get(tensor) ?? full(0, tensor.shape))
  return options.checkpoints === undefined ? results : recompute(order, options.checkpoints, upstream, results)
}

/** Tensors of `order` that depend on any of `wrt` (those included): only they carry gradients. */
function dependents(order: readonly Tensor[], wrt: readonly Tensor[]): Set<Tensor> {
  const found = new Set<Tensor>(wrt)
  for (const tensor of order) {
    if (tensor.inputs.some((input) => found.has(input))) found.add(tensor)
  }
  return found
}
