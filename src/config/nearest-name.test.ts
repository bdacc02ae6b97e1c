import * as fc from "fast-check"
import { expect, test } from "vitest"
import { editDistance, nearestName } from "./nearest-name.ts"

test("two swapped letters are one edit, as are one more, one less and one other", () => {
  expect(editDistance("gpro", "grpo")).toBe(1)
  expect(editDistance("grp", "grpo")).toBe(1)
  expect(editDistance("grppo", "grpo")).toBe(1)
  expect(editDistance("grpa", "grpo")).toBe(1)
  expect(editDistance("", "abc")).toBe(3)
})

test("the distance is zero for equal texts alone, symmetric, and at most the longer length", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const distance = editDistance(a, b)
      expect(distance === 0).toBe(a === b)
      expect(editDistance(b, a)).toBe(distance)
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
    }),
  )
})

test("other spellings of a name are near, other words are not", () => {
  const known = ["clipLow", "clipHigh", "learningRate"]
  expect(nearestName("clip_low", known)).toBe("clipLow")
  expect(nearestName("learning-rate", known)).toBe("learningRate")
  expect(nearestName("cliplo", known)).toBe("clipLow")
  expect(nearestName("temperature", known)).toBeUndefined()
})
