/** The keys and values of a GGUF file, checked as they are asked for. */
import type { MetadataValue } from "@huggingface/gguf"
import { showValue } from "../json-file.ts"
import { unreadable } from "./errors.ts"

export class GgufMetadata {
  readonly #values: Readonly<Record<string, MetadataValue | undefined>>
  readonly #path: string

  /** @param path  of the file, for messages */
  constructor(values: Readonly<Record<string, MetadataValue | undefined>>, path: string) {
    this.#values = values
    this.#path = path
  }

  /** Every key of the file. */
  keys(): string[] {
    return Object.keys(this.#values)
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined
  }

  text(key: string): string | undefined {
    const value = this.#values[key]
    return value === undefined || typeof value === "string" ? value : this.#refuse(key, "a text", value)
  }

  /** Float32 values as the shortest decimal number of the same bits: 1e-5 and not 9.999999747378752e-6. */
  number(key: string): number | undefined {
    const value = this.#values[key]
    if (typeof value === "bigint") return Number(value)
    if (value === undefined) return undefined
    return typeof value === "number" ? shortest(value) : this.#refuse(key, "a number", value)
  }

  boolean(key: string): boolean | undefined {
    const value = this.#values[key]
    return value === undefined || typeof value === "boolean" ? value : this.#refuse(key, "true or false", value)
  }

  texts(key: string): string[] | undefined {
    return this.#list(key, "a list of texts", (item) => typeof item === "string")
  }

  numbers(key: string): number[] | undefined {
    return this.#list(key, "a list of numbers", (item) => typeof item === "number")
  }

  /** @throws CheckpointError when it is absent */
  requireText(key: string): string {
    return this.text(key) ?? this.#refuse(key, "a text", undefined)
  }

  /** @throws CheckpointError when it is absent */
  requireNumber(key: string): number {
    return this.number(key) ?? this.#refuse(key, "a number", undefined)
  }

  #list<T extends MetadataValue>(
    key: string,
    expected: string,
    is: (item: MetadataValue) => item is T,
  ): T[] | undefined {
    const value = this.#values[key]
    if (value === undefined) return undefined
    if (!Array.isArray(value)) return this.#refuse(key, expected, value)
    // One member at a time: a vocabulary has hundreds of thousands.
    const items: T[] = []
    for (const item of value) items.push(is(item) ? item : this.#refuse(key, expected, item))
    return items
  }

  #refuse(key: string, expected: string, value: MetadataValue | undefined): never {
    const shown = typeof value === "bigint" ? String(value) : showValue(value)
    throw unreadable(`${this.#path}: ${key}`, expected, shown, "Convert the model again.")
  }
}

function shortest(value: number): number {
  if (!Number.isFinite(value) || Math.fround(value) !== value) return value
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return rounded
  }
  return value
}
