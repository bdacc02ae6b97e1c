import type { ConfigIssue } from "../errors.ts"
import type { JsonObject } from "./json-file.ts"
import { showValue } from "./json-file.ts"
import { maximumNumber, sizeLimits } from "./size-limits.ts"
import type { SizeKey } from "./size-limits.ts"

/**
 * Reads typed values from a model's config.json and collects every problem, so that all are reported at once. After a
 * problem a harmless stand-in is returned: nothing read may be used once `issues` is not empty.
 */
export class ConfigReader {
  readonly issues: ConfigIssue[] = []
  readonly json: JsonObject
  private readonly where: string

  /** @param where  file, or file and key, in front of every key in the messages */
  constructor(json: JsonObject, where: string, issues?: ConfigIssue[]) {
    this.json = json
    this.where = where
    if (issues !== undefined) this.issues = issues
  }

  /** A reader of an object inside this one, reporting into the same list. */
  nested(json: JsonObject, key: string): ConfigReader {
    return new ConfigReader(json, `${this.where}: ${key}`, this.issues)
  }

  report(key: string, message: string): void {
    this.issues.push({ path: `${this.where}: ${key}`, message })
  }

  /** True when the key is there and not null. */
  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null
  }

  /** A positive whole number, within the limit of its key; required when there is no fallback. */
  count(key: SizeKey, fallback?: number): number {
    const value = this.json[key]
    if (!this.has(key) && fallback !== undefined) return fallback
    const most = sizeLimits[key]
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) {
      if (value <= most) return value
      this.report(key, `expected at most ${most}, got ${value}. Correct the file, or use another model.`)
      return 1
    }
    this.report(key, `expected a positive whole number, got ${showValue(value)}. Correct the file.`)
    return 1
  }

  /** A number above zero and not beyond all use; required when there is no fallback. */
  positive(key: string, fallback?: number): number {
    const value = this.json[key]
    if (!this.has(key) && fallback !== undefined) return fallback
    if (typeof value === "number" && value > 0 && value <= maximumNumber) return value
    const most = typeof value === "number" && value > 0 ? ` and at most ${maximumNumber}` : ""
    this.report(key, `expected a number above zero${most}, got ${showValue(value)}. Correct the file.`)
    return 1
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.json[key]
    if (!this.has(key)) return fallback
    if (typeof value === "boolean") return value
    this.report(key, `expected true or false, got ${showValue(value)}. Correct the file.`)
    return fallback
  }

  /** Token ids from a number, a list of numbers or null; -1 is an old way of writing "none". */
  tokens(key: string, vocabularySize: number): number[] {
    const value = this.json[key]
    if (!this.has(key) || value === -1) return []
    const list: unknown[] = Array.isArray(value) ? value : [value]
    const tokens: number[] = []
    for (const token of list) {
      if (typeof token === "number" && Number.isSafeInteger(token) && token >= 0 && token < vocabularySize) {
        tokens.push(token)
      } else {
        this.report(key, `expected token ids from 0 to ${vocabularySize - 1}, got ${showValue(value)}. Correct the file.`)
        break
      }
    }
    return tokens
  }
}
