/**
 * The program that every interpreter begins with. What it returns is for the host; the code of a response cannot
 * reach it.
 */
import { preludeGlobals } from "./prelude-globals.ts"
import { preludeMembrane } from "./prelude-membrane.ts"
import { preludeWire } from "./prelude-wire.ts"

/**
 * A function of `tell(text)`, `request(text)` and `isTests`. Of the object it returns:
 * - `start` sets the standard input and limits of a run, as JSON
 * - `call` calls a function of the code with a JSON list of arguments, `dataOf` writes a result as JSON
 * - `serve` and `prepare`: see the membrane; `share` tells which classes both interpreters define
 * - `after` begins, and `late` ends, the time in which assertions fail without anybody to catch them
 * - `describe` puts what was thrown in words
 */
export const prelude: string = `((tell, request, isTests) => {
  ${preludeGlobals}
  ${preludeWire}
  ${preludeMembrane}
  globalThis.module = { exports: {} }
  globalThis.exports = globalThis.module.exports

  const start = (text) => {
    const { input, outputCharacters, messageCharacters } = parse(text)
    state.text = input
    state.lines = apply(splitText, input, ["\\n"])
    state.outputCharacters = outputCharacters
    state.messageCharacters = messageCharacters
  }
  const solution = (name) => {
    const own = globalValue(name)
    if (typeof own === "function") return own
    const exported = globalThis.module.exports
    if (exported[name] !== undefined) return exported[name]
    const Solution = globalValue("Solution")
    if (typeof Solution !== "function") return exported
    return (...args) => {
      const instance = new Solution()
      return apply(instance[name], instance, args)
    }
  }
  const call = (name, args) => apply(solution(name), undefined, parse(args))
  const dataOf = (value) => {
    if (value === undefined || typeof value === "function" || typeof value === "symbol")
      throw new TypeError("the result is " + typeof value + ", which is no data")
    const text = stringify(plain(value, 0))
    if (text.length > state.messageCharacters) throw new RangeError("the result is too large")
    return text
  }
  const share = (names) => {
    shared = new Map()
    const list = parse(names)
    for (let i = 0; i < list.length; i++) {
      const value = globalValue(list[i])
      if (typeof value === "function") put(shared, list[i], value)
    }
  }
  const after = () => {
    state.afterwards = true
  }
  const late = () => {
    const failure = state.lateFailure
    state.lateFailure = undefined
    state.afterwards = false
    return failure === undefined ? "" : describe(failure)
  }
  return { start, call, dataOf, serve, prepare, share, after, late, describe }
})`
