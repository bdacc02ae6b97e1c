/** The tool calls of a response, in the formats models write. */
import { fencedBlocks, findJson } from "../structure/json-value.ts"
import { parsePythonCalls } from "./python-calls.ts"
import { callFrom, isRecord, parsedJson } from "./tool-call.ts"
import type { ToolCall } from "./tool-call.ts"

const MAXIMUM_CHARACTERS = 100_000

/** What stands between each pair of tags; to the end of the text after the last open one. */
function between(text: string, open: string, close: string): string[] {
  const parts: string[] = []
  for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, at)) {
    const start = at + open.length
    const end = text.indexOf(close, start)
    parts.push(text.slice(start, end < 0 ? text.length : end))
    if (end < 0) break
    at = end
  }
  return parts
}

/** One call, a list of calls, or an object with a list under `tool_calls`; undefined when any is not a call. */
function callsOf(value: unknown): readonly ToolCall[] | undefined {
  if (isRecord(value) && Array.isArray(value["tool_calls"])) return callsOf(value["tool_calls"])
  const calls = (Array.isArray(value) ? value : [value]).map(callFrom)
  return calls.every((call) => call !== undefined) ? calls : undefined
}

function tagged(text: string): readonly ToolCall[] | undefined {
  const hermes = between(text, "<tool_call>", "</tool_call>")
  if (hermes.length > 0) return merge(hermes.map((part) => callsOf(parsedJson(part.trim())) ?? parsePythonCalls(part)))
  const llama = [...text.matchAll(/<function=([\w.-]{1,200})>/gu)].map((match): readonly ToolCall[] | undefined => {
    const rest = text.slice(match.index + match[0].length)
    const end = rest.indexOf("</function>")
    return callsOf({ name: match[1], arguments: parsedJson((end < 0 ? rest : rest.slice(0, end)).trim()) })
  })
  return llama.length > 0 ? merge(llama) : undefined
}

function merge(parts: readonly (readonly ToolCall[] | undefined)[]): readonly ToolCall[] | undefined {
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined
}

/** True for a text in which a call was tried. */
function looksLikeCall(text: string): boolean {
  return /<tool_call>|<function=|"name"\s*:|"tool_calls"/u.test(text)
}

/**
 * The calls of a response: in `<tool_call>` tags (Hermes, Qwen), `<function=name>` tags (Llama), as JSON (OpenAI's forms
 * too), or as Python calls alone, on the last line or in a code block. An empty list for a response without calls;
 * "malformed" when one was tried and cannot be read.
 */
export function findCalls(completion: string): readonly ToolCall[] | "malformed" {
  const text = completion.slice(-MAXIMUM_CHARACTERS).trim()
  const inTags = tagged(text)
  if (inTags !== undefined) return inTags
  const json = findJson(text)
  if (json !== undefined) {
    if (Array.isArray(json.value) && json.value.length === 0) return []
    const calls = callsOf(json.value)
    if (calls !== undefined) return calls
  }
  const blocks = fencedBlocks(text).map(({ content }) => content)
  const lastLine = text.slice(text.lastIndexOf("\n") + 1)
  for (const candidate of [text, ...blocks.reverse(), lastLine, ...bracketed(text)]) {
    const calls = parsePythonCalls(candidate.replaceAll(/^`+|`+$/gu, ""))
    if (calls !== undefined) return calls
  }
  return looksLikeCall(text) ? "malformed" : []
}

/** A list of calls among words: from the last line that begins with `[` on to the last bracket. */
function bracketed(text: string): string[] {
  const start = text.startsWith("[") ? 0 : text.lastIndexOf("\n[") + 1
  const end = text.lastIndexOf("]")
  return text[start] === "[" && end > start ? [text.slice(start, end + 1)] : []
}
