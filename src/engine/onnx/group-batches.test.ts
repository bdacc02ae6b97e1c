import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { TokenSequence } from "../engine.ts"
import { extentOf, groupBatches } from "./group-batches.ts"

function sequence(prompt: number, promptLength: number, length: number): TokenSequence {
  return {
    promptTokens: Array.from({ length: promptLength }, (_, t) => prompt + t),
    responseTokens: Array.from({ length }, () => 1),
  }
}

describe("groups of a batch", () => {
  test("responses with the same prompt run together, whatever their order", () => {
    const sequences = [sequence(10, 3, 2), sequence(20, 3, 2), sequence(10, 3, 4), sequence(20, 3, 1)]
    const batches = groupBatches(sequences, 1000)
    expect(batches).toHaveLength(1)
    expect(batches[0]!.map(({ members }) => members)).toEqual([
      [2, 0],
      [1, 3],
    ])
    expect(extentOf(batches[0]!, sequences)).toEqual({ prompts: 2, promptTime: 2, responses: 2, time: 4 })
  })

  test("a group beyond the budget is cut, responses of like length together; a sequence beyond it runs alone", () => {
    const lengths = [5, 1, 5, 30, 1]
    const batches = groupBatches(
      lengths.map((length) => sequence(10, 4, length)),
      14,
    )
    expect(batches.map((batch) => batch.map(({ members }) => members))).toEqual([[[0, 2]], [[1, 4]], [[3]]])
  })

  test("every sequence runs once, and slots stay within the budget but for one that runs alone", () => {
    const shape = fc.tuple(
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 20 }),
    )
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 4, max: 200 }),
        (shapes, budget) => {
          const sequences = shapes.map(([prompt, promptLength, length]) => sequence(prompt * 100, promptLength, length))
          const batches = groupBatches(sequences, budget)
          const seen = batches.flatMap((batch) => batch.flatMap(({ members }) => members)).sort((a, b) => a - b)
          expect(seen).toEqual(sequences.map((_, i) => i))
          for (const batch of batches) {
            const { prompts, promptTime, responses, time } = extentOf(batch, sequences)
            const alone = batch.length === 1 && batch[0]!.members.length === 1
            expect(alone || prompts * (promptTime + responses * time) <= budget).toBe(true)
          }
          expect(groupBatches(sequences, budget)).toEqual(batches)
        },
      ),
    )
  })
})
