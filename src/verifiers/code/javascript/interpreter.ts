/**
 * QuickJS compiled to WebAssembly: an interpreter without a host, whose memory has an end and goes back to its
 * beginning.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSSyncVariant } from "quickjs-emscripten-core"
import "./webassembly.ts"
import { prelude } from "./prelude.ts"
import { MEMORY_PROBLEM } from "./protocol.ts"

/** What an interpreter asks of its host. */
export interface InterpreterHost {
  /** Text that the code prints. */
  readonly print: (text: string) => void
  /** A request to the other interpreter, and its reply. */
  readonly request: (text: string) => string
  /** A reason to end the run, in words: asked for as the code runs. */
  readonly stopped: () => string | undefined
}

/** What every run begins with. */
export interface InterpreterStart {
  readonly input: string
  readonly outputCharacters: number
  /** Characters of a result or a message at most. */
  readonly messageCharacters: number
}

/** Text, or what went wrong in words. */
export type Answer = { readonly text: string } | { readonly problem: string }

type Result = ReturnType<QuickJSContext["evalCode"]>
type Helper = "start" | "call" | "dataOf" | "serve" | "prepare" | "share" | "after" | "late" | "describe"
const HELPERS: readonly Helper[] = ["start", "call", "dataOf", "serve", "prepare", "share", "after", "late", "describe"]

const PAGE_BYTES = 65_536
/** The smallest memory that the module starts with. */
const INITIAL_PAGES = 256
/** Its stack, its constants and the interpreter's own objects, which are not the code's. */
const OWN_BYTES = 6 * 2 ** 20
/** A memory is full when it cannot grow by this factor. */
const FULL_FACTOR = 1.1
/** Of the code's calls. The stack of the thread must hold the calls of the interpreter that belong to it. */
const STACK_BYTES = 2 ** 20

let compiled: WebAssembly.Module | undefined

function compiledModule(): WebAssembly.Module {
  const path = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm")
  compiled ??= new WebAssembly.Module(readFileSync(path))
  return compiled
}

/** The package describes its CommonJS form, in which `default` is one level deeper than what is loaded here. */
function variantOf(loaded: unknown): QuickJSSyncVariant {
  return loaded as QuickJSSyncVariant
}

/** An instance of its own, in a memory that cannot grow beyond its maximum. */
async function newRuntime(memory: WebAssembly.Memory): Promise<QuickJSRuntime> {
  const [{ newQuickJSWASMModuleFromVariant, newVariant }, { default: variant }] = await Promise.all([
    import("quickjs-emscripten-core"),
    import("@jitl/quickjs-wasmfile-release-sync"),
  ])
  const emscriptenModule = {
    wasmMemory: memory,
    // A module that is beyond repair says so on standard error; the outcome says it too.
    printErr: (): void => undefined,
    instantiateWasm: (imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(compiledModule(), imports)
      receive(instance)
      return instance.exports
    },
  }
  const module = await newQuickJSWASMModuleFromVariant(newVariant(variantOf(variant), { emscriptenModule }))
  return module.newRuntime({ maxStackSizeBytes: STACK_BYTES })
}

/**
 * One interpreter. `reset` puts its whole memory back to what it was before the first run, so that no run finds
 * anything of
 * another. One that grew or broke is not `sound` and must be replaced.
 */
export class Interpreter {
  readonly #memory: WebAssembly.Memory
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #host: InterpreterHost
  readonly #helpers: Readonly<Record<Helper, QuickJSHandle>>
  readonly #image: Uint8Array
  readonly #bytes: number
  readonly #maximumBytes: number
  #broken = false

