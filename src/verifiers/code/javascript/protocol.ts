/**
 * What the verifier and the threads that run JavaScript say to each other. Expected values of calls and programs
 * stay outside.
 */

export interface JavaScriptLimits {
  /** Processor seconds of a run. */
  readonly seconds: number
  readonly memoryMb: number
  /** What the code prints, in characters. */
  readonly outputCharacters: number
}

interface RunOf<Kind extends string> {
  readonly kind: Kind
  readonly source: string
  readonly limits: JavaScriptLimits
}

/** A program with its standard input. */
export interface ProgramRun extends RunOf<"program"> {
  readonly input: string
}

/** Calls of a function. */
export interface CallsRun extends RunOf<"calls"> {
  readonly function: string
  /** JSON lists of arguments. */
  readonly calls: readonly string[]
  readonly stopEarly: boolean
}

/** Pieces of code that throw when the code is wrong. */
export interface AssertsRun extends RunOf<"asserts"> {
  readonly setup: string
  readonly tests: readonly string[]
  readonly stopEarly: boolean
}

/**
 * With `stopEarly` the tests after the first that fails do not matter. Without it, outcomes are sent one by one,
 * so that
 * those before an endless test are known.
 */
export type JavaScriptRun = ProgramRun | CallsRun | AssertsRun

/** How a test, or the code before all tests, ended. */
export interface Outcome {
  /** What went wrong, in words. */
  readonly problem?: string
  /** A program's output; a call's result as JSON; absent for asserts. */
  readonly output?: string
}

/** A thread's message. The last one of a run has `end`. */
export interface ThreadReply {
  readonly outcomes: readonly Outcome[]
  /** Its problem is that of the code before the tests, or of a limit that ended the run. */
  readonly end?: Outcome
}

/** A thread's first message. */
export interface ThreadReady {
  readonly cpuCounter: string | undefined
}

export const TIME_PROBLEM = (seconds: number): string => `ran longer than ${seconds} s`
export const MEMORY_PROBLEM = "used more memory than allowed"
