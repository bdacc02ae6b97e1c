/** A thread that runs JavaScript: one run at a time, in interpreters that go back to their beginning before each. */
import { parentPort } from "node:worker_threads"
import { CpuBudget, ownCpuCounter } from "./cpu-budget.ts"
import { Interpreter } from "./interpreter.ts"
import type { InterpreterHost } from "./interpreter.ts"
import { TIME_PROBLEM } from "./protocol.ts"
import type {
  AssertsRun,
  CallsRun,
  JavaScriptLimits,
  JavaScriptRun,
  Outcome,
  ProgramRun,
  ThreadReady,
  ThreadReply,
} from "./protocol.ts"

/** A result, or a message between a test and the code. */
const MESSAGE_CHARACTERS = 16_000_000
/** Results of all calls together: they wait in our own memory. */
const RESULT_CHARACTERS = 32_000_000
/** Calls between a test and the code, one in another. Each takes some of this thread's stack. */
const CALL_DEPTH = 50

const cpuCounter = ownCpuCounter()

/** What is known of the run that is under way. */
interface RunState {
  output: string
  stop: string | undefined
  budget: CpuBudget
  limits: JavaScriptLimits
  depth: number
}

const NO_LIMITS: JavaScriptLimits = { seconds: 60, memoryMb: 64, outputCharacters: 0 }
const state: RunState = {
  output: "",
  stop: undefined,
  budget: new CpuBudget(cpuCounter, 60_000),
  limits: NO_LIMITS,
  depth: 0,
}

function stopped(): string | undefined {
  if (state.stop === undefined && state.budget.spent) state.stop = TIME_PROBLEM(state.limits.seconds)
  return state.stop
}

function print(text: string): void {
  const { outputCharacters } = state.limits
  if (state.output.length + text.length > outputCharacters)
    state.stop ??= `printed more than ${outputCharacters} characters`
  else state.output += text
}

/** A request of one interpreter, answered by the other. */
function relay(other: () => Interpreter | undefined, text: string): string {
  const interpreter = other()
  if (interpreter === undefined || state.depth >= CALL_DEPTH)
    throw new RangeError("calls between a test and the code are nested too deep")
  state.depth++
  try {
    const answer = interpreter.invoke("serve", text)
    if ("text" in answer) return answer.text
    state.stop ??= answer.problem
    throw new Error(answer.problem)
  } finally {
    state.depth--
  }
}

let memoryMb = 0
let code: Interpreter | undefined
let tests: Interpreter | undefined

const codeHost: InterpreterHost = { print, stopped, request: (text) => relay(() => tests, text) }
const testsHost: InterpreterHost = { print: () => undefined, stopped, request: (text) => relay(() => code, text) }

async function newRun(run: JavaScriptRun, withTests: boolean): Promise<Interpreter> {
  state.stop = undefined
  state.budget = new CpuBudget(cpuCounter, 60_000)
  if (run.limits.memoryMb !== memoryMb) code = tests = undefined
  memoryMb = run.limits.memoryMb
  if (code?.sound !== true) code = await Interpreter.create(memoryMb, codeHost, false)
  if (withTests && tests?.sound !== true) tests = await Interpreter.create(memoryMb, testsHost, true)
  const { outputCharacters, seconds } = run.limits
  const start = {
    input: run.kind === "program" ? run.input : "",
    outputCharacters,
    messageCharacters: MESSAGE_CHARACTERS,
  }
  code.reset(start)
  if (withTests) tests?.reset(start)
  state.limits = run.limits
  state.output = ""
  state.budget = new CpuBudget(cpuCounter, seconds * 1000)
  return code
}

async function runProgram(run: ProgramRun): Promise<Outcome> {
  const interpreter = await newRun(run, false)
  const problem = interpreter.run(run.source) ?? interpreter.runJobs()
  return problem === undefined ? { output: state.output } : { problem }
}

