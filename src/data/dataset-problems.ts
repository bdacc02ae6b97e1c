/** From the rows of a file to problems. */
import { createHash } from "node:crypto"
import { DataError } from "../errors.ts"
import { asText, detectColumns, requiredValue, valueOf } from "./columns.ts"
import type { ColumnNames } from "./columns.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { checkTemplate, renderPrompt } from "./prompt-template.ts"
import { readRows } from "./rows.ts"
import type { PlacedRow } from "./rows.ts"
import type { ChatMessage, Problem } from "./task.ts"

/** A problem with what the split needs to know about it. */
export interface PlacedProblem {
  readonly problem: Problem
  /** The question with its white space evened out: equal questions are duplicates. */
  readonly question: string
  readonly place: string
}

function isMessage(value: unknown): value is ChatMessage {
  if (typeof value !== "object" || value === null) return false
  const { role, content } = value as Partial<Record<keyof ChatMessage, unknown>>
  return typeof role === "string" && typeof content === "string"
}

function readQuestion(file: string, placed: PlacedRow, column: string): string | readonly ChatMessage[] {
  const value = requiredValue(file, placed, column, "Mend the row, or set task.columns.prompt.")
  if (typeof value === "string") return value
  if (Array.isArray(value) && value.length > 0 && value.every(isMessage)) {
    return value.map(({ role, content }) => ({ role, content }))
  }
  throw new DataError(
    `data set ${file}, ${placed.place}: expected text or a list of messages with role and content in column ` +
      `${JSON.stringify(column)}, got ${JSON.stringify(value).slice(0, 100)}. Mend the row, or set task.columns.prompt.`,
  )
}

function questionKey(question: string | readonly ChatMessage[]): string {
  const text = typeof question === "string" ? question : question.map(({ content }) => content).join("\n")
  return text.normalize("NFC").replace(/\s+/g, " ").trim()
}

/** GSM8K writes the worked solution and then `#### answer` on the last line. */
const ANSWER_MARK = "####"

function readAnswer(text: string): { readonly gold: string; readonly solution: string | undefined } {
  const whole = text.trimEnd()
  const lastLine = whole.slice(whole.lastIndexOf("\n") + 1)
  const gold = lastLine.startsWith(ANSWER_MARK) ? lastLine.slice(ANSWER_MARK.length).trim() : ""
  return gold === "" ? { gold: text, solution: undefined } : { gold, solution: text }
}

function toProblem(file: string, placed: PlacedRow, columns: ColumnNames, template: DatasetOptions["template"]): PlacedProblem {
  const { row, place } = placed
  const question = readQuestion(file, placed, columns.prompt)
  const answer = requiredValue(file, placed, columns.answer, "Mend the row, or set task.columns.answer.")
  const { gold, solution: worked } = readAnswer(asText(answer))
  const optional = (column: string | undefined): string | undefined => {
    const value = column === undefined ? undefined : valueOf(row, column)
    return value === undefined || value === null ? undefined : asText(value)
  }
  const key = questionKey(question)
  const solution = optional(columns.solution) ?? worked
  const source = optional(columns.source)
  const id =
    columns.id === undefined
      ? createHash("sha256").update(key).digest("hex").slice(0, 16)
      : asText(requiredValue(file, placed, columns.id, "Mend the row, or leave task.columns.id out."))
  const prompt = renderPrompt(template, question, (name) =>
    asText(requiredValue(file, placed, name, `Mend task.template; {{${name}}} writes the braces themselves.`)),
  )
  const problem: Problem = {
    id,
    prompt,
    gold,
    row,
    ...(solution === undefined ? {} : { solution }),
    ...(source === undefined ? {} : { source }),
  }
  return { problem, question: key, place }
}

/**
 * Every problem of a file, in its order.
 * @param path  place of the file in the config
 * @throws DataError    naming file, row and column, when a row lacks a value or the file is broken
 * @throws ConfigError  when there is no such file, or the template shows the answer
 */
export async function readProblems(
  file: string,
  path: string,
  options: Pick<DatasetOptions, "columns" | "template">,
): Promise<PlacedProblem[]> {
  const { template } = options
  const problems: PlacedProblem[] = []
  let columns: ColumnNames | undefined
  for await (const placed of readRows(file, path)) {
    if (columns === undefined) {
      columns = detectColumns(file, placed, options.columns ?? {})
      if (template !== undefined) checkTemplate(template, [columns.answer, columns.solution ?? columns.answer])
    }
    problems.push(toProblem(file, placed, columns, template))
  }
  return problems
}
