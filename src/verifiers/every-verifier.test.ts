import { afterAll, expect, test } from "vitest"
import { VerifierPool } from "./pool/verifier-pool.ts"
import { pythonInstallation } from "./code/python-process.ts"
import { createVerifier, goldIsAnswer, verifierNames, verifierSummaries } from "./registry.ts"
import type { VerifierInput, VerifierSpec } from "./verifier.ts"

interface Example extends VerifierInput {
  readonly spec?: VerifierSpec
  readonly wrong: string
}

const asserts = JSON.stringify(["assert(f(2) == 3)"])
const examples: Readonly<Record<string, Example>> = {
  exact: { gold: "Paris", completion: "Paris", wrong: "London" },
  integer: { gold: "72", completion: "so 72", wrong: "so 73" },
  numeric: { gold: "0.5", completion: "1/2", wrong: "0.51" },
  "boxed-integer": { gold: "7", completion: "\\boxed{7}", wrong: "\\boxed{8}" },
  countdown: { gold: '{"numbers": [3, 5, 7], "target": 26}', completion: "3*7+5", wrong: "3*7" },
  "countdown-all": { gold: '{"numbers": [3, 5, 7], "target": 26}', completion: "3*7+5", wrong: "3+5+7" },
  math: { gold: "42", completion: "\\boxed{42}", wrong: "\\boxed{43}" },
  gsm8k: { gold: "42", completion: "#### 42", wrong: "#### 43" },
  math_dapo: { gold: "42", completion: "Answer: 42", wrong: "Answer: 43" },
  prime_math: { gold: "42", completion: "\\boxed{42}", wrong: "\\boxed{43}" },
  minerva: {
    gold: "42",
    completion: "Final Answer: The final answer is 42. I hope it is correct.",
    wrong: "Final Answer: The final answer is 43. I hope it is correct.",
  },
  mcq: { gold: "C", completion: "<answer>C</answer>", wrong: "<answer>B</answer>" },
  "qa-exact": { gold: "The Eiffel Tower", completion: "eiffel tower.", wrong: "Louvre" },
  "qa-f1": { gold: "The Eiffel Tower", completion: "the Eiffel tower", wrong: "Louvre" },
  regex: { gold: "^ab+$", completion: "abb", wrong: "ba" },
  "json-schema": { gold: '{"type": "object", "required": ["a"]}', completion: '{"a": 1}', wrong: "{}" },
  "tool-calls": {
    gold: '[{"name": "f", "arguments": {"a": 1}}]',
    completion: '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>',
    wrong: "[f(a=2)]",
  },
  instructions: { gold: '[{"id": "punctuation:no_comma"}]', completion: "no comma here", wrong: "one, here" },
  "code-python": {
    gold: asserts,
    completion: "```python\ndef f(x):\n  return x + 1\n```",
    wrong: "```python\ndef f(x):\n  return x\n```",
  },
  "code-javascript": {
    gold: asserts,
    completion: "```js\nfunction f(x) { return x + 1 }\n```",
    wrong: "```js\nfunction f(x) { return x }\n```",
  },
  format: { spec: { name: "format", boxed: true }, gold: "", completion: "\\boxed{1}", wrong: "1" },
  function: {
    spec: { name: "function", module: `${import.meta.dirname}/fixtures/functions.js`, export: "equals" },
    gold: "5",
    completion: "5",
    wrong: "6",
  },
  weighted: {
    spec: { name: "weighted", parts: [{ verifier: "integer" }, { verifier: "exact", weight: 0.5 }] },
    gold: "5",
    completion: "5",
    wrong: "6",
  },
}

const pool = new VerifierPool({ workers: 1 })
afterAll(async () => pool.close())

const canIsolate = pythonInstallation("python3").missing.length === 0

test("every verifier of the registry has an example here and a line of help", () => {
  expect(Object.keys(examples).sort()).toEqual([...verifierNames].sort())
  for (const [name, summary] of verifierSummaries) expect(summary, name).not.toBe("")
})

test.each(Object.entries(examples))(
  "%s accepts what is right and rejects what is not",
  async (name, { spec, wrong, ...right }) => {
    if (name === "code-python" && !canIsolate) return
    const verifier = createVerifier(spec ?? name)
    const accepted = await pool.verify(verifier, right)
    expect(accepted, accepted.reason).toMatchObject({ status: "correct" })
    expect(accepted.reward).toBeGreaterThan(0)
    const rejected = await pool.verify(verifier, { ...right, completion: wrong })
    expect(rejected, rejected.reason).toMatchObject({ status: "incorrect" })
    expect(rejected.reward).toBeLessThan(accepted.reward)
    expect(rejected.reason).not.toBe("")
  },
)

test("every verifier whose gold is an answer accepts the gold itself in one of the usual forms", async () => {
  for (const [name, { gold }] of Object.entries(examples)) {
    if (!goldIsAnswer(name)) continue
    const verifier = createVerifier(name)
    const forms = [
      gold,
      `\\boxed{${gold}}`,
      `#### ${gold}`,
      `Answer: ${gold}`,
      `Final Answer: The final answer is ${gold}. I hope it is correct.`,
    ]
    const verdicts = await Promise.all(forms.map((completion) => pool.verify(verifier, { gold, completion })))
    expect(
      verdicts.map(({ status }) => status),
      name,
    ).toContain("correct")
  }
})

test("nesting of 10,000 brackets ends no verification but its own", async () => {
  const deep = (open: string, close: string): string => `${open.repeat(10_000)}5${close.repeat(10_000)}`
  const nested = [deep("[", "]"), deep("{", "}"), deep("(", ")"), `\\boxed${deep("{", "}")}`, deep("\\frac{", "}{2}")]
  for (const [name, { spec, gold, completion }] of Object.entries(examples)) {
    if (name === "code-python" || name === "code-javascript") continue
    const verifier = createVerifier(spec ?? name)
    const hostile = nested.flatMap((text) => [
      { gold, completion: text },
      { gold, completion: `<answer>${text}</answer>` },
      { gold: text, completion },
      { gold, completion, row: { choices: JSON.parse(deep("[", "]")) as unknown } },
    ])
    const verdicts = await Promise.all([...hostile, { gold, completion }].map((input) => pool.verify(verifier, input)))
    expect(verdicts.at(-1), `${name} after nested rows`).toMatchObject({ status: "correct" })
    for (const { reason } of verdicts) expect(reason, name).not.toBe("")
  }
}, 120_000)

test("no verifier throws on odd text, and what is not an answer is not right", async () => {
  const odd = [
    "",
    " ",
    "\u0000",
    "🙂\u202E\u200B",
    "{".repeat(20_000),
    "[[".repeat(500),
    "*".repeat(5000),
    "<".repeat(5000),
    '"',
    "\\boxed{",
    "<answer>",
    "```",
    "```python",
    "<tool_call>",
  ]
  for (const [name, { spec, gold }] of Object.entries(examples)) {
    if (name === "code-python" || name === "instructions") continue
    const verifier = createVerifier(spec ?? name)
    const verdicts = await Promise.all(odd.map((completion) => pool.verify(verifier, { gold, completion })))
    for (const [i, { status, reason }] of verdicts.entries())
      expect(["incorrect", "no-answer"], `${name} on ${JSON.stringify(odd[i]!.slice(0, 20))}: ${reason}`).toContain(
        status,
      )
  }
})
