import { expect, test } from "vitest"
import { inputsOf, runOnnx, worstRelative } from "./check.test-helper.ts"
import * as g from "./index.ts"
import type { Tensor, Value } from "./index.ts"

const N = g.dim("N")

function stack(layers: number): { loss: Tensor; weights: Tensor[]; boundaries: Tensor[]; feeds: Record<string, Value> } {
  const feeds: Record<string, Value> = {}
  const value = (shape: number[], phase: number): Value =>
    g.makeValue(shape, Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 0.7 + phase)))
  let x = g.input("x", [N, 4])
  feeds["x"] = value([3, 4], 0.1)
  const weights: Tensor[] = []
  const boundaries: Tensor[] = []
  for (let layer = 0; layer < layers; layer++) {
    boundaries.push(x)
    const w = g.input(`w${layer}`, [4, 4])
    feeds[`w${layer}`] = value([4, 4], layer)
    weights.push(w)
    x = g.add(x, g.silu(g.matmul(g.rmsNorm(x, g.constant([1, 0.9, 1.1, 1]), 1e-6), w, { transposeB: true })))
  }
  boundaries.push(x)
  return { loss: g.sum(g.square(x)), weights, boundaries, feeds }
}

test("gradient checkpointing gives the same gradients, in the interpreter and on onnxruntime", async () => {
  const { loss, weights, boundaries, feeds } = stack(4)
  const plain = g.evaluate(g.gradients(loss, weights), feeds)
  const rewritten = g.gradients(loss, weights, { checkpoints: boundaries })
  g.evaluate(rewritten, feeds).forEach((value, i) => {
    expect(worstRelative(value.data, plain[i]!.data)).toBeLessThan(1e-12)
  })
  const onnx = await runOnnx(Object.fromEntries(rewritten.map((tensor, i) => [`d${i}`, tensor])), feeds)
  plain.forEach((value, i) => {
    expect(worstRelative(onnx[`d${i}`]!, value.data)).toBeLessThan(1e-5)
  })
})

test("with checkpoints no tensor between two boundaries is read by the backward pass", () => {
  const { loss, weights, boundaries } = stack(3)
  const between = new Set<Tensor>()
  const collect = (tensor: Tensor, stop: Tensor): void => {
    if (tensor === stop || between.has(tensor) || tensor.inputs.length === 0) return
    between.add(tensor)
    for (const input of tensor.inputs) collect(input, stop)
  }
  for (let i = 0; i + 1 < boundaries.length; i++) {
    for (const input of boundaries[i + 1]!.inputs) collect(input, boundaries[i]!)
  }
  const forward = new Set<Tensor>()
  const walk = (tensor: Tensor, into: Set<Tensor>): void => {
    if (into.has(tensor)) return
    into.add(tensor)
    for (const input of tensor.inputs) walk(input, into)
  }
  walk(loss, forward)
  const backward = new Set<Tensor>()
  for (const gradient of g.gradients(loss, weights, { checkpoints: boundaries })) walk(gradient, backward)
  const readers = [...backward].filter((tensor) => !forward.has(tensor)).filter((tensor) => tensor.inputs.some((input) => between.has(input)))
  expect(between.size).toBeGreaterThan(5)
  expect(readers).toEqual([])
})

test("a custom gradient replaces the expression's own", () => {
  const x = g.input("x", [2])
  const y = g.customGradient(g.square(x), [x], (upstream) => [g.mul(upstream, 10)])
  const [value, derivative] = g.evaluate([y, ...g.gradients(g.sum(y), [x])], { x: g.makeValue([2], [1, 3]) })
  expect([...value!.data]).toEqual([1, 9])
  expect([...derivative!.data]).toEqual([10, 10])
})

test("gradients with respect to intermediates are those that reach them", () => {
  const x = g.input("x", [2])
  const middle = g.exp(x)
  const [derivative] = g.evaluate(g.gradients(g.sum(g.square(middle)), [middle]), { x: g.makeValue([2], [0, 1]) })
  expect(derivative!.data[0]).toBeCloseTo(2, 12)
  expect(derivative!.data[1]).toBeCloseTo(2 * Math.E, 12)
})

test("inputs are named once, in the order they are met", () => {
  const { loss } = stack(2)
  expect(inputsOf([loss])).toHaveLength(3)
  expect(g.inputNames({ loss })).toEqual(["x", "w0", "w1"])
})
