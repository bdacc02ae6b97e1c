/** Threads that run JavaScript, as their caller sees them: kept for the next run, ended when code outlasts its time. */
import type { Worker } from "node:worker_threads"
import { availableParallelism } from "node:os"
import { VerifierError } from "../../../errors.ts"
import { startWorker } from "../../../worker-thread.ts"
import { CpuBudget } from "./cpu-budget.ts"
import { MEMORY_PROBLEM, TIME_PROBLEM } from "./protocol.ts"
import type { JavaScriptRun, Outcome, ThreadReady, ThreadReply } from "./protocol.ts"

/** Beyond the time that the interpreter is given to stop by itself. */
const GRACE_MS = 250
const MAXIMUM_THREADS = Math.max(8, availableParallelism())
/** The heap of a thread, beside the memory of its interpreters; its stack holds their calls. */
const HEAP_MB = 512
const STACK_MB = 16

/** How a run went. */
export interface RunResult {
  readonly outcomes: readonly Outcome[]
  /** Its problem is that of the code before the tests, or of a limit that ended the run. */
  readonly end: Outcome
  /** Processor time that it took. */
  readonly cpuMs: number
}

class JavaScriptThread {
  readonly #worker: Worker
  #cpuCounter: string | undefined
  #gone = false
  readonly #ready: Promise<void>

  constructor() {
    this.#worker = startWorker("./thread", import.meta.url, {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, stackSizeMb: STACK_MB },
    })
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.once("message", ({ cpuCounter }: ThreadReady) => {
        this.#cpuCounter = cpuCounter
        resolve()
      })
      this.#worker.once("error", reject)
      this.#worker.once("exit", (code) =>
        reject(new VerifierError(`code: a thread for JavaScript ended with code ${code}`)),
      )
    })
    // Awaited by the first run.
    this.#ready.catch(() => undefined)
    this.#worker.once("exit", () => (this.#gone = true))
  }

  get gone(): boolean {
    return this.#gone
  }

  /** A thread without work does not keep the process alive. */
  rest(): void {
    this.#worker.unref()
  }

  end(): void {
    this.#gone = true
    void this.#worker.terminate()
  }

  async run(run: JavaScriptRun, signal: AbortSignal | undefined): Promise<RunResult> {
    this.#worker.ref()
    await this.#ready
    const limitMs = run.limits.seconds * 1000 + GRACE_MS
    const budget = new CpuBudget(this.#cpuCounter, limitMs)
    const outcomes: Outcome[] = []
    let timer: NodeJS.Timeout | undefined
    let leave = (): void => undefined
    try {
      return await new Promise<RunResult>((resolve, reject) => {
        const stop = (problem: string): void => {
          this.end()
          resolve({ outcomes, end: { problem }, cpuMs: budget.usedMs })
        }
        const look = (): void => {
          if (budget.spent) stop(TIME_PROBLEM(run.limits.seconds))
          else timer = setTimeout(look, budget.waitMs)
        }
        timer = setTimeout(look, limitMs)
        const onMessage = (reply: ThreadReply): void => {
          outcomes.push(...reply.outcomes)
          if (reply.end !== undefined) resolve({ outcomes, end: reply.end, cpuMs: budget.usedMs })
        }
        const onError = (error: Error & { readonly code?: string }): void => {
          // Only what the code made fills the heap of a thread.
          if (error.code === "ERR_WORKER_OUT_OF_MEMORY") stop(MEMORY_PROBLEM)
          else reject(error)
        }
        const onExit = (code: number): void =>
          reject(new VerifierError(`code: the JavaScript thread ended with code ${code}`))
        const onAbort = (): void => stop("was stopped at the deadline")
        this.#worker.on("message", onMessage).on("error", onError).on("exit", onExit)
        signal?.addEventListener("abort", onAbort)
        leave = () => {
          this.#worker.off("message", onMessage).off("error", onError).off("exit", onExit)
          signal?.removeEventListener("abort", onAbort)
        }
        if (signal?.aborted === true) onAbort()
        else this.#worker.postMessage(run, [])
      })
    } finally {
      clearTimeout(timer)
      leave()
    }
  }
}

let count = 0
const resting: JavaScriptThread[] = []
const waiting: (() => void)[] = []

async function takeThread(): Promise<JavaScriptThread> {
  for (;;) {
    const thread = resting.pop()
    if (thread !== undefined) {
      if (!thread.gone) return thread
      count--
    } else if (count < MAXIMUM_THREADS) {
      count++
      return new JavaScriptThread()
    } else await new Promise<void>((resolve) => waiting.push(resolve))
  }
}

function giveBack(thread: JavaScriptThread): void {
  if (thread.gone) count--
  else {
    thread.rest()
    resting.push(thread)
  }
  waiting.shift()?.()
}

/**
 * Runs code in a thread. Code that outlasts its processor time, or fills the thread's memory, has a problem; the
 * thread is
 * then ended and the next run gets another.
 * @throws VerifierError  when the thread could not do its work
 */
export async function runJavaScript(run: JavaScriptRun, signal?: AbortSignal): Promise<RunResult> {
  const thread = await takeThread()
  try {
    return await thread.run(run, signal)
  } catch (error) {
    thread.end()
    throw error
  } finally {
    giveBack(thread)
  }
}
