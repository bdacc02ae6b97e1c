/** Python code against unit tests, in a process of its own that can do nothing but compute. */
import { randomUUID } from "node:crypto"
import { VerifierError, ConfigError } from "../../errors.ts"
import { unparsableGold } from "../procedural/verdicts.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { extractCode, noCode, outputProblem, verdictOf } from "./code-verdict.ts"
import type { TestOutcome } from "./code-verdict.ts"
import { parseCodeTests } from "./code-tests.ts"
import type { CodeTests } from "./code-tests.ts"
import { readOutput } from "./compare-outputs.ts"
import { assertLines, CallLines } from "./python-lines.ts"
import { DEADLINE, NO_TIME_LEFT, pythonInstallation, runPython } from "./python-process.ts"
import type { PythonInstallation, PythonLimits, PythonRequest, PythonRun } from "./python-process.ts"

export interface PythonCodeOptions {
  /** Name or path of the interpreter. Default `python3`. */
  readonly python?: string
  /** Processor seconds of a program, or of all tests of a function together. Default 5. */
  readonly seconds?: number
  /** Memory in MiB. Default 512. */
  readonly memoryMb?: number
  /** Standard output in bytes. Default 1 MiB. */
  readonly outputBytes?: number
  /** All files of a run in bytes. Default 1 MiB. */
  readonly fileBytes?: number
  /** Number of files of a run. Default 100. */
  readonly fileCount?: number
  /** `"all"`: reward 1 when every test passes. `"share"`: the share of the tests that pass. Default `"all"`. */
  readonly reward?: "all" | "share"
  /** Tests at most; further ones are not run. Default 50. */
  readonly maxTests?: number
  /** Runs code where the system cannot shut it in. Only resource limits hold then. Default false. */
  readonly allowUnisolated?: boolean
}

const MEBIBYTE = 2 ** 20
const LANGUAGES: readonly string[] = ["python", "py", "python3"]
/**
 * All programs of a response may take so many times the time of one, by the clock: a program that sleeps holds up the
 * others too. Together they end before the deadline of the pool, which would not count as wrong.
 */
const PROGRAM_TIMES = 5

function limitsOf(options: PythonCodeOptions): PythonLimits {
  const { seconds = 5, memoryMb = 512, outputBytes = MEBIBYTE, fileBytes = MEBIBYTE, fileCount = 100 } = options
  return { seconds, memoryMb, outputBytes, fileBytes, fileCount }
}

function firstTests(tests: CodeTests, count: number): CodeTests {
  if (tests.kind === "programs") return { ...tests, cases: tests.cases.slice(0, count) }
  return tests.kind === "calls"
    ? { ...tests, calls: tests.calls.slice(0, count) }
    : { ...tests, tests: tests.tests.slice(0, count) }
}

