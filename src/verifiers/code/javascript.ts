/** JavaScript code against unit tests, in an interpreter that has no host. */
import { unparsableGold } from "../procedural/verdicts.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { extractCode, noCode, outputProblem, verdictOf } from "./code-verdict.ts"
import type { TestOutcome } from "./code-verdict.ts"
import { parseCodeTests } from "./code-tests.ts"
import type { CodeTests } from "./code-tests.ts"
import { runQuickJs } from "./quickjs.ts"
import type { QuickJsLimits } from "./quickjs.ts"

export interface JavaScriptCodeOptions {
  /** Seconds of a program, or of all tests of a function together. Default 2. */
  readonly seconds?: number
  /** Memory in MiB. Default 64. */
  readonly memoryMb?: number
  /** Printed characters. Default 1,000,000. */
  readonly outputCharacters?: number
  /** `"all"`: reward 1 when every test passes. `"share"`: the share of the tests that pass. Default `"all"`. */
  readonly reward?: "all" | "share"
  /** Tests at most; further ones are not run. Default 50. */
  readonly maxTests?: number
}

const LANGUAGES: readonly string[] = ["javascript", "js", "node", "mjs", "typescript", "ts"]

/** `export` and `import assert` have no place in a script; what they name is a global there. */
function asScript(source: string): string {
  return source
    .replaceAll(/^[ \t]*export\s+default\s+(?=(?:async\s+)?(?:function|class)\s+\w)/gmu, "")
    .replaceAll(/^[ \t]*export\s+(?=(?:async\s+)?(?:function|class|const|let|var)\b)/gmu, "")
    .replaceAll(/^[ \t]*export\s*(?:default\b|\{[^}]*\};?)/gmu, "")
}

/** A script that evaluates to JSON text: a problem in words, or null. */
function callScript(name: string, args: string, expected: string): string {
  return `(() => {
    const same = (a, b) => {
      if (typeof a === "number" && typeof b === "number") return a === b || (a !== a && b !== b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
      if (a === b) return true
      if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
      const keys = Object.keys(a)
      return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
    }
    const expected = ${JSON.stringify(expected)}
    const solution = typeof ${name} === "function" ? ${name} : module.exports[${JSON.stringify(name)}] ?? (typeof Solution === "function" ? (...args) => new Solution()[${JSON.stringify(name)}](...args) : module.exports)
    const result = solution(...JSON.parse(${JSON.stringify(args)}))
    const plain = result instanceof Set ? [...result] : result instanceof Map ? Object.fromEntries(result) : result
    const wanted = JSON.parse(expected)
    if (same(plain, wanted) || (Array.isArray(wanted) && wanted.length === 1 && same(plain, wanted[0]))) return "null"
    return JSON.stringify("expected " + expected.slice(0, 120) + ", got " + String(JSON.stringify(plain)).slice(0, 120))
  })()`
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/u

async function runFunctions(
  source: string,
  tests: Exclude<CodeTests, { kind: "programs" }>,
  limits: QuickJsLimits,
): Promise<TestOutcome> {
  const setup = tests.kind === "asserts" && tests.setup !== "" ? [tests.setup] : []
  const scripts =
    tests.kind === "asserts"
      ? tests.tests
      : tests.calls.map(({ args, expected }) => callScript(tests.function, args, expected))
  const head = [asScript(source), ...setup]
  const runs = await runQuickJs([...head, ...scripts], "", limits)
  const broken = runs.slice(0, head.length).find(({ problem }) => problem !== undefined)
  if (broken !== undefined) return { total: scripts.length, passed: 0, problem: broken.problem }
  const problems = runs
    .slice(head.length)
    .map(({ problem, result }) => problem ?? (tests.kind === "calls" ? callProblem(result) : undefined))
  const first = problems.findIndex((problem) => problem !== undefined)
  const passed = problems.filter((problem) => problem === undefined).length
  return { total: scripts.length, passed, problem: first < 0 ? undefined : `test ${first + 1}: ${problems[first]}` }
}

/** A call's script must have come to its end. */
function callProblem(result: string | undefined): string | undefined {
  if (result === "null") return undefined
  return result === undefined ? "the call gave no result" : String(JSON.parse(result))
}

async function runPrograms(
  source: string,
  cases: readonly { input: string; output: string }[],
  limits: QuickJsLimits,
  stopEarly: boolean,
): Promise<TestOutcome> {
  let passed = 0
  let first: string | undefined
  for (const [i, { input, output }] of cases.entries()) {
    const [run] = await runQuickJs([asScript(source)], input, limits)
    const problem = run!.problem ?? outputProblem(output, run!.output)
    if (problem === undefined) passed++
    else first ??= `test ${i + 1}: ${problem}`
    if (problem !== undefined && stopEarly) break
  }
  return { total: cases.length, passed, problem: first }
}

/**
 * Judges JavaScript code (a fenced block, else the whole response) by the unit tests of the gold, see `parseCodeTests`.
 * Asserts may use `assert`, programs print with `console.log` and read with `readline()` or
 * `require("fs").readFileSync(0)`. The code sees neither files nor network nor clock of the host. Code that breaks a
 * limit is wrong.
 */
export function javaScriptCodeVerifier(options: JavaScriptCodeOptions = {}): Verifier {
  const { seconds = 2, memoryMb = 64, outputCharacters = 1_000_000, reward = "all", maxTests = 50 } = options
  const limits = { seconds, memoryMb, outputCharacters }
  return {
    name: "code-javascript",
    async verify({ gold, completion, row }): Promise<Verdict> {
      const tests = parseCodeTests(gold, row)
      if (tests === undefined || (tests.kind === "calls" && !IDENTIFIER.test(tests.function)))
        return unparsableGold(gold, "unit tests")
      const source = extractCode(completion, LANGUAGES)
      if (source === undefined) return noCode()
      const outcome =
        tests.kind === "programs"
          ? await runPrograms(source, tests.cases.slice(0, maxTests), limits, reward === "all")
          : await runFunctions(
              source,
              tests.kind === "calls"
                ? { ...tests, calls: tests.calls.slice(0, maxTests) }
                : { ...tests, tests: tests.tests.slice(0, maxTests) },
              limits,
            )
      return verdictOf(outcome, reward === "share", source)
    },
  }
}