  private constructor(
    memory: WebAssembly.Memory,
    maximumBytes: number,
    runtime: QuickJSRuntime,
    host: InterpreterHost,
    isTests: boolean,
  ) {
    this.#memory = memory
    this.#maximumBytes = maximumBytes
    this.#runtime = runtime
    this.#host = host
    this.#context = runtime.newContext()
    this.#helpers = this.#runPrelude(isTests)
    runtime.setInterruptHandler(() => this.#host.stopped() !== undefined)
    this.#image = usedPart(new Uint8Array(memory.buffer))
    this.#bytes = memory.buffer.byteLength
  }

  /**
   * @param memoryMb  of the code; below 10 it counts as 10
   * @param isTests  it will run tests, and no code of a response
   */
  static async create(memoryMb: number, host: InterpreterHost, isTests: boolean): Promise<Interpreter> {
    const pages = Math.max(INITIAL_PAGES, Math.ceil((OWN_BYTES + memoryMb * 2 ** 20) / PAGE_BYTES))
    const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: pages })
    return new Interpreter(memory, pages * PAGE_BYTES, await newRuntime(memory), host, isTests)
  }

  /** False when it must not be used again. */
  get sound(): boolean {
    return !this.#broken && this.#memory.buffer.byteLength === this.#bytes
  }

  /** Forgets everything and begins a run. */
  reset(start: InterpreterStart): void {
    const bytes = new Uint8Array(this.#memory.buffer)
    bytes.set(this.#image)
    bytes.fill(0, this.#image.length)
    this.invoke("start", JSON.stringify(start))
  }

  /** Runs a script. @returns what went wrong */
  run(script: string): string | undefined {
    return this.#guarded(() => {
      const result = this.#context.evalCode(script, "solution.js", { type: "global" })
      return result.error === undefined ? (result.value.dispose(), undefined) : this.#described(result.error)
    })
  }

  /** Runs a script; when its value is a promise, that must be fulfilled after `settle`. @returns what went wrong */
  runSettled(script: string, settle: () => string | undefined): string | undefined {
    return this.#guarded(() => {
      const result = this.#context.evalCode(script, "test.js", { type: "global" })
      const value = this.#settled(result, settle)
      return typeof value === "string" ? value : (value.dispose(), undefined)
    })
  }

  /** The result of a function of the code as data. */
  call(name: string, args: string): Answer {
    let text: string | undefined
    const problem = this.#guarded(() => {
      const value = this.#settled(this.#helper("call", name, args), () => this.runJobs())
      if (typeof value === "string") return value
      const written = this.#context.callFunction(this.#helpers.dataOf, this.#context.undefined, value)
      value.dispose()
      if (written.error !== undefined) return this.#described(written.error)
      text = this.#text(written.value)
      return undefined
    })
    if (problem !== undefined) return { problem }
    return text === undefined ? { problem: "the result is no data" } : { text }
  }

  /** A helper of the prelude that takes texts and gives one. */
  invoke(helper: Helper, ...args: readonly string[]): Answer {
    let text = ""
    const problem = this.#guarded(() => {
      const result = this.#helper(helper, ...args)
      if (result.error !== undefined) return this.#described(result.error)
      text = this.#text(result.value) ?? ""
      return undefined
    })
    return problem === undefined ? { text } : { problem }
  }

  get hasJobs(): boolean {
    return !this.#broken && this.#runtime.hasPendingJob()
  }

  /** Runs what promises wait for, until nothing does. @returns what went wrong */
  runJobs(): string | undefined {
    return this.#guarded(() => {
      const result = this.#runtime.executePendingJobs()
      const problem = result.error === undefined ? undefined : this.#described(result.error)
      return problem
    })
  }

  #runPrelude(isTests: boolean): Readonly<Record<Helper, QuickJSHandle>> {
    const context = this.#context
    const tell = context.newFunction("tell", (text) => {
      this.#host.print(JSON.parse(context.getString(text)) as string)
    })
    const request = context.newFunction("request", (text) =>
      context.newString(this.#host.request(context.getString(text))),
    )
    const begin = context.unwrapResult(context.evalCode(prelude, "prelude.js", { type: "global" }))
    const helpers = context.unwrapResult(
      context.callFunction(begin, context.undefined, tell, request, isTests ? context.true : context.false),
    )
    const entries = HELPERS.map((helper) => [helper, context.getProp(helpers, helper)] as const)
    return Object.fromEntries(entries) as Record<Helper, QuickJSHandle>
  }

  #helper(helper: Helper, ...args: readonly string[]): Result {
    const texts = args.map((text) => this.#context.newString(text))
    const result = this.#context.callFunction(this.#helpers[helper], this.#context.undefined, texts)
    for (const text of texts) text.dispose()
    return result
  }

  /** A value, or what went wrong. */
  #settled(result: Result, settle: () => string | undefined): QuickJSHandle | string {
    if (result.error !== undefined) return this.#described(result.error)
    const problem = settle()
    if (problem !== undefined) return problem
    const state = this.#context.getPromiseState(result.value)
    if (state.type === "pending") return "the promise is never settled"
    if (state.type === "rejected") return this.#described(state.error)
    return state.value
  }

  #text(value: QuickJSHandle): string | undefined {
    const text = this.#context.typeof(value) === "string" ? this.#context.getString(value) : undefined
    value.dispose()
    return text
  }

  #described(error: QuickJSHandle): string {
    const words = this.#context.callFunction(this.#helpers.describe, this.#context.undefined, error)
    error.dispose()
    const text = words.error === undefined ? this.#text(words.value) : undefined
    if (text === undefined) return "it threw what cannot be described"
    // Where there is no memory for an error, null is thrown.
    const isFull = text === "null" && this.#memory.buffer.byteLength * FULL_FACTOR >= this.#maximumBytes
    return isFull || text.startsWith("InternalError: out of memory") ? MEMORY_PROBLEM : text
  }

  /**
   * What stops a run comes before what the code made of it. Code that uses up memory can leave the module beyond
   * repair.
   */
  #guarded(act: () => string | undefined): string | undefined {
    if (this.#broken) return this.#host.stopped() ?? MEMORY_PROBLEM
    try {
      const problem = act()
      return this.#host.stopped() ?? problem
    } catch (error) {
      this.#broken = true
      if (this.#host.stopped() !== undefined) return this.#host.stopped()
      return error instanceof RangeError && /call stack/u.test(error.message)
        ? "InternalError: stack overflow"
        : MEMORY_PROBLEM
    }
  }
}

/** A copy without the zeros at the end. */
function usedPart(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) + 1)
}
