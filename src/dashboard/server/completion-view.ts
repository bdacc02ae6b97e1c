/** A line of a completions log as the page shows it: cut to a length that a page can take. */
import type { Completion, ResponseTokens } from "../api.ts"
import { parseObject } from "./column-log.ts"

/** Characters of a text in a list, and in a group. */
export const listCharacters = 400
const groupCharacters = 65_536
/** Lines above this size are not parsed for a list. */
const longLine = 256 << 10

export interface ViewOptions {
  readonly key: string
  /** Longest text. */
  readonly characters: number
  /** Parse lines of any size: affordable for a group, not for a list. */
  readonly parsesLong: boolean
}

type Line = Readonly<Record<string, unknown>>

function number(line: Line, name: string): number | null {
  const value = line[name]
  return typeof value === "number" ? value : null
}

function text(line: Line, name: string, most: number): string | null {
  const value = line[name]
  if (value === undefined || value === null) return null
  return cut(asText(value), most)
}

/** Chats are shown as their messages one after the other. */
export function asText(value: unknown): string {
  if (typeof value === "string") return value
  if (!Array.isArray(value)) return JSON.stringify(value) ?? ""
  return value
    .map((message: unknown) => {
      const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown }
      return typeof content === "string" ? `${String(role)}: ${content}` : JSON.stringify(message)
    })
    .join("\n")
}

/** Never between the two halves of a character. */
function cut(value: string, most: number): string {
  if (value.length <= most) return value
  const end = /[\uD800-\uDBFF]/.test(value[most - 1]!) ? most - 1 : most
  return value.slice(0, end)
}

/** @returns undefined when the line is no JSON object */
export function completionOf(bytes: Buffer, options: ViewOptions): Completion | undefined {
  if (bytes.length > longLine && !options.parsesLong) return headOf(bytes, options)
  const line = parseObject(bytes.toString("utf8"))
  return line === undefined ? undefined : viewOf(line, bytes.length, options)
}

/** A response of a group, as the log holds it. */
export interface GroupMember extends Completion {
  readonly tokens: ResponseTokens | null
}

/** @returns undefined when the line is no JSON object */
export function groupMemberOf(bytes: Buffer, key: string): GroupMember | undefined {
  const line = parseObject(bytes.toString("utf8"))
  return line === undefined ? undefined : { ...viewOf(line, bytes.length, { key, characters: groupCharacters }), tokens: tokensOf(line) }
}

/** The tokens of a line; null when it has none, or they do not fit its text. */
function tokensOf(line: Line): ResponseTokens | null {
  const [lengths, logprobs, text] = [line["tokenLengths"], line["tokenLogprobs"], line["completion"]]
  if (!Array.isArray(lengths) || !Array.isArray(logprobs) || typeof text !== "string" || lengths.length !== logprobs.length) return null
  const units = lengths.filter((length): length is number => Number.isInteger(length) && length >= 0)
  if (units.length < lengths.length || units.reduce((sum, length) => sum + length, 0) !== text.length) return null
  return { lengths: units, logprobs: logprobs.map((value: unknown) => (typeof value === "number" ? value : null)) }
}

function viewOf(line: Line, size: number, { key, characters }: Pick<ViewOptions, "key" | "characters">): Completion {
  const completion = asText(line["completion"] ?? "")
  return {
    key,
    step: number(line, "step") ?? -1,
    group: number(line, "group"),
    problem: text(line, "problem", 200) ?? "",
    prompt: text(line, "prompt", characters) ?? "",
    completion: cut(completion, characters),
    characters: completion.length,
    bytes: size,
    gold: text(line, "gold", 1000),
    reward: number(line, "reward"),
    status: text(line, "status", 40),
    extracted: text(line, "extracted", 1000),
    reason: text(line, "reason", 1000),
    advantage: number(line, "advantage"),
    attribution: number(line, "attribution"),
    stopReason: text(line, "stopReason", 40),
  }
}

/** The head of a line that is too long to be parsed for a list. */
function headOf(bytes: Buffer, { key, characters }: ViewOptions): Completion {
  const head = bytes.toString("utf8", 0, 16_384)
  const field = (name: string): string => {
    const match = new RegExp(`"${name}":"((?:[^"\\\\]|\\\\.)*)`).exec(head)
    // What is cut off may have been half of an escape.
    const raw = (match?.[1] ?? "").slice(0, characters).replace(/\\u[0-9a-f]{0,3}$|\\$/i, "")
    try {
      return JSON.parse(`"${raw}"`) as string
    } catch {
      return raw
    }
  }
  const integer = (name: string): number | null => {
    const match = new RegExp(`"${name}":(\\d+)`).exec(head)
    return match === null ? null : Number(match[1])
  }
  const rest = bytes.toString("utf8", Math.max(0, bytes.length - 2048))
  const status = /"status":"([a-z-]{1,40})"/.exec(rest)?.[1] ?? null
  const reward = /"reward":(-?[\d.e+-]+)/.exec(rest)?.[1]
  return {
    key,
    step: integer("step") ?? -1,
    group: integer("group"),
    problem: field("problem").slice(0, 200),
    prompt: field("prompt"),
    completion: field("completion"),
    characters: null,
    bytes: bytes.length,
    gold: null,
    reward: reward === undefined ? null : Number(reward),
    status,
    extracted: null,
    reason: null,
    advantage: null,
    attribution: null,
    stopReason: null,
  }
}
