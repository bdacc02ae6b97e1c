/** The calls a gold asks for, and whether given calls are those. */
import { isRecord, parsedJson, callFrom } from "./tool-call.ts"
import type { ToolCall } from "./tool-call.ts"

/** What one argument may be. */
interface ExpectedArgument {
  readonly allowed: readonly unknown[]
  readonly optional: boolean
}

export interface ExpectedCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, ExpectedArgument>>
  /** From a list of possible answers: texts are compared as BFCL does, and objects hold lists of allowed values. */
  readonly possible: boolean
}

/** BFCL's mark of an argument that may be left out. */
const LEFT_OUT = ""
const MAXIMUM_DEPTH = 40

function possibleCall(value: unknown): ExpectedCall | undefined {
  if (!isRecord(value)) return undefined
  const [entry, ...others] = Object.entries(value)
  if (entry === undefined || others.length > 0) return undefined
  const [name, given] = entry
  if (!isRecord(given) || !Object.values(given).every(Array.isArray)) return undefined
  const expected = Object.entries(given as Record<string, unknown[]>).map(
    ([key, allowed]): [string, ExpectedArgument] => [
      key,
      {
        allowed: allowed.filter((one) => one !== LEFT_OUT || allowed.length === 1),
        optional: allowed.includes(LEFT_OUT),
      },
    ],
  )
  return { name, arguments: Object.fromEntries(expected), possible: true }
}

function exactCall({ name, arguments: given }: ToolCall): ExpectedCall {
  const expected = Object.entries(given).map(([key, value]): [string, ExpectedArgument] => [
    key,
    { allowed: [value], optional: false },
  ])
  return { name, arguments: Object.fromEntries(expected), possible: false }
}

/**
 * The calls of a gold, as JSON: calls with their arguments (one or a list, in the forms responses may have), or BFCL's
 * possible answers, `[{"f": {"a": [1, 2], "b": ["x", ""]}}]`, where `""` marks an argument that may be left out.
 * Undefined when the gold is neither.
 */
export function expectedCalls(gold: string): readonly ExpectedCall[] | undefined {
  const value = parsedJson(gold)
  if (value === undefined || value === null) return undefined
  const list =
    isRecord(value) && Array.isArray(value["tool_calls"]) ? value["tool_calls"] : Array.isArray(value) ? value : [value]
  const calls = list.map((one: unknown) => {
    const call = callFrom(parsedJson(one))
    return call === undefined ? possibleCall(parsedJson(one)) : exactCall(call)
  })
  return calls.every((call) => call !== undefined) ? calls : undefined
}

/**
 * A text as BFCL compares it: without blanks and `, . / - _ * ^`, in lower case, with one kind of quotes.
 * Source: Berkeley Function Calling Leaderboard, `ast_checker.standardize_string`.
 */
export function standardText(text: string): string {
  return text
    .replaceAll(/[ ,./\-_*^]/gu, "")
    .toLowerCase()
    .replaceAll("'", '"')
}

function sameValue(expected: unknown, given: unknown, possible: boolean, depth = 0): boolean {
  if (depth > MAXIMUM_DEPTH) return false
  if (typeof expected === "string" && typeof given === "string") {
    return possible ? standardText(expected) === standardText(given) : expected === given
  }
  if (Array.isArray(expected)) {
    return (
      Array.isArray(given) &&
      given.length === expected.length &&
      expected.every((one, i) => sameValue(one, given[i], possible, depth + 1))
    )
  }
  if (!isRecord(expected)) return expected === given
  if (!isRecord(given) || !Object.keys(given).every((key) => Object.hasOwn(expected, key))) return false
  return Object.entries(expected).every(([key, value]) => {
    const allowed: readonly unknown[] = possible && Array.isArray(value) ? value : [value]
    if (!Object.hasOwn(given, key)) return possible && allowed.includes(LEFT_OUT)
    return allowed.some((one) => sameValue(one, given[key], possible, depth + 1))
  })
}

/** What is wrong with a call, in words; undefined for the expected one. */
export function mismatch(expected: ExpectedCall, given: ToolCall): string | undefined {
  if (expected.name !== given.name) return `expected a call of ${expected.name}, got ${given.name}`
  for (const key of Object.keys(given.arguments)) {
    if (!Object.hasOwn(expected.arguments, key)) return `${given.name}: the argument ${key} was not asked for`
  }
  for (const [key, { allowed, optional }] of Object.entries(expected.arguments)) {
    if (!Object.hasOwn(given.arguments, key)) {
      if (optional) continue
      return `${given.name}: the argument ${key} is missing`
    }
    const value = given.arguments[key]
    if (!allowed.some((one) => sameValue(one, value, expected.possible))) {
      const wanted = allowed
        .slice(0, 3)
        .map((one) => JSON.stringify(one))
        .join(" or ")
      return `${given.name}: expected ${key} to be ${wanted.slice(0, 120)}, got ${(JSON.stringify(value) ?? "nothing").slice(0, 120)}`
    }
  }
  return undefined
}

/** Gives every expected call a given one of its own, whatever the order (augmenting paths); the call left alone, or undefined. */
function unmatched(expected: readonly ExpectedCall[], given: readonly ToolCall[]): number | undefined {
  const ownerOf = new Map<number, number>()
  const find = (call: number, visited: Set<number>): boolean => {
    for (const [i, candidate] of given.entries()) {
      if (visited.has(i) || mismatch(expected[call]!, candidate) !== undefined) continue
      visited.add(i)
      const owner = ownerOf.get(i)
      if (owner === undefined || find(owner, visited)) {
        ownerOf.set(i, call)
        return true
      }
    }
    return false
  }
  for (const i of expected.keys()) if (!find(i, new Set())) return i
  return undefined
}

/** What is wrong with the calls, in words; undefined when they are the expected ones. */
export function callsMismatch(
  expected: readonly ExpectedCall[],
  given: readonly ToolCall[],
  ordered: boolean,
): string | undefined {
  if (expected.length !== given.length) return `expected ${expected.length} calls, got ${given.length}`
  if (ordered || expected.length === 1) {
    const problems = expected.map((call, i) => mismatch(call, given[i]!))
    return problems.find((problem) => problem !== undefined)
  }
  const alone = unmatched(expected, given)
  if (alone === undefined) return undefined
  const sameName = given.find(({ name }) => name === expected[alone]!.name)
  return sameName === undefined
    ? `no call of ${expected[alone]!.name}`
    : (mismatch(expected[alone]!, sameName) ?? `too few calls of ${sameName.name} match`)
}
