import { assert, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import type { Verdict } from "../verifier.ts"
import { findCalls } from "./find-calls.ts"
import { parsePythonCalls } from "./python-calls.ts"
import { toolCallsVerifier } from "./tool-calls.ts"

const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "dict",
      properties: { city: { type: "string" }, days: { type: "integer" }, unit: { type: "string", enum: ["C", "F"] } },
      required: ["city"],
    },
  },
}
const one = [{ name: "weather", arguments: { city: "Paris", days: 3 } }]

async function judge(gold: unknown, completion: string, options = {}, row?: Record<string, unknown>): Promise<Verdict> {
  return await toolCallsVerifier(options).verify({
    gold: JSON.stringify(gold),
    completion,
    ...(row === undefined ? {} : { row }),
  })
}

async function statusOf(...args: Parameters<typeof judge>): Promise<string> {
  return (await judge(...args)).status
}

describe("tool calls are found", () => {
  const expected = [{ name: "weather", arguments: { city: "Paris", days: 3 } }]
  test.each([
    [
      "Hermes tags",
      'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>',
    ],
    ["an open tag", '<tool_call>{"name": "weather", "arguments": {"city": "Paris", "days": 3}}'],
    ["Llama tags", '<function=weather>{"city": "Paris", "days": 3}</function>'],
    ["JSON", '{"name": "weather", "parameters": {"city": "Paris", "days": 3}}'],
    ["a JSON list in a block", '```json\n[{"name": "weather", "arguments": {"city": "Paris", "days": 3}}]\n```'],
    [
      "OpenAI's form",
      '{"tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\\"city\\": \\"Paris\\", \\"days\\": 3}"}}]}',
    ],
    ["Python calls", "[weather(city='Paris', days=3)]"],
    ["a Python call in a block", "I call:\n```python\nweather(city = 'Paris', days=3,)\n```"],
    ["a Python list at the end", 'I call both.\n[weather(city="Paris",\n  days=3)]'],
  ])("in %s", (_name, completion) => {
    expect(findCalls(completion)).toEqual(expected)
  })

  test("none in words, and a broken try is told from none", () => {
    expect(findCalls("The weather is fine (I think).")).toEqual([])
    expect(findCalls("[]")).toEqual([])
    expect(findCalls('<tool_call>{"name": "weather", </tool_call>')).toBe("malformed")
  })
})

describe("Python calls are parsed", () => {
  test("with every literal", () => {
    expect(
      parsePythonCalls(`[a.b(x=-1.5e3, y=[True, None, 'it\\'s', "a" "b"], z={'k': (1, 2), "l": {}}), d()]`),
    ).toEqual([
      { name: "a.b", arguments: { x: -1500, y: [true, null, "it's", "ab"], z: { k: [1, 2], l: {} } } },
      { name: "d", arguments: {} },
    ])
  })

  test("and nothing else is", () => {
    for (const text of [
      "",
      "f",
      "f(",
      "f(a=)",
      "f(a=1",
      "[f(a=1)",
      "f(a=1) + 1",
      "import os",
      "f(a=1))",
      "f(a='x",
      `f(${"[".repeat(200)}`,
    ]) {
      expect(parsePythonCalls(text), text).toBeUndefined()
    }
  })

  test("from any text without a throw", () => {
    assert(
      property(string(), (text) => void parsePythonCalls(`f(a=${text}`)),
      { numRuns: 300 },
    )
  })
})

describe("tool calls are right", () => {
  test("when name and arguments are the gold's", async () => {
    expect(await statusOf(one, "[weather(city='Paris', days=3)]")).toBe("correct")
    expect(await judge(one, "[weather(city='Paris', days=4)]")).toMatchObject({
      status: "incorrect",
      reason: "weather: expected days to be 3, got 4",
    })
    expect((await judge(one, "[weather(city='Paris')]")).reason).toContain("days is missing")
    expect((await judge(one, "[weather(city='Paris', days=3, unit='C')]")).reason).toContain("unit was not asked for")
    expect((await judge(one, "[forecast(city='Paris', days=3)]")).reason).toContain("got forecast")
    expect((await judge(one, "[weather(city='Paris', days=3), weather(city='Rome', days=3)]")).reason).toBe(
      "expected 1 calls, got 2",
    )
    expect(await statusOf(one, "It is sunny.")).toBe("no-answer")
  })

  test("in any order, unless the order counts", async () => {
    const gold = [
      { name: "f", arguments: { a: 1 } },
      { name: "f", arguments: { a: 2 } },
      { name: "g", arguments: {} },
    ]
    expect(await statusOf(gold, "[g(), f(a=2), f(a=1)]")).toBe("correct")
    expect(await statusOf(gold, "[g(), f(a=2), f(a=2)]")).toBe("incorrect")
    expect(await statusOf(gold, "[g(), f(a=2), f(a=1)]", { order: "same" })).toBe("incorrect")
    expect(await statusOf(gold, "[f(a=1), f(a=2), g()]", { order: "same" })).toBe("correct")
  })

  test("when each can have a gold call of its own, even if the first choice does not leave one", async () => {
    const gold = [{ f: { a: [1, 2] } }, { f: { a: [1] } }]
    expect(await statusOf(gold, "[f(a=1), f(a=2)]")).toBe("correct")
    expect(await statusOf(gold, "[f(a=2), f(a=2)]")).toBe("incorrect")
  })

  test("by a list of possible answers: texts loosely, arguments left out where that is allowed", async () => {
    const gold = [
      {
        weather: {
          city: ["New York", "NYC"],
          days: [3, ""],
          tags: [["a", "b"], ""],
          place: [{ zip: ["10001", ""], land: ["US"] }, ""],
        },
      },
    ]
    expect(await statusOf(gold, "[weather(city='new-york')]")).toBe("correct")
    expect(await statusOf(gold, "[weather(city='N.Y.C.', days=3, tags=['A', 'b'], place={'land': 'us'})]")).toBe(
      "correct",
    )
    expect(await statusOf(gold, "[weather(city='NYC', tags=['b', 'a'])]")).toBe("incorrect")
    expect(await statusOf(gold, "[weather(city='NYC', place={'land': 'us', 'x': 1})]")).toBe("incorrect")
    expect(await statusOf(gold, "[weather(days=3)]")).toBe("incorrect")
    expect(await statusOf(gold, "[weather(city='NYC', days='3')]")).toBe("incorrect")
  })

  test("only by the schemas of the tools, of the options or of the row", async () => {
    const options = { tools: [weather] }
    expect(await statusOf(one, "[weather(city='Paris', days=3)]", options)).toBe("correct")
    expect(await statusOf(one, "[weather('Paris', 3)]", options)).toBe("correct")
    const gold = [{ weather: { city: ["Paris"], days: ["3", 3] } }]
    expect((await judge(gold, "[weather(city='Paris', days='3')]", options)).reason).toContain("days must be integer")
    expect(
      (await judge(gold, "[weather(city='Paris', days='3')]", {}, { tools: JSON.stringify([weather]) })).reason,
    ).toContain("days must be integer")
    expect((await judge(one, "[clock()]", options)).reason).toContain("no tool clock")
  })

  test("when none is made and none was asked for", async () => {
    expect(await statusOf([], "I cannot do that.")).toBe("correct")
    expect(await statusOf([], "[weather(city='Paris')]")).toBe("incorrect")
  })

  test("only for a gold that can be read", async () => {
    for (const gold of ["x", 3, [3], [{ f: { a: 1 } }], null])
      expect(await statusOf(gold, "[f()]"), JSON.stringify(gold)).toBe("unparsable-gold")
  })
})
