/** Gradient checkpointing as a rewrite of the backward pass. */
import { makeTensor, topologicalOrder, type Op, type Tensor } from "./tensor.ts"
import { add, mul } from "./ops/elementwise.ts"
import { reshape, slice } from "./ops/shape-ops.ts"

/**
 * Rewrites gradients so that they read recomputed copies of the forward tensors between two checkpoints.
 *
 * A copy starts from its segment's first boundary plus zero times an entry of the gradient that enters the segment from
 * behind: the sum depends on that gradient, so a runtime can neither merge the copy with the original nor compute it early.
 *
 * @param forward      tensors of the forward pass in topological order
 * @param checkpoints  boundaries in forward order; what comes before the first and after the last is kept as it is
 * @param upstream     gradient of each forward tensor
 * @param results      gradients to rewrite
 */
export function recompute(
  forward: readonly Tensor[],
  checkpoints: readonly Tensor[],
  upstream: ReadonlyMap<Tensor, Tensor>,
  results: readonly Tensor[],
): Tensor[] {
  const segment = segments(forward, checkpoints)
  const copies = new Map<Tensor, Tensor>()
  const rewritten = new Map<Tensor, Tensor>()
  const starts = new Map<number, Tensor>()
  const startOf = (home: number): Tensor => {
    const boundary = checkpoints[home]!
    const gradient = upstream.get(checkpoints[home + 1]!)
    const start = starts.get(home) ?? (gradient === undefined ? boundary : delayed(boundary, rewritten.get(gradient) ?? gradient))
    starts.set(home, start)
    return start
  }

  const copyOf = (tensor: Tensor, home: number): Tensor => {
    const known = copies.get(tensor)
    if (known !== undefined) return known
    const copy =
      tensor === checkpoints[home]
        ? startOf(home)
        : withInputs(tensor, tensor.inputs.map((input) => (segment.get(input) === home || input === checkpoints[home] ? copyOf(input, home) : input)))
    if (tensor !== checkpoints[home]) copies.set(tensor, copy)
    return copy
  }

  const isForward = new Set(forward)
  // Gradients of the boundaries first, last boundary first: a segment's copy starts from the rewritten gradient behind it.
  const entries = checkpoints.flatMap((boundary) => upstream.get(boundary) ?? []).reverse()
  for (const tensor of topologicalOrder([...entries, ...results])) {
    if (isForward.has(tensor)) continue
    const inputs = tensor.inputs.map((input) => {
      const home = segment.get(input)
      if (home !== undefined) return copyOf(input, home)
      return rewritten.get(input) ?? input
    })
    rewritten.set(tensor, withInputs(tensor, inputs))
  }
  return results.map((result) => rewritten.get(result) ?? result)
}

/** For each forward tensor strictly between two checkpoints: the index of the one before it. */
function segments(forward: readonly Tensor[], checkpoints: readonly Tensor[]): Map<Tensor, number> {
  const boundary = new Map(checkpoints.map((tensor, i) => [tensor, i]))
  const home = new Map<Tensor, number>()
  const latest = new Map<Tensor, number>()
  for (const tensor of forward) {
    const at = boundary.get(tensor) ?? Math.max(-1, ...tensor.inputs.map((input) => latest.get(input) ?? -1))
    latest.set(tensor, at)
    if (at >= 0 && at < checkpoints.length - 1 && !boundary.has(tensor)) home.set(tensor, at)
  }
  return home
}

function delayed(tensor: Tensor, gradient: Tensor): Tensor {
  let entry = gradient
  for (let axis = 0; axis < gradient.shape.length; axis++) entry = slice(entry, axis, 0, 1)
  return add(tensor, mul(reshape(entry, []), 0))
}

function withInputs(tensor: Tensor, inputs: readonly Tensor[]): Tensor {
  if (inputs.every((input, i) => input === tensor.inputs[i])) return tensor
  return makeTensor(tensor.op as Op, inputs, tensor.attributes, tensor.shape, tensor.dtype)
}
