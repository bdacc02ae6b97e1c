import { assert, jsonValue, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import type { Verdict } from "../verifier.ts"
import { jsonSchemaVerifier } from "./json-schema.ts"
import { fencedBlocks, findJson } from "./json-value.ts"
import { standardTypes } from "./schema-validator.ts"

const schema = JSON.stringify({
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
  required: ["name"],
  additionalProperties: false,
})

async function judge(completion: string, gold: string = schema, options = {}): Promise<Verdict> {
  return await jsonSchemaVerifier(options).verify({ gold, completion })
}

describe("JSON by a schema", () => {
  test("is right when the schema accepts it, and the problem is named when not", async () => {
    expect((await judge('{"name": "Ann", "age": 3}')).status).toBe("correct")
    expect(await judge('{"name": 3}')).toMatchObject({ status: "incorrect", reason: "/name must be string" })
    expect((await judge('{"age": 3}')).reason).toContain("must have required property 'name'")
    expect((await judge('{"name": "Ann", "x": 1}')).status).toBe("incorrect")
    expect((await judge("no JSON here")).status).toBe("no-answer")
  })

  test("is found in code blocks and between words, unless the whole response must be JSON", async () => {
    const inside = 'Here:\n```json\n{"name": "Ann"}\n```\nDone.'
    expect((await judge(inside)).status).toBe("correct")
    expect((await judge('The object {"name": "Ann"} it is.')).status).toBe("correct")
    expect((await judge(inside, schema, { strict: true })).status).toBe("no-answer")
    expect((await judge(' {"name": "Ann"}\n', schema, { strict: true })).status).toBe("correct")
  })

  test("follows the draft that the schema names", async () => {
    const draft2020 = JSON.stringify({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      prefixItems: [{ type: "string" }],
      items: false,
    })
    expect((await judge('["a"]', draft2020)).status).toBe("correct")
    expect((await judge('["a", 1]', draft2020)).status).toBe("incorrect")
    const draft4 = JSON.stringify({ $schema: "http://json-schema.org/draft-04/schema#", type: "array" })
    expect((await judge("[]", draft4)).status).toBe("correct")
  })

  test("with a schema that is broken is the fault of the gold", async () => {
    for (const gold of ["", "3", "[]", '{"type": "no such type"}', '{"$ref": "https://example.org/schema"}']) {
      expect((await judge("{}", gold)).status, gold).toBe("unparsable-gold")
    }
  })

  test("nested without end is no answer and no crash", async () => {
    expect((await judge("[".repeat(100_000) + "]".repeat(100_000), '{"type": "array"}')).status).toBe("no-answer")
  })
})

describe("JSON in a response", () => {
  test("is found whatever words stand around it", () => {
    assert(
      property(jsonValue(), string(), (value, words) => {
        const plain = words.replaceAll(/[`~{}[\]"]/gu, "")
        const text = JSON.stringify({ value })
        expect(JSON.stringify(findJson(`${plain}\n\`\`\`json\n${text}\n\`\`\`\n${plain}`)?.value)).toBe(text)
        expect(JSON.stringify(findJson(`${plain} ${text} ${plain}`)?.value)).toBe(text)
      }),
      { numRuns: 200 },
    )
  })

  test("is the last of several", () => {
    expect(findJson('first {"a": 1}, then {"a": 2}.')?.value).toEqual({ a: 2 })
    expect(findJson('{"a": "}"}')?.value).toEqual({ a: "}" })
    expect(findJson("{broken} [1]")?.value).toEqual([1])
  })

  test("and code stand in fenced blocks with a language", () => {
    expect(fencedBlocks("```js\na\n``` \ntext\n~~~~\nb\n```\nc\n~~~~\n```py\nopen")).toEqual([
      { language: "js", content: "a" },
      { language: "", content: "b\n```\nc" },
      { language: "py", content: "open" },
    ])
  })
})

test("Python's names of types are read as JSON Schema's", () => {
  expect(
    standardTypes({
      type: "dict",
      properties: { type: { type: "float" }, a: { type: "any" }, b: { type: "tuple", items: { type: "integer" } } },
    }),
  ).toEqual({
    type: "object",
    properties: { type: { type: "number" }, a: {}, b: { type: "array", items: { type: "integer" } } },
  })
})
