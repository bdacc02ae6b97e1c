import { isDeepStrictEqual } from "node:util"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { decodeState, encodeState } from "./state-codec.ts"

const leaf = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, -0, 5e-324),
  fc.float32Array(),
  fc.float64Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.uint8Array(),
)
const key = fc.oneof(fc.string(), fc.constantFrom("$", "__proto__", "constructor", "data"))
const state = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

describe("state", () => {
  test("comes back bit for bit, whatever it holds", () => {
    // isDeepStrictEqual tells -0 from 0, an absent key from undefined, and one typed array from another.
    const comesBack = fc.property(state, (value) => {
      const text = encodeState(value)
      expect(isDeepStrictEqual(decodeState(text), value), text).toBe(true)
    })
    fc.assert(comesBack, { numRuns: 500 })
  })

  test("keeps every bit of a float, also of one that is not a number", () => {
    const bits = new Uint32Array([0x7fc0_1234, 0xffc0_0001, 0x8000_0000, 0x0000_0001])
    const decoded = decodeState(encodeState({ moments: new Float32Array(bits.buffer) })) as { moments: Float32Array }
    expect(new Uint32Array(decoded.moments.buffer)).toEqual(bits)
  })

  test("takes only the viewed part of a larger buffer", () => {
    const view = new Float32Array([1, 2, 3, 4]).subarray(1, 3)
    expect(decodeState(encodeState(view))).toEqual(new Float32Array([2, 3]))
  })

  test("of plain values is plain JSON", () => {
    expect(JSON.parse(encodeState({ step: 3, window: [0.5, 0.25] }))).toEqual({ step: 3, window: [0.5, 0.25] })
  })

  test("does not touch the prototype of what it reads", () => {
    const value = decodeState('{"__proto__": {"polluted": true}}') as Record<string, unknown>
    expect(value["polluted"]).toBeUndefined()
    expect(Object.hasOwn(value, "__proto__")).toBe(true)
  })

  test.each([
    ["a Map", { a: [new Map()] }, "state.a[0]"],
    ["a function", { f: () => 1 }, "state.f"],
    ["a date", { when: new Date(0) }, "state.when"],
  ])("that holds %s is refused with its path", (_, value, path) => {
    expect(() => encodeState(value)).toThrow(CheckpointError)
    expect(() => encodeState(value)).toThrow(path)
  })

  test("with a cycle is refused, the same object twice is not", () => {
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    expect(() => encodeState(cycle)).toThrow("a cycle")
    const shared = { a: 1 }
    expect(decodeState(encodeState([shared, shared]))).toEqual([shared, shared])
  })

  test.each([["{"], ['{"$":"f32","data":"AAA="}'], ['{"$":"map"}'], ['{"$":"bigint","value":"1x"}']])(
    "text that is not its own is refused: %s",
    (text) => {
      expect(() => decodeState(text)).toThrow(CheckpointError)
    },
  )
})
