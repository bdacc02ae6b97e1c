import { describe, expect, test } from "vitest"
import { checkOp } from "./check.test-helper.ts"
import * as g from "./index.ts"
import type { Tensor, Value } from "./index.ts"

let counter = 0
/** Smooth pseudo-random numbers, away from kinks at 0 by more than the difference step. */
function random(shape: number[], low = -2, high = 2): Value {
  const size = shape.reduce((a, b) => a * b, 1)
  const data = Array.from({ length: size }, () => {
    counter += 1
    const u = Math.abs(Math.sin(counter * 12.9898) * 43758.5453) % 1
    return low + (high - low) * u
  })
  return g.makeValue(shape, data)
}
const B = g.dim("B")
const T = g.dim("T")

interface Case {
  readonly title: string
  readonly output: Tensor
  readonly feeds: Record<string, Value>
}

function unaryCase(title: string, f: (x: Tensor) => Tensor, low = -2, high = 2): Case {
  const x = g.input("x", [B, 3])
  return { title, output: f(x), feeds: { x: random([4, 3], low, high) } }
}

function binaryCase(title: string, f: (a: Tensor, b: Tensor) => Tensor, low = -2): Case {
  const a = g.input("a", [B, T, 3])
  const b = g.input("b", [T, 1])
  return { title, output: f(a, b), feeds: { a: random([2, 4, 3], low), b: random([4, 1], low) } }
}

const cases: Case[] = [
  unaryCase("neg", g.neg),
  unaryCase("exp", g.exp),
  unaryCase("log", g.log, 0.3),
  unaryCase("sqrt", g.sqrt, 0.3),
  unaryCase("abs", g.abs),
  unaryCase("reciprocal", g.reciprocal, 0.5),
  unaryCase("sigmoid", g.sigmoid),
  unaryCase("tanh", g.tanh),
  unaryCase("relu", g.relu),
  unaryCase("silu", g.silu),
  unaryCase("geluTanh", g.geluTanh),
  unaryCase("geluTanh far from zero", g.geluTanh, -40, 40),
  unaryCase("square", g.square),
  unaryCase("sign (no gradient)", g.sign),
  unaryCase("clip between numbers", (x) => g.clip(x, -1, 0.5)),
  unaryCase("softmax", g.softmax),
  unaryCase("logSoftmax", g.logSoftmax),
  unaryCase("sum over all", (x) => g.sum(x)),
  unaryCase("sum over an axis", (x) => g.sum(x, { axes: [0] })),
  unaryCase("sum that keeps its axis", (x) => g.sum(x, { axes: [-1], keepDims: true })),
  unaryCase("mean over a symbolic axis", (x) => g.mean(x, { axes: [0] })),
  unaryCase("max over an axis", (x) => g.max(x, { axes: [1] })),
  unaryCase("reshape", (x) => g.mul(g.reshape(x, [3, B]), g.constant([1, 2, 3], [3, 1]))),
  unaryCase("transpose", (x) => g.mul(g.transpose(x, [1, 0]), g.constant([1, 2, 3], [3, 1]))),
  unaryCase("expand", (x) => g.expand(g.reshape(x, [B, 1, 3]), [B, 2, 3])),
  unaryCase("slice in the middle", (x) => g.slice(x, 1, 1, 2)),
  unaryCase("slice with symbolic bounds", (x) => g.slice(x, 0, 1, B)),
  unaryCase("concat", (x) => g.concat([x, g.exp(x), g.full(2, [B, 1])], 1)),
  binaryCase("add", g.add),
  binaryCase("sub", g.sub),
  binaryCase("mul", g.mul),
  binaryCase("div", g.div, 0.4),
  binaryCase("minimum", g.minimum),
  binaryCase("maximum", g.maximum),
  binaryCase("clip between tensors", (a, b) => g.clip(a, g.sub(b, 1), g.add(b, 1))),
  binaryCase("where", (a, b) => g.where(g.greater(a, b), g.mul(a, b), b)),
  binaryCase("comparisons (no gradient)", (a, b) => g.add(g.add(g.lessEqual(a, b), g.greaterEqual(a, b)), g.add(g.less(a, b), g.equal(a, b)))),
]

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    for (const batch of [[], [B]]) {
      const lead = batch.map(() => 2)
      const a = g.input("a", [...batch, ...(transposeA ? [3, T] : [T, 3])])
      const b = g.input("b", [...batch, ...(transposeB ? [5, 3] : [3, 5])])
      cases.push({
        title: `matmul ${transposeA ? "A^T" : "A"} ${transposeB ? "B^T" : "B"} of rank ${2 + batch.length}`,
        output: g.matmul(a, b, { transposeA, transposeB, scale: 0.7 }),
        feeds: { a: random([...lead, ...(transposeA ? [3, 4] : [4, 3])]), b: random([...lead, ...(transposeB ? [5, 3] : [3, 5])]) },
      })
    }
  }
}

