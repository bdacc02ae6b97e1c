/** JavaScript in QuickJS compiled to WebAssembly: an interpreter without a host, with limits on time and memory. */
import type { QuickJSSyncVariant, QuickJSWASMModule } from "quickjs-emscripten-core"

export interface QuickJsLimits {
  readonly seconds: number
  readonly memoryMb: number
  /** What the code prints, in characters. */
  readonly outputCharacters: number
}

export interface QuickJsRun {
  /** JSON text of what the script evaluated to; absent when it threw or is no data. */
  readonly result?: string
  /** What it threw, or the limit it broke. */
  readonly problem?: string
  readonly output: string
}

const STACK_BYTES = 256 * 1024
let loading: Promise<QuickJSWASMModule> | undefined

async function load(): Promise<QuickJSWASMModule> {
  const [{ newQuickJSWASMModuleFromVariant, newVariant }, { default: variant }] = await Promise.all([
    import("quickjs-emscripten-core"),
    import("@jitl/quickjs-wasmfile-release-sync"),
  ])
  // The package describes its CommonJS form, in which `default` is one level deeper than what is loaded here.
  const base = variant as unknown as QuickJSSyncVariant
  // A module that is beyond repair says so on standard error; the verdict says it too.
  const quiet = { printErr: (): void => undefined }
  return newQuickJSWASMModuleFromVariant(newVariant(base, { emscriptenModule: quiet as object }))
}

/**
 * Defined in every context before the code: printing, reading and asserting, as programs for Node and browsers use them.
 * `__host` is taken away from the code's reach by the closure.
 */
const PRELUDE = String.raw`
((host) => {
  delete globalThis.__host
  const show = (value) => typeof value === "string" ? value : typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)
  const print = (...values) => host(values.map(show).join(" ") + "\n")
  globalThis.console = { log: print, info: print, debug: print, warn() {}, error() {} }
  globalThis.print = print
  const lines = __input.split("\n")
  globalThis.readline = () => lines.shift()
  const text = __input
  delete globalThis.__input
  const fail = (message) => { throw new Error(message ?? "assertion failed") }
  const same = (a, b) => {
    if (Object.is(a, b) || a === b) return true
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  }
  const assert = (condition, message) => { if (!condition) fail(message) }
  assert.ok = assert
  assert.equal = (a, b, message) => a == b || fail(message ?? "expected " + show(b) + ", got " + show(a))
  assert.strictEqual = (a, b, message) => Object.is(a, b) || fail(message ?? "expected " + show(b) + ", got " + show(a))
  assert.deepEqual = assert.deepStrictEqual = (a, b, message) => same(a, b) || fail(message ?? "expected " + show(b) + ", got " + show(a))
  assert.throws = (run, message) => { try { run() } catch { return } fail(message ?? "expected an error") }
  console.assert = assert
  const modules = { assert, "node:assert": assert, fs: { readFileSync: () => text }, "node:fs": { readFileSync: () => text } }
  globalThis.require = (name) => modules[name] ?? fail("there is no module " + name)
  globalThis.assert = assert
  globalThis.module = { exports: {} }
  globalThis.exports = module.exports
  globalThis.process = { stdin: {}, argv: [], env: {}, stdout: { write: (value) => host(String(value)) } }
})(__host)
`

/**
 * Runs scripts one after the other in a new context of their own.
 * @param input  what `readline()` and `require("fs").readFileSync(0)` read
 * @returns one result for each script, up to the first that breaks a limit
 */
export async function runQuickJs(
  scripts: readonly string[],
  input: string,
  limits: QuickJsLimits,
): Promise<readonly QuickJsRun[]> {
  loading ??= load()
  const runtime = (await loading).newRuntime({
    memoryLimitBytes: limits.memoryMb * 2 ** 20,
    maxStackSizeBytes: STACK_BYTES,
  })
  const context = runtime.newContext()
  const runs: QuickJsRun[] = []
  let stopped: string | undefined
  try {
    const deadline = performance.now() + limits.seconds * 1000
    let output = ""
    runtime.setInterruptHandler(() => {
      if (performance.now() > deadline) stopped ??= `ran longer than ${limits.seconds} s`
      return stopped !== undefined
    })
    const host = context.newFunction("host", (text) => {
      if (output.length > limits.outputCharacters) stopped ??= `printed more than ${limits.outputCharacters} characters`
      else output += context.getString(text)
    })
    context.setProp(context.global, "__host", host)
    host.dispose()
    const inputHandle = context.newString(input)
    context.setProp(context.global, "__input", inputHandle)
    inputHandle.dispose()
    context.unwrapResult(context.evalCode(PRELUDE, "prelude.js")).dispose()
    for (const script of scripts) {
      output = ""
      const evaluated = context.evalCode(script, "solution.js")
      let problem: string | undefined
      let result: string | undefined
      if (evaluated.error === undefined) {
        const pending = runtime.executePendingJobs()
        if (pending.error !== undefined) problem = described(context.dump(pending.error))
        pending.dispose()
        result =
          typeof evaluated.value === "object" && context.typeof(evaluated.value) === "string"
            ? context.getString(evaluated.value)
            : undefined
      } else problem = described(context.dump(evaluated.error))
      evaluated.dispose()
      problem = stopped ?? problem
      runs.push({ output, ...(problem === undefined ? (result === undefined ? {} : { result }) : { problem }) })
      if (stopped !== undefined) break
    }
    return runs
  } catch (error) {
    // Code that uses up memory or stack can leave the module beyond repair.
    if (!(error instanceof RangeError) && !(error instanceof Error && error.name === "RuntimeError")) throw error
    loading = undefined
    return [
      ...runs,
      {
        output: "",
        problem:
          stopped ?? (error instanceof RangeError ? "InternalError: stack overflow" : "used more memory than allowed"),
      },
    ]
  } finally {
    try {
      context.dispose()
      runtime.dispose()
    } catch {
      // What the code left behind cannot be freed one by one: the next run gets a new module.
      loading = undefined
    }
  }
}

function described(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error).slice(0, 300)
  const { name, message } = error as { name?: unknown; message?: unknown }
  const text =
    `${typeof name === "string" ? name : "Error"}: ${typeof message === "string" ? message : JSON.stringify(error)}`.slice(
      0,
      300,
    )
  return text.includes("out of memory") ? "used more memory than allowed" : text
}
