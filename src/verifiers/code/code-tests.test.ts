import { array, assert, dictionary, jsonValue, oneof, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import { extractCode, outputProblem } from "./code-verdict.ts"
import { parseCodeTests, testCount } from "./code-tests.ts"
import { jsonMember, jsonParts } from "./json-parts.ts"

describe("the tests of a gold", () => {
  test.each([
    [
      "APPS with standard input",
      '{"inputs": ["1\\n", ["2", "3"]], "outputs": ["1", ["4", "5"]]}',
      {
        kind: "programs",
        cases: [
          { input: "1\n", output: "1" },
          { input: "2\n3", output: "4\n5" },
        ],
      },
    ],
    [
      "APPS with a function",
      '{"fn_name": "f", "inputs": [[1, [2]], ["a"]], "outputs": [3, 1.50]}',
      {
        kind: "calls",
        function: "f",
        calls: [
          { args: "[1, [2]]", expected: "3" },
          { args: '["a"]', expected: "1.50" },
        ],
      },
    ],
    [
      "LiveCodeBench with standard input",
      '[{"input": "1", "output": "2", "testtype": "stdin"}]',
      { kind: "programs", cases: [{ input: "1", output: "2" }] },
    ],
    ["a list of asserts", '["assert f() == 1"]', { kind: "asserts", setup: "", tests: ["assert f() == 1"] }],
    [
      "MBPP",
      '{"test_list": ["assert f()"], "test_setup_code": "import math"}',
      { kind: "asserts", setup: "import math", tests: ["assert f()"] },
    ],
    [
      "HumanEval",
      '{"test": "def check(c): assert c()", "entry_point": "f"}',
      { kind: "asserts", setup: "", tests: ["def check(c): assert c()\ncheck(f)"] },
    ],
    ["lines of asserts", "assert a\n\nassert b", { kind: "asserts", setup: "", tests: ["assert a", "assert b"] }],
    ["code", "x = f()\nassert x", { kind: "asserts", setup: "", tests: ["x = f()\nassert x"] }],
  ])("are read from the form of %s", (_name, gold, expected) => {
    expect(parseCodeTests(gold)).toEqual(expected)
  })

  test("with arguments on lines become calls of the function that the row names", () => {
    const gold = JSON.stringify([{ input: "[1,2]\n3", output: "4", testtype: "functional" }])
    expect(parseCodeTests(gold, { fn_name: "g" })).toEqual({
      kind: "calls",
      function: "g",
      calls: [{ args: "[[1,2],3]", expected: "4" }],
    })
    expect(parseCodeTests(gold)).toBeUndefined()
  })

  test("are none where the gold holds none", () => {
    for (const gold of [
      "",
      "  ",
      "[]",
      "{}",
      "3",
      "null",
      '{"inputs": [1], "outputs": []}',
      '{"inputs": [], "outputs": []}',
      "[1, 2]",
    ]) {
      const tests = parseCodeTests(gold)
      expect(tests === undefined || testCount(tests) === 0, gold).toBe(true)
    }
  })
})

test("the parts of JSON are its elements and members, digit for digit", () => {
  assert(
    property(oneof(array(jsonValue()), dictionary(string(), jsonValue())), (value) => {
      for (const space of [undefined, 1]) {
        const parts = jsonParts(JSON.stringify(value, null, space))
        const read = parts.map(({ key, text }) => [key, JSON.parse(text) as unknown])
        const expected = Array.isArray(value) ? value.map((one) => [undefined, one]) : Object.entries(value)
        expect(read).toEqual(
          JSON.parse(JSON.stringify(expected)).map(([key, one]: [string | null, unknown]) => [key ?? undefined, one]),
        )
      }
    }),
    { numRuns: 200 },
  )
  expect(jsonMember('{"a": 1, "b": [12345678901234567890]}', "b")).toBe("[12345678901234567890]")
})

describe("the code of a response", () => {
  test("is the last block of its language, else the last without one, else the whole response", () => {
    const languages = ["python"]
    expect(extractCode("```python\na\n```\ntext\n```python\nb\n```\n```\nc\n```", languages)).toBe("b")
    expect(extractCode("```\na\n```\n```js\nb\n```", languages)).toBe("a")
    expect(extractCode("a = 1", languages)).toBe("a = 1")
    expect(extractCode("```python\nunfinished", languages)).toBe("unfinished")
    expect(extractCode("```js\nb\n```", languages)).toBeUndefined()
    expect(extractCode(" \n", languages)).toBeUndefined()
  })
})

test("printed output may differ in white space at the ends of lines and of the whole, and in nothing else", () => {
  expect(outputProblem("1 2\n3\n", "1 2  \n3")).toBeUndefined()
  expect(outputProblem("1 2\n3", "1  2\n3")).toContain("line 1")
  expect(outputProblem("1", "1\n2")).toContain("expected 1 lines")
  expect(outputProblem("1\n2", "1")).toContain("line 2")
})