/** False when arguments or a result of a call are no JSON. */
function areReadable(tests: CodeTests): boolean {
  if (tests.kind !== "calls") return true
  try {
    for (const { args, expected } of tests.calls) [args, expected].forEach(readOutput)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** The harness could not do its work: not the fault of the response, of which no line has run. */
function checkIsolation(run: PythonRun, allowUnisolated: boolean): void {
  if (run.missing === undefined) {
    if (run.stopped === DEADLINE || run.stopped === NO_TIME_LEFT) return
    const got = run.stderr.trim().split("\n").at(-1) || run.stopped || `exit code ${run.exitCode}`
    throw new VerifierError(
      `code: expected the Python harness to start, got ${got}. Raise memoryMb, or check the installation.`,
    )
  }
  if (run.missing.length > 0 && !allowUnisolated) throw new VerifierError(isolationMessage(run.missing))
}

function isolationMessage(missing: readonly string[]): string {
  return (
    `code: expected a system that can shut Python code in, got none for ${missing.join("; ")}. ` +
    "Use Linux 5.13 or newer with Landlock and seccomp, or set allowUnisolated: true where the code is trusted."
  )
}

export class PythonCode {
  readonly #limits: PythonLimits
  readonly #allowUnisolated: boolean
  readonly #installation: PythonInstallation

  /** @throws VerifierError  without Python, or where code cannot be shut in and `allowUnisolated` is not set */
  constructor(options: PythonCodeOptions) {
    this.#limits = limitsOf(options)
    this.#allowUnisolated = options.allowUnisolated ?? false
    this.#installation = pythonInstallation(options.python ?? "python3")
    if (this.#installation.missing.length > 0 && !this.#allowUnisolated)
      throw new VerifierError(isolationMessage(this.#installation.missing))
  }

  /** @param stopEarly  tests after the first problem do not matter */
  async run(source: string, tests: CodeTests, stopEarly: boolean, signal?: AbortSignal): Promise<TestOutcome> {
    if (tests.kind === "programs") return this.#programs(source, tests.cases, stopEarly, signal)
    if (tests.kind === "calls") return this.#calls(source, tests, stopEarly, signal)
    const { setup, tests: pieces } = tests
    const run = await this.#start({ job: { mode: "asserts", source, setup, tests: pieces, stopEarly }, signal })
    return assertLines(run.lines, this.#limits).outcome(pieces.length, run)
  }

  async #calls(
    source: string,
    { function: name, calls }: Extract<CodeTests, { kind: "calls" }>,
    stopEarly: boolean,
    signal?: AbortSignal,
  ): Promise<TestOutcome> {
    const token = randomUUID()
    const results = new CallLines(
      token,
      calls.map(({ expected }) => expected),
    )
    const run = await this.#start({
      job: { mode: "calls", source, function: name, calls: calls.map(({ args }) => args), token },
      isEnough: (line) => results.take(line) && stopEarly,
      signal,
    })
    return results.outcome(calls.length, run)
  }

  async #programs(
    source: string,
    cases: readonly { input: string; output: string }[],
    stopEarly: boolean,
    signal?: AbortSignal,
  ): Promise<TestOutcome> {
    let passed = 0
    let first: string | undefined
    const allMs = PROGRAM_TIMES * this.#limits.seconds * 1000
    const began = performance.now()
    for (const [i, { input, output }] of cases.entries()) {
      const leftMs = allMs - (performance.now() - began)
      if (leftMs <= 0) {
        first ??= `test ${i + 1}: all programs together ran longer than ${allMs / 1000} s`
        break
      }
      const run = await this.#start({ job: { mode: "program", source }, input, leftMs, signal })
      const error = run.exitCode === 0 ? undefined : run.stderr.trim().split("\n").at(-1) || `exit code ${run.exitCode}`
      const problem =
        (run.stopped === undefined ? undefined : `the code ${run.stopped}`) ??
        error ??
        outputProblem(output, run.stdout)
      if (problem === undefined) passed++
      else first ??= `test ${i + 1}: ${problem}`
      if (signal?.aborted === true || (problem !== undefined && stopEarly)) break
    }
    return { total: cases.length, passed, problem: first }
  }

  async #start(request: Omit<PythonRequest, "limits" | "allowUnisolated">): Promise<PythonRun> {
    const [limits, allowUnisolated] = [this.#limits, this.#allowUnisolated]
    const run = await runPython(this.#installation, { ...request, limits, allowUnisolated })
    checkIsolation(run, allowUnisolated)
    return run
  }
}

/**
 * Judges Python code (a fenced block, else the whole response) by the unit tests of the gold, see `parseCodeTests`. Each
 * run has its own process and empty folder, no network, no other processes, and limits on seconds, memory, output and
 * files. Code that breaks a limit is wrong; what the machinery cannot do is a failure.
 * @throws ConfigError  without Python, or where the system cannot shut code in and `allowUnisolated` is not set
 */
export function pythonCodeVerifier(options: PythonCodeOptions = {}, path: string = "verifier"): Verifier {
  let code: PythonCode
  try {
    code = new PythonCode(options)
  } catch (cause) {
    if (cause instanceof VerifierError) throw new ConfigError([{ path, message: cause.message }], { cause })
    throw cause
  }
  const { reward = "all", maxTests = 50 } = options
  return {
    name: "code-python",
    async verify({ gold, completion, row }, signal): Promise<Verdict> {
      const tests = parseCodeTests(gold, row)
      if (tests === undefined || !areReadable(tests)) return unparsableGold(gold, "unit tests")
      const source = extractCode(completion, LANGUAGES)
      if (source === undefined) return noCode()
      const outcome = await code.run(source, firstTests(tests, maxTests), reward === "all", signal)
      return verdictOf(outcome, reward === "share", source)
    },
  }
}
