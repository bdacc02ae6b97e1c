/** Values as text and back, inside the interpreter. */

/**
 * Defines `plain`, which gives what JSON can write of a result, and `encode`, `decode` and `newExchange` for
 * messages between
 * a test and the code. In messages, an object with the member `@` stands for what JSON lacks. Data travels by
 * value. What is no data stays at home and travels as a
 * number: functions, instances of classes of the code, promises, generators. Built-in functions that a test
 * passes travel as their name: the code of a response never gets those of the tests' interpreter.
 *
 * Objects are counted in the order in which they are written, over a request and its reply: the second time, and
 * on the way
 * back, one is its number. That keeps identity, cycles, and changes to arguments.
 */
export const preludeWire: string = String.raw`
  const builtinPaths = new Map()
  const builtins = new Map()
  const collectBuiltins = (value, path) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null || builtinPaths.has(value)) return
    builtinPaths.set(value, path)
    builtins.set(path, value)
    for (const key of ownKeys(value)) {
      const property = getOwnPropertyDescriptor(value, key)
      if (hasOwn(property, "value")) collectBuiltins(property.value, path + "." + textOf(key))
    }
    collectBuiltins(getPrototypeOf(value), path + ".<prototype>")
  }
  collectBuiltins(globalThis, "globalThis")
  const wellKnown = new Map()
  for (const name of Object.getOwnPropertyNames(Symbol))
    if (typeof Symbol[name] === "symbol") wellKnown.set(Symbol[name], name)

  const mapGet = Map.prototype.get
  const mapSet = Map.prototype.set
  const found = (map, key) => apply(mapGet, map, [key])
  const put = (map, key, value) => void apply(mapSet, map, [key, value])
  const listOf = Array.from
  const dateTime = Date.prototype.getTime
  const dateText = Date.prototype.toISOString
  const Typed = getPrototypeOf(Uint8Array)

  /** Classes that the tests define for the code, by name. */
  let shared = new Map()
  /** What stays here and the other interpreter knows by number. */
  const mine = []
  const mineIds = new Map()
  /** What stands for things of the other interpreter. */
  const stubs = new Map()
  const stubIds = new Map()

  const PROTOTYPE = /[.<]prototype>?$/
  const testPattern = RegExp.prototype.test
  const isPrototype = (path, value) => typeof value === "object" && apply(testPattern, PROTOTYPE, [path])

  const newExchange = () => ({ objects: [], indices: new Map() })
  const count = (exchange, object) => {
    put(exchange.indices, object, exchange.objects.length)
    exchange.objects[exchange.objects.length] = object
  }

  const refer = (value) => {
    const theirs = found(stubIds, value)
    if (theirs !== undefined) return { "@": "yours", id: theirs }
    let id = found(mineIds, value)
    if (id === undefined) {
      id = mine.length
      mine[id] = value
      put(mineIds, value, id)
    }
    return { "@": "mine", id, callable: typeof value === "function" }
  }

  const encodeNumber = (value) =>
    isFiniteNumber(value) && !is(value, -0) ? value : { "@": "number", text: is(value, -0) ? "-0" : textOf(value) }

  const isFlat = (list) => {
    for (let i = 0; i < list.length; i++) {
      const item = list[i]
      const type = typeof item
      if (type === "number" && (!isFiniteNumber(item) || is(item, -0))) return false
      if (type !== "number" && type !== "string" && type !== "boolean" && item !== null) return false
    }
    return true
  }
  const encodeList = (list, exchange) => {
    if (isFlat(list)) return list
    const items = []
    for (let i = 0; i < list.length; i++) items[i] = encode(list[i], exchange)
    return items
  }
  const encodeEntries = (value, exchange) => {
    const keys = keysOf(value)
    const entries = []
    for (let i = 0; i < keys.length; i++) entries[i] = [keys[i], encode(value[keys[i]], exchange)]
    return entries
  }
  const encodePairs = (map, exchange) => {
    const pairs = listOf(map)
    const entries = []
    for (let i = 0; i < pairs.length; i++)
      entries[i] = [encode(pairs[i][0], exchange), encode(pairs[i][1], exchange)]
    return entries
  }
  const encodeObject = (value, exchange) => {
    const object = create(null)
    const keys = keysOf(value)
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === "@") return { "@": "object", entries: encodeEntries(value, exchange) }
      object[keys[i]] = encode(value[keys[i]], exchange)
    }
    return object
  }

  const encode = (value, exchange) => {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value
      case "number":
        return encodeNumber(value)
      case "undefined":
        return { "@": "undefined" }
      case "bigint":
        return { "@": "bigint", text: textOf(value) }
      case "symbol":
        return { "@": "symbol", name: found(wellKnown, value), text: textOf(value.description) }
    }
    if (value === null) return null
    const index = found(exchange.indices, value)
    if (index !== undefined) return { "@": "same", index }
    const path = found(builtinPaths, value)
    if (path !== undefined && (isTests || isPrototype(path, value))) return { "@": "builtin", path }
    if (typeof value === "function" || found(stubIds, value) !== undefined) return refer(value)
    if (isArray(value)) {
      count(exchange, value)
      return encodeList(value, exchange)
    }
    const prototype = getPrototypeOf(value)
    if (prototype === Map.prototype) {
      count(exchange, value)
      return { "@": "map", entries: encodePairs(value, exchange) }
    }
    if (prototype === Set.prototype) {
      count(exchange, value)
      return { "@": "set", values: encodeList(listOf(value), exchange) }
    }
    if (prototype === Date.prototype) {
      count(exchange, value)
      const time = apply(dateTime, value, [])
      return { "@": "date", time: encodeNumber(time), text: isFiniteNumber(time) ? apply(dateText, value, []) : "" }
    }
    if (prototype === RegExp.prototype) {
      count(exchange, value)
      return { "@": "regexp", source: value.source, flags: value.flags }
    }
    if (prototype !== null && getPrototypeOf(prototype) === Typed.prototype) {
      count(exchange, value)
      return { "@": "typed", name: value.constructor.name, values: encodeList(listOf(value), exchange) }
    }
    if (value instanceof Error && found(builtinPaths, prototype) !== undefined) {
      count(exchange, value)
      return { "@": "error", name: textOf(value.name), message: textOf(value.message) }
    }
    // A prototype, of a class of the code, has a member that tells it from plain data.
    const isPlain = prototype === null || (prototype === Object.prototype && !hasOwn(value, "constructor"))
    const name = isPlain ? undefined : sharedName(prototype)
    if (name !== undefined) {
      count(exchange, value)
      return { "@": "instance", name, entries: encodeEntries(value, exchange) }
    }
    if (!isPlain) return refer(value)
    count(exchange, value)
    return encodeObject(value, exchange)
  }

  const sharedName = (prototype) => {
    const maker = getOwnPropertyDescriptor(prototype, "constructor")?.value
    const name = typeof maker === "function" ? getOwnPropertyDescriptor(maker, "name")?.value : undefined
    return typeof name === "string" && found(shared, name) === maker ? name : undefined
  }

  const define = (object, key, value) => {
    defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  }
  const decodeEntriesInto = (object, entries, exchange) => {
    for (let i = 0; i < entries.length; i++) define(object, entries[i][0], decode(entries[i][1], exchange))
    return object
  }
  const counted = (object, exchange) => {
    count(exchange, object)
    return object
  }

  const decode = (data, exchange) => {
    if (typeof data !== "object" || data === null) return data
    if (isArray(data)) {
      count(exchange, data)
      for (let i = 0; i < data.length; i++)
        if (typeof data[i] === "object") data[i] = decode(data[i], exchange)
      return data
    }
    if (hasOwn(data, "@")) return decodeTagged(data, exchange)
    count(exchange, data)
    const keys = keysOf(data)
    for (let i = 0; i < keys.length; i++)
      if (typeof data[keys[i]] === "object") define(data, keys[i], decode(data[keys[i]], exchange))
    return data
  }
  const decodeTagged = (data, exchange) => {
    switch (data["@"]) {
      case "undefined":
        return undefined
      case "number":
        return +data.text
      case "bigint":
        return BigInt(data.text)
      case "symbol":
        return typeof Symbol[data.name] === "symbol" ? Symbol[data.name] : Symbol(data.text)
      case "same":
        return exchange.objects[+data.index]
      case "builtin": {
        // What the code of the response sends may be forged: it must not hand "eval" to a test.
        const value = found(builtins, data.path)
        return isTests && !isPrototype(data.path, value) ? undefined : value
      }
      case "yours":
        return mine[+data.id]
      case "mine":
        return stubFor(+data.id, data.callable === true)
      case "object":
        return decodeEntriesInto(counted({}, exchange), data.entries, exchange)
      case "instance": {
        const maker = found(shared, data.name)
        const instance = create(maker === undefined ? Object.prototype : maker.prototype)
        return decodeEntriesInto(counted(instance, exchange), data.entries, exchange)
      }
      case "map": {
        const map = counted(new Map(), exchange)
        for (let i = 0; i < data.entries.length; i++) {
          const key = decode(data.entries[i][0], exchange)
          put(map, key, decode(data.entries[i][1], exchange))
        }
        return map
      }
      case "set": {
        const set = counted(new Set(), exchange)
        for (let i = 0; i < data.values.length; i++) set.add(decode(data.values[i], exchange))
        return set
      }
      case "date":
        return counted(new Date(decode(data.time, exchange)), exchange)
      case "regexp":
        return counted(new RegExp(data.source, data.flags), exchange)
      case "error": {
        const maker = found(builtins, "globalThis." + data.name)
        const isKind = typeof maker === "function" && getPrototypeOf(maker) === Error && data.name !== "AggregateError"
        const isError = maker === Error || isKind
        const error = counted(new (isError ? maker : Error)(data.message), exchange)
        if (!isError) define(error, "name", data.name)
        return error
      }
      case "typed": {
        const maker = found(builtins, "globalThis." + data.name)
        const values = []
        const list = counted(values, exchange)
        for (let i = 0; i < data.values.length; i++) values[i] = decode(data.values[i], exchange)
        if (typeof maker !== "function" || getPrototypeOf(maker) !== Typed) return list
        const typed = new maker(values)
        const index = found(exchange.indices, list)
        exchange.objects[index] = typed
        put(exchange.indices, typed, index)
        return typed
      }
      default:
        return undefined
    }
  }

  const MAXIMUM_DEPTH = 500
  /** A result for the comparison outside. What is no data becomes an object that equals none. */
  const plain = (value, depth) => {
    const type = typeof value
    if (type === "string" || type === "boolean" || value === null) return value
    if (type === "number") return isFiniteNumber(value) ? value : { "@": textOf(value) }
    if (type === "bigint") return plain(Number(value), depth)
    if (type !== "object") return { "@": type }
    if (depth > MAXIMUM_DEPTH) throw new RangeError("the result is nested deeper than " + MAXIMUM_DEPTH + " levels")
    if (isArray(value)) return plainList(value, depth)
    const prototype = getPrototypeOf(value)
    if (prototype === Set.prototype || (prototype !== null && getPrototypeOf(prototype) === Typed.prototype))
      return plainList(listOf(value), depth)
    if (prototype === Date.prototype) return apply(dateText, value, [])
    if (prototype === RegExp.prototype) return { "@": textOf(value) }
    const object = create(null)
    if (prototype === Map.prototype) {
      const pairs = listOf(value)
      for (let i = 0; i < pairs.length; i++) object[textOf(pairs[i][0])] = plain(pairs[i][1], depth + 1)
      return object
    }
    const keys = keysOf(value)
    for (let i = 0; i < keys.length; i++) object[keys[i]] = plain(value[keys[i]], depth + 1)
    return object
  }
  const plainList = (list, depth) => {
    if (isFlat(list)) return list
    const items = []
    for (let i = 0; i < list.length; i++) items[i] = plain(list[i], depth + 1)
    return items
  }
`
