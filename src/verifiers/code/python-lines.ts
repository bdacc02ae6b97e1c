/** What the lines of a Python run say about its tests. */
import { outputDifference } from "./compare-outputs.ts"
import type { TestOutcome } from "./code-verdict.ts"
import { killerReason } from "./python-process.ts"
import type { PythonLimits, PythonRun } from "./python-process.ts"

const PYTHON_RULES = { wholeNumbersExact: true }
const PROBLEM_CHARACTERS = 300

/** How the tests of one run went, as far as it came. */
export class TestLines {
  /** The code itself could not be run, in words. */
  error: string | undefined
  /** Why the process of the code ended before its parent, in words. */
  stopped: string | undefined
  /** Problem of each test that came to an end; undefined when it passed. */
  readonly problems: Map<number, string | undefined> = new Map()

  /** The outcome of `total` tests. */
  outcome(total: number, run: PythonRun): TestOutcome {
    const passed = [...this.problems.values()].filter((problem) => problem === undefined).length
    const failed = [...this.problems].find(([, problem]) => problem !== undefined)
    const stopped = run.stopped ?? this.stopped
    const problem =
      this.error ??
      (failed === undefined ? undefined : `test ${failed[0] + 1}: ${failed[1]}`) ??
      (stopped === undefined ? undefined : `the code ${stopped}`) ??
      (this.problems.size === total ? undefined : "the code ended the process before the tests were done")
    return { total, passed, problem }
  }
}

/** The text of a JSON string, or what stands there instead. */
function words(text: string): string {
  try {
    return String(JSON.parse(text)).slice(0, PROBLEM_CHARACTERS)
  } catch {
    return "no words"
  }
}

/**
 * Compares the results of calls with what is expected, as they come: lines `token result N JSON`, `token raised N
 * words` and `token error words`. They come from the code's own process, so anything may stand in them: only the first
 * result of a call counts, and what cannot be read is a wrong result.
 */
export class CallLines extends TestLines {
  readonly #token: string
  readonly #expected: readonly string[]

  /** @param expected  JSON text of each call's result */
  constructor(token: string, expected: readonly string[]) {
    super()
    this.#token = token
    this.#expected = expected
  }

  /** True when the line tells of a problem. */
  take(line: string): boolean {
    if (!line.startsWith(`${this.#token} `)) return false
    const [, kind, body] = /^(\w+) (.*)$/su.exec(line.slice(this.#token.length + 1)) ?? []
    if (kind === "error" && this.problems.size === 0) {
      this.error ??= words(body!)
      return true
    }
    const [, number, text] = /^(\d{1,9}) (.*)$/su.exec(body ?? "") ?? []
    const index = Number(number)
    const expected = this.#expected[index]
    if (expected === undefined || text === undefined || this.problems.has(index)) return false
    const problem = kind === "result" ? outputDifference(expected, text, PYTHON_RULES) : words(text)
    this.problems.set(index, problem)
    return problem !== undefined
  }
}

/** Lines of the process that runs asserts. It holds the tests and no line of the response, so what it says is so. */
export function assertLines(lines: readonly string[], limits: PythonLimits): TestLines {
  const found = new TestLines()
  for (const line of lines) {
    const { error, test, problem, killer } = JSON.parse(line) as {
      readonly error?: string
      readonly test?: number
      readonly problem?: string | null
      readonly killer?: string
    }
    if (error !== undefined) found.error = error
    if (test !== undefined) found.problems.set(test, problem ?? undefined)
    if (killer !== undefined) found.stopped = killerReason(killer, limits)
  }
  return found
}
