import { describe, expect, test } from "vitest"
import { piecesOf, shadeOf } from "./token-text.ts"

describe("the pieces of a text", () => {
  test("are its tokens, those that share a character together with the sum of their log-probs", () => {
    const pieces = piecesOf("a\u{1F600}b", { lengths: [1, 0, 2, 1, 0], logprobs: [-1, -2, -3, -0.5, -0.1] }, 100)
    expect(pieces).toEqual([
      { text: "a", logprob: -1, tokens: 1 },
      { text: "\u{1F600}", logprob: -5, tokens: 2 },
      { text: "b", logprob: -0.5, tokens: 1 },
    ])
  })

  test("end with what was not cut into tokens, and a text that was cut ends where it ends", () => {
    expect(piecesOf("abcd", { lengths: [1, 1, 1, 1], logprobs: [-1, null, -1, -1] }, 2)).toEqual([
      { text: "a", logprob: -1, tokens: 1 },
      { text: "b", logprob: null, tokens: 1 },
      { text: "cd", logprob: null, tokens: 0 },
    ])
    expect(piecesOf("ab", { lengths: [1, 4, 1], logprobs: [-1, -1, -1] }, 9).map(({ text }) => text)).toEqual(["a", "b"])
    expect(piecesOf("", { lengths: [0], logprobs: [-1] }, 9)).toEqual([])
  })

  test("are shaded the more the less likely they were", () => {
    expect([0, -0.01, Math.log(0.9), Math.log(0.6), Math.log(0.3), Math.log(0.1), Math.log(0.01), -1000].map(shadeOf)).toEqual([0, 0, 1, 2, 3, 4, 5, 5])
  })
})
