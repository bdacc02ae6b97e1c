/**
 * What the interpreters of the code and of its tests say to each other, in either of them. A test calls
 * functions of the
 * code through it; the code calls functions that a test passed as arguments. Neither ever holds an object of the other.
 */

/** Defines `ask`, `serve`, `stubFor` and `prepare`. */
export const preludeMembrane: string = String.raw`
  const MESSAGE_PROBLEM = "more data than may pass between a test and the code"

  /** One request and its reply. Changes that the other side made to the arguments are made here too. */
  const ask = (op, target, key, self, args) => {
    const exchange = newExchange()
    const message = { op, target, key: encodeKey(key), self: encode(self, exchange), args: encodeAll(args, exchange) }
    const asked = exchange.objects.length
    const text = stringify(message)
    if (text.length > state.messageCharacters) throw new RangeError(MESSAGE_PROBLEM)
    const reply = parse(request(text))
    if (isArray(reply.back)) for (let i = 0; i < asked; i++) takeBack(exchange.objects[i], reply.back[i], exchange)
    if (hasOwn(reply, "error")) throw decode(reply.error, exchange)
    return decode(reply.value, exchange)
  }
  const encodeAll = (args, exchange) => {
    const encoded = []
    for (let i = 0; i < args.length; i++) encoded[i] = encode(args[i], exchange)
    return encoded
  }
  const encodeKey = (key) => (typeof key === "symbol" ? { symbol: found(wellKnown, key) } : key)
  const decodeKey = (key) => (typeof key === "object" && key !== null ? Symbol[key.symbol] : key)

  /** What an object of a request holds after it was served; null for kinds that do not change. */
  const contentOf = (object, exchange) => {
    if (isArray(object)) return encodeList(object, exchange)
    const prototype = getPrototypeOf(object)
    if (prototype === Map.prototype) return encodePairs(object, exchange)
    if (prototype === Set.prototype) return encodeList(listOf(object), exchange)
    if (prototype === Date.prototype || prototype === RegExp.prototype || object instanceof Error) return null
    if (prototype !== null && getPrototypeOf(prototype) === Typed.prototype) return encodeList(listOf(object), exchange)
    return encodeEntries(object, exchange)
  }
  const takeBack = (object, content, exchange) => {
    if (!isArray(content)) return
    const prototype = getPrototypeOf(object)
    if (isArray(object) || (prototype !== null && getPrototypeOf(prototype) === Typed.prototype)) {
      for (let i = 0; i < content.length; i++) {
        const item = decode(content[i], exchange)
        if (!is(object[i], item)) Reflect.set(object, i, item)
      }
      if (isArray(object) && object.length !== content.length) Reflect.set(object, "length", content.length)
    } else if (prototype === Map.prototype) {
      const pairs = []
      for (const pair of content) pairs.push([decode(pair[0], exchange), decode(pair[1], exchange)])
      object.clear()
      for (const pair of pairs) object.set(pair[0], pair[1])
    } else if (prototype === Set.prototype) {
      const values = []
      for (const value of content) values.push(decode(value, exchange))
      object.clear()
      for (const value of values) object.add(value)
    } else {
      const kept = new Set()
      for (const entry of content) {
        kept.add(entry[0])
        const value = decode(entry[1], exchange)
        if (!hasOwn(object, entry[0])) define(object, entry[0], value)
        else if (!is(object[entry[0]], value)) Reflect.set(object, entry[0], value)
      }
      for (const key of keysOf(object)) if (!kept.has(key)) Reflect.deleteProperty(object, key)
    }
  }

  /**
   * What the code may do with an object of a test: call a function it was given, use members of an instance it
   * was given.
   */
  const permitted = (op, target, key) => {
    if (typeof target === "function") return op === "apply"
    if (op !== "get" && op !== "set" && op !== "has" && op !== "keys") return false
    if (op === "keys") return true
    if (typeof key !== "string" || key === "constructor" || key === "__proto__") return false
    const isBuiltin = (holder) => holder === null || found(builtinPaths, holder) !== undefined
    for (let holder = target; !isBuiltin(holder); holder = getPrototypeOf(holder)) if (hasOwn(holder, key)) return true
    return op !== "get"
  }

  const GLOBAL = -1
  const globalValue = (name) => globalEval("typeof " + name + " === 'undefined' ? undefined : " + name)
  const perform = (op, id, key, self, args, exchange) => {
    if (id === GLOBAL && !isTests) {
      if (op === "has") return globalEval("typeof " + key) !== "undefined"
      if (op === "set") return void globalEval("(value) => { " + key + " = value }")(args[0])
      return globalValue(key)
    }
    const target = mine[id]
    if (target === undefined || (isTests && !permitted(op, target, key))) {
      // A missing member is no offence: the code may look.
      if (target !== undefined && op === "get") return undefined
      throw new TypeError("the code may not do this with an object of the test")
    }
    switch (op) {
      case "apply":
        return apply(target, self, args)
      case "construct":
        return construct(target, args)
      case "get":
        return target[key]
      case "set":
        target[key] = args[0]
        return undefined
      case "has":
        return key in target
      case "delete":
        return delete target[key]
      case "keys":
        return keysOf(target)
      case "prototype":
        return getPrototypeOf(target)
      default:
        throw new TypeError("no such request")
    }
  }

  /** Answers a request of the other interpreter. */
  const serve = (text) => {
    const exchange = newExchange()
    const reply = {}
    state.serving++
    try {
      const { op, target, key, self, args } = parse(text)
      const receiver = decode(self, exchange)
      for (let i = 0; i < args.length; i++) args[i] = decode(args[i], exchange)
      const asked = exchange.objects.length
      let value
      let error
      let threw = false
      try {
        value = perform(op, target, decodeKey(key), receiver, args, exchange)
      } catch (thrown) {
        threw = true
        error = thrown
      }
      reply.back = []
      for (let i = 0; i < asked; i++) reply.back[i] = contentOf(exchange.objects[i], exchange)
      if (threw) reply.error = encode(error, exchange)
      else reply.value = encode(value, exchange)
    } catch (error) {
      // What the code gave cannot be written.
      reply.back = undefined
      reply.error = { "@": "error", name: "TypeError", message: describe(error) }
    } finally {
      state.serving--
    }
    const answer = stringify(reply)
    return answer.length <= state.messageCharacters
      ? answer
      : stringify({ error: { "@": "error", name: "RangeError", message: MESSAGE_PROBLEM } })
  }

  const FUNCTION_MEMBERS = new Set(["call", "apply", "bind"])
  const stubFor = (id, callable) => {
    const known = found(stubs, id)
    if (known !== undefined) return known
    const remote = (op, key, args) => ask(op, id, key, undefined, args ?? [])
    const handler = {
      get(target, key) {
        if (callable && (!isTests || FUNCTION_MEMBERS.has(key))) return target[key]
        if (key === Symbol.toPrimitive) return (hint) => asPrimitive(stub, hint)
        if (typeof key === "symbol" && found(wellKnown, key) === undefined) return undefined
        return remote("get", key)
      },
      set(_target, key, value) {
        remote("set", key, [value])
        return true
      },
      has: (_target, key) => typeof key === "string" && remote("has", key),
    }
    if (callable) {
      handler.apply = (_target, self, args) => ask("apply", id, undefined, self === globalThis ? undefined : self, args)
      handler.construct = (_target, args) => remote("construct", undefined, args)
    } else {
      handler.deleteProperty = (_target, key) => remote("delete", key)
      handler.getPrototypeOf = () => (isTests ? remote("prototype") : Object.prototype)
      handler.ownKeys = () => remote("keys")
      handler.getOwnPropertyDescriptor = (_target, key) =>
        typeof key === "string" && remote("keys").includes(key)
          ? { value: remote("get", key), writable: true, enumerable: true, configurable: true }
          : undefined
    }
    const stub = new Proxy(callable ? function () {} : {}, handler)
    put(stubs, id, stub)
    put(stubIds, stub, id)
    return stub
  }
  // An object that is another number whenever it is looked at would satisfy any comparison.
  const asPrimitive = (stub, hint) => {
    if (hint === "number") throw new TypeError("expected a number, got an object of a class of the code")
    return textOf(stub.toString())
  }

  /** Names that tests use and the code defines become ways to what the code defines. */
  const prepare = (names) => {
    const list = parse(names)
    for (const name of list) {
      if (name in globalThis && name !== "module" && name !== "exports") continue
      if (!ask("has", GLOBAL, name, undefined, [])) continue
      defineProperty(globalThis, name, {
        get: () => ask("get", GLOBAL, name, undefined, []),
        set: (value) => void ask("set", GLOBAL, name, undefined, [value]),
        configurable: true,
        enumerable: true,
      })
    }
  }
`
