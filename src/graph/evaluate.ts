/**
 * Float64 interpreter: the meaning of a graph, without a runtime. Used by finite-difference tests, and to evaluate an
 * objective's gradient with respect to log-probs for engines that compute no losses of ours.
 */
import { ShapeError } from "../errors.ts"
import { evaluateShape, shapeToString, type Bindings } from "./dim.ts"
import { inputName } from "./ops/leaf.ts"
import { topologicalOrder, type Tensor, type Value } from "./tensor.ts"

/** Values of the inputs by name. */
export type Feeds = Readonly<Record<string, Value>>

/**
 * @returns one value per output, in order
 * @throws ShapeError when an input is missing or its shape does not fit
 */
export function evaluate(outputs: readonly Tensor[], feeds: Feeds): Value[] {
  const order = topologicalOrder(outputs)
  const bindings = bindSymbols(order, feeds)
  const values = new Map<Tensor, Value>()
  for (const tensor of order) {
    const name = inputName(tensor)
    values.set(
      tensor,
      name === undefined
        ? tensor.op.evaluate(
            tensor.inputs.map((input) => values.get(input)!),
            tensor,
            bindings,
          )
        : feeds[name]!,
    )
  }
  return outputs.map((output) => values.get(output)!)
}

/** Reads the symbols' values off the inputs' shapes, and checks every input. */
function bindSymbols(order: readonly Tensor[], feeds: Feeds): Bindings {
  const bindings: Record<string, number> = {}
  const inputs = order.flatMap((tensor) => {
    const name = inputName(tensor)
    return name === undefined ? [] : [{ tensor, name }]
  })
  for (const { tensor, name } of inputs) {
    const value = feeds[name]
    if (value === undefined) throw new ShapeError(`evaluate: expected a value for input ${name}, got none. Feed it.`)
    tensor.shape.forEach((dim, axis) => {
      if (typeof dim !== "number" && dim.terms.length === 1 && dim.key === dim.terms[0]![0] && !dim.key.includes("*")) {
        bindings[dim.key] ??= value.shape[axis] ?? 0
      }
    })
  }
  for (const { tensor, name } of inputs) {
    const expected = evaluateShape(tensor.shape, bindings)
    const got = feeds[name]!.shape
    if (expected.length !== got.length || expected.some((size, axis) => size !== got[axis])) {
      throw new ShapeError(`evaluate: expected input ${name} of shape ${shapeToString(tensor.shape)} = [${expected.join(", ")}], got [${got.join(", ")}]. Feed the right tensor.`)
    }
  }
  return bindings
}
