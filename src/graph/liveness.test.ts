import { expect, test } from "vitest"
import * as g from "./index.ts"

const N = g.dim("N")
const bytes = (floats: number): number => 4 * floats

test("a chain holds a result and its operand, and at the end the output alone", () => {
  const x = g.input("x", [N])
  const output = g.exp(g.exp(g.exp(x)))
  expect(g.liveBytes([output], { N: 10 })).toMatchObject({ peak: bytes(20), outputs: bytes(10), tensors: 4 })
})

test("what the backward pass reads again is held until then", () => {
  const x = g.input("x", [N])
  const loss = g.sum(g.exp(g.exp(g.exp(x))))
  const [dx] = g.gradients(loss, [x])
  // Three results, and two gradients while the second is made of the first.
  expect(g.liveBytes([dx!], { N: 1000 }).peak).toBeGreaterThanOrEqual(bytes(4000))
  expect(g.liveBytes([dx!], { N: 1000 }).peak).toBeLessThan(bytes(5100))
})

test("a view costs nothing and keeps what it looks at", () => {
  const x = g.input("x", [N, 2])
  const powers = g.exp(x)
  const view = g.reshape(powers, [2, N])
  expect(g.liveBytes([view], { N: 8 })).toMatchObject({ peak: bytes(16), outputs: bytes(16) })
  expect(g.liveBytes([g.exp(view)], { N: 8 }).peak).toBe(bytes(32))
})

test("inputs count as nothing, and outputs stay to the end", () => {
  const x = g.input("x", [N])
  expect(g.liveBytes([x], { N: 8 })).toMatchObject({ peak: 0, outputs: 0 })
  const early = g.exp(x)
  expect(g.liveBytes([early, g.exp(g.exp(early))], { N: 8 })).toMatchObject({ peak: bytes(24), outputs: bytes(16) })
})

test("integers take eight bytes", () => {
  const tokens = g.input("tokens", [N], "i64")
  const table = g.input("table", [5, 3])
  expect(g.liveBytes([g.embedding(table, g.stopGradient(tokens))], { N: 2 }).peak).toBe(bytes(6))
})

test("gradient checkpointing holds the boundaries and one segment", () => {
  const x = g.input("x", [N])
  const boundaries = [x]
  let y = x
  for (let segment = 0; segment < 8; segment++) {
    for (let i = 0; i < 8; i++) y = g.exp(g.mul(y, 0.5))
    boundaries.push(y)
  }
  const loss = g.sum(y)
  const whole = g.liveBytes(g.gradients(loss, [x]), { N: 1000 }).peak
  const pieces = g.liveBytes(g.gradients(loss, [x], { checkpoints: boundaries }), { N: 1000 }).peak
  expect(whole).toBeGreaterThan(bytes(64_000))
  expect(pieces).toBeLessThan(whole / 3)
})

test("a symbol without a value is an error", () => {
  expect(() => g.liveBytes([g.exp(g.input("x", [N]))], {})).toThrow("expected a value for N")
})