async function runCalls(run: CallsRun, report: (outcome: Outcome) => void): Promise<Outcome> {
  const interpreter = await newRun(run, false)
  const broken = interpreter.run(run.source) ?? interpreter.runJobs()
  if (broken !== undefined) return { problem: broken }
  let characters = 0
  for (const args of run.calls) {
    state.output = ""
    const answer = interpreter.call(run.function, args)
    if ("problem" in answer) report(answer)
    else if ((characters += answer.text.length) > RESULT_CHARACTERS) return { problem: "the results are too large" }
    else report({ output: answer.text })
    if (state.stop !== undefined) return { problem: state.stop }
    if ("problem" in answer && run.stopEarly) break
  }
  return {}
}

const NAME = /[A-Za-z_$][\w$]*/gu
const CLASS = /\b(?:class|function)\s+([A-Z][\w$]*)/gu

/** Runs the jobs of both interpreters: each may wait for the other. */
function settleBoth(codeVm: Interpreter, testsVm: Interpreter): string | undefined {
  let problem: string | undefined
  while (problem === undefined && (codeVm.hasJobs || testsVm.hasJobs)) problem = codeVm.runJobs() ?? testsVm.runJobs()
  return problem
}

async function runAsserts(run: AssertsRun, report: (outcome: Outcome) => void): Promise<Outcome> {
  const codeVm = await newRun(run, true)
  const testsVm = tests!
  const broken = codeVm.run(run.source) ?? codeVm.runJobs()
  if (broken !== undefined) return { problem: broken }
  const names = [...new Set([run.setup, ...run.tests].join("\n").match(NAME))]
  const classes = [...run.setup.matchAll(CLASS)].map((match) => match[1]!)
  // Definitions that the code needs too. One that it has already is no problem.
  codeVm.run(run.setup)
  const prepared = testsVm.invoke("prepare", JSON.stringify(names.filter((name) => !RESERVED.has(name))))
  if ("problem" in prepared) return { problem: state.stop ?? prepared.problem }
  const unready = testsVm.run(run.setup)
  if (unready !== undefined) return { problem: unready }
  for (const interpreter of [codeVm, testsVm]) interpreter.invoke("share", JSON.stringify(classes))
  for (const test of run.tests) {
    state.output = ""
    const problem = runTest(codeVm, testsVm, test)
    report(problem === undefined ? {} : { problem })
    if (state.stop !== undefined) return { problem: state.stop }
    if (problem !== undefined && run.stopEarly) break
  }
  return {}
}

function runTest(codeVm: Interpreter, testsVm: Interpreter, test: string): string | undefined {
  // In a block, so that tests may use one name each; as a function where it waits and says so to nobody.
  const script = /\bawait\b/u.test(test) && !/\basync\b/u.test(test) ? `(async () => {\n${test}\n})()` : `{\n${test}\n}`
  const problem = testsVm.runSettled(script, () => {
    testsVm.invoke("after")
    return settleBoth(codeVm, testsVm)
  })
  const late = testsVm.invoke("late")
  return problem ?? ("problem" in late ? late.problem : late.text === "" ? undefined : late.text)
}

/** Words of the language are no names. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof var void while with yield"
  ).split(" "),
)

async function work(run: JavaScriptRun): Promise<void> {
  let waiting: Outcome[] = []
  const report = (outcome: Outcome): void => {
    waiting.push(outcome)
    if (run.kind === "program" || run.stopEarly) return
    parentPort?.postMessage({ outcomes: waiting } satisfies ThreadReply, [])
    waiting = []
  }
  let end: Outcome
  if (run.kind === "program") end = await runProgram(run)
  else end = await (run.kind === "calls" ? runCalls(run, report) : runAsserts(run, report))
  parentPort?.postMessage({ outcomes: waiting, end } satisfies ThreadReply, [])
}

parentPort?.on("message", (run: JavaScriptRun) => void work(run))
parentPort?.postMessage({ cpuCounter } satisfies ThreadReady, [])
