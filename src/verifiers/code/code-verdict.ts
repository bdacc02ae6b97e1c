/** What the code verifiers of both languages share: the code of a response, printed output, the verdict of some tests. */
import { noAnswer } from "../procedural/verdicts.ts"
import { fencedBlocks } from "../structure/json-value.ts"
import type { Verdict } from "../verifier.ts"

/** Longer code is not run. */
const MAXIMUM_CHARACTERS = 100_000

/**
 * The code of a response: the last fenced block of the language, else the last without a language, else, when there is no
 * block at all, the whole response. Undefined when it is empty or longer than 100,000 characters.
 */
export function extractCode(completion: string, languages: readonly string[]): string | undefined {
  const blocks = fencedBlocks(completion)
  const block =
    blocks.findLast(({ language }) => languages.includes(language)) ??
    blocks.findLast(({ language }) => language === "")
  const code = blocks.length === 0 ? completion : block?.content
  return code === undefined || code.trim() === "" || code.length > MAXIMUM_CHARACTERS ? undefined : code
}

/** No code was found. */
export function noCode(): Verdict {
  return noAnswer(`the response holds no code, or more than ${MAXIMUM_CHARACTERS} characters of it`)
}

/** Printed output without white space at the ends of lines and of the whole. */
function lines(text: string): readonly string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd())
}

/** What is wrong with printed output, in words; undefined when it is what was asked for. */
export function outputProblem(expected: string, given: string): string | undefined {
  const [wanted, got] = [lines(expected), lines(given)]
  const at = wanted.findIndex((line, i) => line !== got[i])
  if (at >= 0)
    return `expected line ${at + 1} of the output to be ${JSON.stringify(wanted[at]!.slice(0, 80))}, got ${JSON.stringify((got[at] ?? "").slice(0, 80))}`
  return got.length === wanted.length ? undefined : `expected ${wanted.length} lines of output, got ${got.length}`
}

/** How the tests of one response went. */
export interface TestOutcome {
  readonly total: number
  readonly passed: number
  /** The first problem, in words. */
  readonly problem: string | undefined
}

/** @param share  partial reward: the share of the tests that pass */
export function verdictOf(outcome: TestOutcome, share: boolean, code: string): Verdict {
  const { total, passed, problem } = outcome
  const extracted = code.trim().slice(0, 300)
  if (passed === total && problem === undefined)
    return { status: "correct", reward: 1, extracted, reason: `${total} of ${total} tests pass` }
  const reason = `${passed} of ${total} tests pass: ${problem ?? "the others did not finish"}`
  return { status: "incorrect", reward: share ? Math.min(passed, total - 1) / total : 0, extracted, reason }
}
