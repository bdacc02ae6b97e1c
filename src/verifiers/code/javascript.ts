/** JavaScript code against unit tests, in an interpreter that has no host. */
import { unparsableGold } from "../procedural/verdicts.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { outputDifference } from "./compare-outputs.ts"
import { extractCode, noCode, outputProblem, verdictOf } from "./code-verdict.ts"
import type { TestOutcome } from "./code-verdict.ts"
import { parseCodeTests } from "./code-tests.ts"
import type { CodeTests } from "./code-tests.ts"
import type { JavaScriptLimits, Outcome } from "./javascript/protocol.ts"
import { runJavaScript } from "./javascript/threads.ts"

export interface JavaScriptCodeOptions {
  /** Processor seconds of a program, or of all tests of a function together. Default 2. */
  readonly seconds?: number
  /** Memory of the interpreter in MiB, at least 10 and at most 2,000. Default 64. */
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

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/u
/** All programs of a response may take so many times the time of one: a slow response must not hold up the others. */
const PROGRAM_TIMES = 5

type FunctionTests = Exclude<CodeTests, { kind: "programs" }>

/** What is wrong with the result of a call, which is known here alone. */
function callProblem({ problem, output }: Outcome, expected: string): string | undefined {
  return problem ?? outputDifference(expected, output ?? "", { wholeNumbersExact: false })
}

async function runFunctions(
  source: string,
  tests: FunctionTests,
  limits: JavaScriptLimits,
  stopEarly: boolean,
  signal: AbortSignal | undefined,
): Promise<TestOutcome> {
  const { outcomes, end } = await runJavaScript(
    tests.kind === "asserts"
      ? { ...tests, source, limits, stopEarly }
      : {
          kind: "calls",
          source,
          function: tests.function,
          calls: tests.calls.map(({ args }) => args),
          limits,
          stopEarly,
        },
    signal,
  )
  const problems = outcomes.map((outcome, i) =>
    tests.kind === "asserts" ? outcome.problem : callProblem(outcome, tests.calls[i]!.expected),
  )
  const first = problems.findIndex((problem) => problem !== undefined)
  return {
    total: tests.kind === "asserts" ? tests.tests.length : tests.calls.length,
    passed: problems.filter((problem) => problem === undefined).length,
    problem: first < 0 ? end.problem : `test ${first + 1}: ${problems[first]}`,
  }
}

async function runPrograms(
  source: string,
  cases: readonly { input: string; output: string }[],
  limits: JavaScriptLimits,
  stopEarly: boolean,
  signal: AbortSignal | undefined,
): Promise<TestOutcome> {
  let passed = 0
  let first: string | undefined
  let leftMs = PROGRAM_TIMES * limits.seconds * 1000
  for (const [i, { input, output }] of cases.entries()) {
    const { end, cpuMs } = await runJavaScript({ kind: "program", source, input, limits }, signal)
    leftMs -= cpuMs
    const problem =
      end.problem ??
      outputProblem(output, end.output ?? "") ??
      (leftMs < 0 ? `all programs together ran longer than ${PROGRAM_TIMES * limits.seconds} s` : undefined)
    if (problem === undefined) passed++
    else first ??= `test ${i + 1}: ${problem}`
    if (signal?.aborted === true || leftMs < 0 || (problem !== undefined && stopEarly)) break
  }
  return { total: cases.length, passed, problem: first }
}

/** The first tests, as many as are run. */
function firstTests(tests: CodeTests, count: number): CodeTests {
  if (tests.kind === "programs") return { ...tests, cases: tests.cases.slice(0, count) }
  return tests.kind === "calls"
    ? { ...tests, calls: tests.calls.slice(0, count) }
    : { ...tests, tests: tests.tests.slice(0, count) }
}

/**
 * Judges JavaScript code (a fenced block, else the whole response) by the unit tests of the gold, see `parseCodeTests`.
 * Asserts may use `assert`, programs print with `console.log` and read with `readline()` or
 * `require("fs").readFileSync(0)`. The code sees neither files nor network. Expected values stay outside the
 * interpreter
 * that runs it: results of calls and printed output are compared here, asserts run in an interpreter of their
 * own. Code that
 * breaks a limit is wrong.
 */
export function javaScriptCodeVerifier(options: JavaScriptCodeOptions = {}): Verifier {
  const { seconds = 2, memoryMb = 64, outputCharacters = 1_000_000, reward = "all", maxTests = 50 } = options
  const limits = { seconds, memoryMb, outputCharacters }
  const stopEarly = reward === "all"
  return {
    name: "code-javascript",
    async verify({ gold, completion, row }, signal): Promise<Verdict> {
      const given = parseCodeTests(gold, row)
      if (given === undefined || (given.kind === "calls" && !IDENTIFIER.test(given.function)))
        return unparsableGold(gold, "unit tests")
      const source = extractCode(completion, LANGUAGES)
      if (source === undefined) return noCode()
      const tests = firstTests(given, maxTests)
      const outcome =
        tests.kind === "programs"
          ? await runPrograms(asScript(source), tests.cases, limits, stopEarly, signal)
          : await runFunctions(asScript(source), tests, limits, stopEarly, signal)
      return verdictOf(outcome, reward === "share", source)
    },
  }
}
