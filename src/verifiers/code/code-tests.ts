/** The unit tests of a coding problem, in the forms that data sets have. */
import { jsonMember, jsonParts } from "./json-parts.ts"

export type CodeTests =
  /** Calls of a function; arguments (a list) and result as JSON texts. */
  | {
      readonly kind: "calls"
      readonly function: string
      readonly calls: readonly { readonly args: string; readonly expected: string }[]
    }
  /** Pieces of code that throw when the response is wrong. */
  | { readonly kind: "asserts"; readonly setup: string; readonly tests: readonly string[] }
  /** The response is a program: what it prints for an input. */
  | { readonly kind: "programs"; readonly cases: readonly { readonly input: string; readonly output: string }[] }

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string")
}

function joined(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join("\n") : String(value)
}

/** APPS, TACO, PRIME: `inputs`, `outputs` and, for functions, `fn_name`. */
function inputsAndOutputs(value: Readonly<Record<string, unknown>>, text: string): CodeTests | undefined {
  const { inputs, outputs } = value
  const name = value["fn_name"] ?? value["function"]
  if (!Array.isArray(inputs) || !Array.isArray(outputs) || inputs.length !== outputs.length || inputs.length === 0)
    return undefined
  if (typeof name !== "string") {
    return {
      kind: "programs",
      cases: inputs.map((input: unknown, i) => ({ input: joined(input), output: joined(outputs[i]) })),
    }
  }
  const [given, expected] = [jsonMember(text, "inputs"), jsonMember(text, "outputs")].map((list) =>
    jsonParts(list ?? "[]"),
  )
  const calls = given!.map((part, i) => ({ args: argumentList(part.text), expected: expected![i]!.text }))
  return { kind: "calls", function: name, calls }
}

/** A list of arguments as it is; a text with one JSON value per line (LiveCodeBench, TACO) as the list of them. */
function argumentList(text: string): string {
  if (text.startsWith("[")) return text
  if (!text.startsWith('"')) return `[${text}]`
  const inner = JSON.parse(text) as string
  return `[${inner
    .split("\n")
    .filter((line) => line.trim() !== "")
    .join(",")}]`
}

interface ListedCase {
  readonly input: string
  readonly output: string
  readonly testtype?: string
}

/** LiveCodeBench: a list of `{ input, output, testtype }`. */
function listedCases(value: readonly ListedCase[], name: unknown): CodeTests | undefined {
  if (value.every(({ testtype }) => testtype !== "functional")) {
    return { kind: "programs", cases: value.map(({ input, output }) => ({ input, output })) }
  }
  if (typeof name !== "string") return undefined
  return {
    kind: "calls",
    function: name,
    calls: value.map(({ input, output }) => ({ args: argumentList(JSON.stringify(input)), expected: output })),
  }
}

function isListedCase(value: unknown): value is ListedCase {
  return (
    typeof value === "object" &&
    value !== null &&
    "input" in value &&
    "output" in value &&
    typeof value.input === "string" &&
    typeof value.output === "string"
  )
}

/** Lines of asserts are tests each; other code is one test. */
function codeTests(text: string): CodeTests | undefined {
  if (text.trim() === "") return undefined
  const lines = text.trim().split("\n")
  return {
    kind: "asserts",
    setup: "",
    tests: lines.every((line) => /^assert\b|^\s*$/u.test(line)) ? lines.filter((line) => line.trim() !== "") : [text],
  }
}

/**
 * The tests of a gold:
 * - `{ "inputs": [...], "outputs": [...], "fn_name"?: "f" }` (APPS, TACO, PRIME), or a list of `{ input, output }`
 *   (LiveCodeBench, with `fn_name` in the row for functions)
 * - a list of asserts, or `{ "tests" | "test_list": [...], "setup" | "test_setup_code"?: "..." }` (MBPP)
 * - `{ "test": "def check(f): ...", "entry_point": "f" }` (HumanEval)
 * - code that throws when the response is wrong
 * Undefined when it is none of these.
 */
export function parseCodeTests(gold: string, row: Readonly<Record<string, unknown>> = {}): CodeTests | undefined {
  let value: unknown
  try {
    value = JSON.parse(gold)
  } catch {
    return codeTests(gold)
  }
  if (isTexts(value)) return value.length === 0 ? undefined : { kind: "asserts", setup: "", tests: value }
  if (Array.isArray(value))
    return value.length > 0 && value.every(isListedCase)
      ? listedCases(value, row["fn_name"] ?? row["func_name"])
      : undefined
  if (typeof value !== "object" || value === null) return undefined
  const given = value as Readonly<Record<string, unknown>>
  const tests = given["tests"] ?? given["test_list"]
  const setup = given["setup"] ?? given["test_setup_code"] ?? ""
  if (isTexts(tests) && tests.length > 0 && typeof setup === "string") return { kind: "asserts", setup, tests }
  if (Array.isArray(tests) && tests.length > 0 && tests.every(isListedCase))
    return listedCases(tests, given["fn_name"] ?? row["fn_name"])
  const entryPoint = given["entry_point"] ?? given["entryPoint"] ?? row["entry_point"]
  const { test } = given
  if (typeof test === "string" && typeof setup === "string") {
    return { kind: "asserts", setup, tests: [typeof entryPoint === "string" ? `${test}\ncheck(${entryPoint})` : test] }
  }
  return inputsAndOutputs(given, gold)
}

/** Number of tests. */
export function testCount(tests: CodeTests): number {
  return tests.kind === "calls"
    ? tests.calls.length
    : tests.kind === "asserts"
      ? tests.tests.length
      : tests.cases.length
}
