import { assert, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import { axisRange, escapeText, linearScale, runRange, showDirections } from "./drawing.ts"

const back: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" }

describe("a text in markup", () => {
  test("keeps every text a text: nothing of it is markup, and nothing is lost", () => {
    assert(
      property(string({ unit: "grapheme" }), (text) => {
        const escaped = escapeText(text)
        expect(escaped).not.toMatch(/[<>"']/)
        expect(escaped.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => back[entity]!)).toBe(text)
      }),
    )
  })

  test("shows control characters, which no file of XML may hold, as a mark", () => {
    expect(escapeText("a\u0000\u001b[31m\n\tb")).toBe("a\ufffd\ufffd[31m\n\tb")
    for (let code = 0; code < 32; code++) expect(escapeText(String.fromCharCode(code))).toBe([9, 10, 13].includes(code) ? String.fromCharCode(code) : "\ufffd")
    expect(escapeText("\ufffe\uffff\u00e9\u{1f600}")).toBe("\ufffd\ufffd\u00e9\u{1f600}")
  })
})

test("a text that would be turned around reads in the order of its characters, in markup too", () => {
  expect(showDirections("reward \u202e1 :drawer\u202c \u0627\u0644\u200f")).toBe("reward \\u202e1 :drawer\\u202c \u0627\u0644\u200f")
  expect(escapeText("<\u2067>")).toBe("&lt;\\u2067&gt;")
})

test("a range without length goes to the start of its scale, any other from end to end", () => {
  expect([2, 3, 4].map(linearScale([2, 4], [100, 0]))).toEqual([100, 50, 0])
  expect(linearScale([2, 2], [100, 0])(7)).toBe(100)
})

test("an axis has room around one value as around many, and a share none beyond what it can be", () => {
  expect(axisRange(0.5, 0.5, true)).toEqual([expect.closeTo(0.45, 12), expect.closeTo(0.55, 12)])
  expect(axisRange(1, 1, true)).toEqual([expect.closeTo(0.9, 12), 1])
  expect(axisRange(0, 0, true)).toEqual([0, 0.05])
  expect(axisRange(0, 0, false)).toEqual([-1, 1])
  expect(axisRange(10, 20, false)).toEqual([9.5, 20.5])
})

test("an axis of steps has room beside a step alone", () => {
  expect([runRange(5, 5, 1), runRange(0, 0, 1), runRange(3, 9, 1)]).toEqual([[4, 6], [0, 1], [3, 9]])
})
