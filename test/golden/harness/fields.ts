/** Reads the JSON of golden files strictly: what is not read, and not declared as without effect, is an error. */

export class GoldenError extends Error {
  override readonly name: string = "GoldenError"
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** "NaN", "Infinity" and "-Infinity" stand for themselves. */
export function asNumber(value: Json, who: string): number {
  if (typeof value === "number") return value
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value)
  throw new GoldenError(`${who}: expected a number, got ${JSON.stringify(value)}`)
}

export function asRow(value: Json, who: string): number[] {
  if (!Array.isArray(value)) throw new GoldenError(`${who}: expected a row of numbers, got ${JSON.stringify(value)}`)
  return value.map((x: Json) => asNumber(x, who))
}

export function asRows(value: Json, who: string): number[][] {
  if (!Array.isArray(value)) throw new GoldenError(`${who}: expected rows of numbers, got ${JSON.stringify(value)}`)
  return value.map((row: Json) => asRow(row, who))
}

export class Fields {
  readonly #who: string
  readonly #values: { readonly [key: string]: Json }
  readonly #read = new Set<string>()

  constructor(who: string, values: Json | undefined) {
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new GoldenError(`${who}: expected an object, got ${JSON.stringify(values)}`)
    }
    this.#who = who
    this.#values = values as { readonly [key: string]: Json }
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined
  }

  json(key: string): Json {
    const value = this.#values[key]
    if (value === undefined) throw new GoldenError(`${this.#who}: expected a field ${key}, got none`)
    this.#read.add(key)
    return value
  }

  number(key: string): number {
    return asNumber(this.json(key), `${this.#who}.${key}`)
  }

  /** The number, or undefined when the field is null or absent. */
  optionalNumber(key: string): number | undefined {
    if (!this.has(key)) return undefined
    const value = this.json(key)
    return value === null ? undefined : asNumber(value, `${this.#who}.${key}`)
  }

  boolean(key: string): boolean {
    const value = this.json(key)
    if (typeof value !== "boolean")
      throw new GoldenError(`${this.#who}.${key}: expected true or false, got ${JSON.stringify(value)}`)
    return value
  }

  string(key: string): string {
    const value = this.json(key)
    if (typeof value !== "string")
      throw new GoldenError(`${this.#who}.${key}: expected a text, got ${JSON.stringify(value)}`)
    return value
  }

  row(key: string): number[] {
    return asRow(this.json(key), `${this.#who}.${key}`)
  }

  rows(key: string): number[][] {
    return asRows(this.json(key), `${this.#who}.${key}`)
  }

  pair(key: string): readonly [number, number] {
    const [low, high, ...more] = this.row(key)
    if (low === undefined || high === undefined || more.length > 0)
      throw new GoldenError(`${this.#who}.${key}: expected two numbers`)
    return [low, high]
  }

  object(key: string): Fields {
    return new Fields(`${this.#who}.${key}`, this.json(key))
  }

  /** Declares fields that the reference itself does not read here. */
  withoutEffect(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key)
  }

  /** A field that must have one value, or be absent. */
  expect(key: string, expected: Json): void {
    if (this.has(key) && this.json(key) !== expected) {
      throw new GoldenError(
        `${this.#who}.${key}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(this.#values[key])}`,
      )
    }
  }

  /** @throws GoldenError when a field was never read */
  close(): void {
    const left = Object.keys(this.#values).filter((key) => !this.#read.has(key))
    if (left.length > 0) throw new GoldenError(`${this.#who}: not yet covered: ${left.join(", ")}`)
  }
}