const integers = (shape: number[], data: number[]): Value => g.makeValue(shape, data)
cases.push(
  {
    title: "embedding with a repeated index",
    output: g.embedding(g.input("table", [5, 3]), g.input("ids", [B, T], "i64")),
    feeds: { table: random([5, 3]), ids: integers([2, 3], [1, 4, 1, 1, 0, 2]) },
  },
  {
    title: "takeAlong",
    output: g.takeAlong(g.input("x", [B, T, 4]), g.input("ids", [B, T], "i64")),
    feeds: { x: random([2, 3, 4]), ids: integers([2, 3], [1, 3, 0, 2, 2, 1]) },
  },
  {
    title: "selectRows",
    output: g.selectRows(g.input("x", [B, 3]), g.input("rows", [T], "i64"), g.input("inverse", [B], "i64")),
    feeds: { x: random([4, 3]), rows: integers([3], [2, 0, 3]), inverse: integers([4], [1, 3, 0, 2]) },
  },
  {
    title: "rmsNorm",
    output: g.rmsNorm(g.input("x", [B, T, 4]), g.input("weight", [4]), 1e-5),
    feeds: { x: random([2, 3, 4]), weight: random([4], 0.5) },
  },
)

test.each(cases)("the gradient of $title equals finite differences, and onnxruntime computes the same", async ({ output, feeds }) => {
  const { finiteDifference, runtime } = await checkOp(output, feeds)
  expect(finiteDifference).toBeLessThan(1e-7)
  expect(runtime).toBeLessThan(2e-5)
})

test("the gradient of rope equals finite differences, and onnxruntime computes the same", async () => {
  const angles = Array.from({ length: 8 * 2 }, (_, i) => (Math.floor(i / 2) + 1) * (i % 2 === 0 ? 1 : 0.1))
  const cos = g.constant(angles.map(Math.cos), [8, 2])
  const sin = g.constant(angles.map(Math.sin), [8, 2])
  const output = g.rope(g.input("x", [B, T, 8]), g.input("positions", [B, T], "i64"), cos, sin, 4)
  const { finiteDifference, runtime } = await checkOp(output, { x: random([2, 3, 8]), positions: integers([2, 3], [0, 1, 2, 5, 6, 7]) })
  expect(finiteDifference).toBeLessThan(1e-7)
  expect(runtime).toBeLessThan(2e-5)
})

describe("kinks follow PyTorch", () => {
  const x = g.input("x", [4])
  const derivative = (f: Tensor): number[] => [...g.evaluate(g.gradients(g.sum(f), [x]), { x: g.makeValue([4], [-1, 0.5, 0.5, 2]) })[0]!.data]
  test("clip passes the gradient inside and at its bounds", () => {
    expect(derivative(g.clip(x, -1, 0.5))).toEqual([1, 1, 1, 0])
  })
  test("minimum splits the gradient of a tie evenly", () => {
    expect(derivative(g.minimum(x, g.constant([0.5, 0.5, 0.5, 0.5])))).toEqual([1, 0.5, 0.5, 0])
  })
  test("max shares the gradient among equal winners", () => {
    expect(derivative(g.max(g.minimum(x, 0.5)))).toEqual([0, 0.5 / 3, 0.5 / 3, 0])
  })
})

test("stopGradient and the branch that where does not take pass no gradient", () => {
  const x = g.input("x", [3])
  const y = g.add(g.mul(g.stopGradient(x), x), g.where(g.greater(x, 0), g.log(x), 0))
  const [d] = g.evaluate(g.gradients(g.sum(y), [x]), { x: g.makeValue([3], [-1, 2, 4]) })
  expect([...d!.data]).toEqual([-1, 2.5, 4.25])
})

test("a tensor the scalar does not depend on has a zero gradient", () => {
  const [x, y] = [g.input("x", [2]), g.input("y", [3])]
  const [d] = g.evaluate(g.gradients(g.sum(x), [y]), { x: g.makeValue([2], [1, 2]), y: g.makeValue([3], [1, 2, 3]) })
  expect([...d!.data]).toEqual([0, 0, 0])
})

describe("errors name the op, the shapes and the fix", () => {
  const x = g.input("x", [B, 3])
  test.each([
    ["add: expected shapes that broadcast, got [B, 3] and [B, 4]. Make axis -1", () => g.add(x, g.input("y", [B, 4]))],
    ["matmul: expected [..., M, K] and [..., K, N], got [B, 3] and [B, 3]. Make the inner", () => g.matmul(x, x)],
    ["reshape: expected a shape of as many elements as [B, 3], got [B, 2]", () => g.reshape(x, [B, 2])],
    ["gradients: expected a scalar to differentiate, got shape [B, 3]. Sum it first.", () => g.gradients(x, [x])],
    ["embedding: expected i64 indices, got f32", () => g.embedding(x, g.input("i", [B]))],
    ["sum: expected an axis in -2..1, got 2", () => g.sum(x, { axes: [2] })],
    ["concat: expected shapes equal but for axis 1, got [B, 3] and [T, 3]", () => g.concat([x, g.input("z", [T, 3])], 1)],
    ["emitOnnx: expected unique names, got x twice", () => g.emitOnnx({ out: g.add(x, g.input("x", [B, 3])) })],
    ["evaluate: expected a value for input x, got none", () => g.evaluate([x], {})],
  ])("%s", (message, build) => {
    expect(build).toThrow(message)
  })
})
