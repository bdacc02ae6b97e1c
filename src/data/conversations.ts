/** Questions as data sets write them: text, or a conversation in one of the usual forms. */
import { DataError } from "../errors.ts"
import { parseJson } from "./json-text.ts"
import type { PlacedRow } from "./rows.ts"
import { requiredValue } from "./columns.ts"
import type { ChatMessage } from "./task.ts"

/** What is asked, and the answer of the assistant where the conversation ends in one. */
export interface Question {
  readonly asked: string | readonly ChatMessage[]
  readonly solution: string | undefined
}

/** Names of roles beside those that chat templates know. */
const ROLES: Readonly<Record<string, string>> = {
  human: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bot: "assistant",
  model: "assistant",
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Content as text: itself, or its parts when all of them are text. */
function contentOf(value: unknown): string | undefined {
  if (typeof value === "string") return value
  if (!Array.isArray(value)) return undefined
  const parts = value.map((part: unknown) =>
    isFields(part) && typeof part["text"] === "string" ? part["text"] : undefined,
  )
  return parts.every((part) => part !== undefined) ? parts.join("") : undefined
}

/** A message with role and content, or with from and value as ShareGPT has them; undefined for anything else. */
function messageOf(value: unknown): ChatMessage | undefined {
  if (!isFields(value)) return undefined
  const role = value["role"] ?? value["from"]
  const content = contentOf(value["content"] ?? value["value"])
  if (typeof role !== "string" || content === undefined) return undefined
  const known = role.toLowerCase()
  return { role: Object.hasOwn(ROLES, known) ? ROLES[known] : role, content }
}

function messagesOf(value: unknown): readonly ChatMessage[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const messages = value.map(messageOf).filter((message) => message !== undefined)
  return messages.length === value.length ? messages : undefined
}

/** A list that was written as text: by JSON, or as Python prints it. */
const LIST_TEXT = /^\s*\[\s*\{\s*(["'])(?:role|from|content|value)\1\s*:/

function fromText(text: string, refused: (got: string) => DataError): string | readonly ChatMessage[] {
  const quote = LIST_TEXT.exec(text)?.[1]
  if (quote === undefined) return text
  if (quote === "'") throw refused("messages as Python prints them, which is no JSON; write them by json.dumps")
  let value: unknown
  try {
    value = parseJson(text)
  } catch {
    throw refused("messages as text that is not JSON")
  }
  const messages = messagesOf(value)
  if (messages === undefined) throw refused(`messages of another form, ${text.slice(0, 100)}`)
  return messages
}

/**
 * What a row asks. Messages may be JSON text, their roles human and gpt, their content a list of texts. Messages of the
 * assistant at the end are the solution and no part of the question.
 * @throws DataError  naming file, row and column, when there is no question
 */
export function readQuestion(file: string, placed: PlacedRow, column: string): Question {
  const value = requiredValue(file, placed, column, "Mend the row, or set task.columns.prompt.")
  const refused = (got: string): DataError =>
    new DataError(
      `data set ${file}, ${placed.place}: expected text or a list of messages with role and content in column ` +
        `${JSON.stringify(column)}, got ${got}. Mend the row, or set task.columns.prompt.`,
    )
  const read = typeof value === "string" ? fromText(value, refused) : messagesOf(value)
  if (read === undefined) throw refused(JSON.stringify(value).slice(0, 100))
  if (typeof read === "string") return { asked: read, solution: undefined }
  const end = read.findLastIndex(({ role }) => role !== "assistant") + 1
  const asked = read.slice(0, end)
  if (asked.every(({ role }) => role === "system")) throw refused("a conversation in which nobody asks")
  const solution = read.slice(end).map(({ content }) => content)
  return { asked, solution: solution.length === 0 ? undefined : solution.join("\n\n") }
}
