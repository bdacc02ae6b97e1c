/**
 * What programs for Node and browsers find: printing, reading, asserting. Source text that runs inside the
 * interpreter.
 */

/**
 * Defines the globals and leaves `show`, `bound`, `state` and `inTests` to the parts of the prelude after it.
 * `tell` and
 * `request` reach the host; `isTests` is true in the interpreter of the tests, where no code of the response runs.
 */
export const preludeGlobals: string = String.raw`
  // A response may define a class of one of these names.
  const { Array, BigInt, Date, Error, Map, Number, Object, Proxy, RegExp, Set, String, Symbol } = globalThis
  const { Function, JSON, Reflect } = globalThis
  const { apply, construct, ownKeys, getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Reflect
  const { is, create, keys: keysOf } = Object
  const { parse, stringify } = JSON
  const { isArray } = Array
  const hasOwn = Object.hasOwn
  const sliceText = String.prototype.slice
  const shiftList = Array.prototype.shift
  const splitText = String.prototype.split
  const textOf = String
  const isFiniteNumber = Number.isFinite
  const globalEval = globalThis.eval
  const cut = (text, length) => apply(sliceText, text, [0, length])
  const show = (value) =>
    typeof value === "string" ? value : typeof value === "object" && value !== null ? stringify(value) : textOf(value)

  const state = {
    text: "",
    lines: [""],
    outputCharacters: 0,
    messageCharacters: 0,
    /** Calls that the other interpreter makes here, one in another. */
    serving: 0,
    /** Jobs run after the end of a test's own code. */
    afterwards: false,
    expecting: 0,
    /** An assertion that failed where the code of the response or nobody would catch it. */
    lateFailure: undefined,
  }
  const write = (text) => tell(stringify(cut(text, state.outputCharacters + 1)))
  const print = (...values) => {
    let line = ""
    for (let i = 0; i < values.length; i++) line += (i === 0 ? "" : " ") + show(values[i])
    write(line + "\n")
  }

  const fail = (message) => {
    const error = message instanceof Error ? message : new Error(message ?? "assertion failed")
    if ((state.serving > 0 || state.afterwards) && state.expecting === 0) state.lateFailure ??= error
    throw error
  }
  // "assert.deepEqual" compares 1 and "1" as equal, as that of Node does.
  const same = (a, b, loose) => {
    if (is(a, b) || a === b || (loose && a == b && (typeof a !== "object" || typeof b !== "object"))) return true
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
    if (isArray(a) !== isArray(b)) return false
    if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && is(+a, +b)
    if (a instanceof RegExp || b instanceof RegExp)
      return a instanceof RegExp && b instanceof RegExp && textOf(a) === textOf(b)
    if (a instanceof Error || b instanceof Error)
      return a instanceof Error && b instanceof Error && a.name === b.name && a.message === b.message
    if (a instanceof Map || b instanceof Map) {
      if (!(a instanceof Map) || !(b instanceof Map) || a.size !== b.size) return false
      return [...a].every(([key, value]) => b.has(key) && same(value, b.get(key), loose))
    }
    if (a instanceof Set || b instanceof Set) {
      if (!(a instanceof Set) || !(b instanceof Set) || a.size !== b.size) return false
      return [...a].every((one) => b.has(one) || [...b].some((other) => same(one, other, loose)))
    }
    const keys = keysOf(a)
    return keys.length === keysOf(b).length && keys.every((key) => hasOwn(b, key) && same(a[key], b[key], loose))
  }
  const compared = (holds) => (a, b, message) => {
    if (!holds(a, b)) fail(message ?? "expected " + shortly(b) + ", got " + shortly(a))
  }
  const unlike = (holds) => (a, b, message) => {
    if (holds(a, b)) fail(message ?? "expected anything but " + shortly(b))
  }
  const shortly = (value) => {
    try {
      return cut(textOf(show(value)), 200)
    } catch {
      return "a value that cannot be shown"
    }
  }
  const fits = (error, wanted) => {
    if (wanted instanceof RegExp) return wanted.test(textOf(error))
    if (typeof wanted === "function") {
      if (wanted.prototype !== undefined && error instanceof wanted) return true
      return wanted !== Error && !apply(Object.prototype.isPrototypeOf, Error, [wanted]) && wanted(error) === true
    }
    if (typeof wanted !== "object" || wanted === null) return true
    return keysOf(wanted).every((key) =>
      wanted[key] instanceof RegExp ? wanted[key].test(error[key]) : same(error[key], wanted[key], false),
    )
  }
  const expectThrow = (run, wanted, message) => {
    let threw = false
    state.expecting++
    try {
      run()
    } catch (error) {
      threw = true
      if (!fits(error, wanted)) fail(typeof message === "string" ? message : "another error: " + shortly(error))
    } finally {
      state.expecting--
    }
    if (!threw) fail(typeof wanted === "string" ? wanted : (message ?? "expected an error"))
  }
  const expectRejection = async (promise, wanted, message) => {
    let rejected = false
    try {
      await (typeof promise === "function" ? promise() : promise)
    } catch (error) {
      rejected = true
      if (!fits(error, wanted)) fail(typeof message === "string" ? message : "another error: " + shortly(error))
    }
    if (!rejected) fail(message ?? "expected a rejection")
  }
  const strictly = (a, b) => same(a, b, false)
  const loosely = (a, b) => same(a, b, true)
  const assert = (condition, message) => {
    if (!condition) fail(message)
  }
  assert.ok = assert
  assert.fail = (message) => fail(message)
  assert.equal = compared((a, b) => a == b || is(a, b))
  assert.notEqual = unlike((a, b) => a == b)
  assert.strictEqual = compared((a, b) => is(a, b))
  assert.notStrictEqual = unlike((a, b) => is(a, b))
  assert.deepEqual = compared(loosely)
  assert.notDeepEqual = unlike(loosely)
  assert.deepStrictEqual = compared(strictly)
  assert.notDeepStrictEqual = unlike(strictly)
  assert.throws = expectThrow
  assert.doesNotThrow = (run) => void run()
  assert.rejects = expectRejection
  assert.match = (text, pattern, message) => {
    if (!pattern.test(text)) fail(message ?? shortly(text) + " does not match " + pattern)
  }
  assert.strict = assert

  globalThis.console = { log: print, info: print, debug: print, warn() {}, error() {}, assert }
  globalThis.print = print
  globalThis.readline = () => apply(shiftList, state.lines, [])
  const files = { readFileSync: () => state.text }
  const modules = { assert, "assert/strict": assert, fs: files }
  for (const name of keysOf(modules)) modules["node:" + name] = modules[name]
  globalThis.require = (name) => modules[name] ?? fail("there is no module " + name)
  globalThis.assert = assert
  globalThis.process = { stdin: {}, argv: [], env: {}, stdout: { write: (value) => write(textOf(value)) } }

  const describe = (error) => {
    try {
      if (typeof error !== "object" || error === null) return cut(textOf(error), 300)
      const { name, message } = error
      const words = typeof message === "string" ? message : shortly(error)
      return cut((typeof name === "string" ? name : "Error") + ": " + words, 300)
    } catch {
      return "threw what cannot be described"
    }
  }
`
