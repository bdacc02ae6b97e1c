/** From the rows of a file to problems. */
import { createHash } from "node:crypto"
import { basename } from "node:path"
import { DataError } from "../errors.ts"
import { asText, detectColumns, requiredValue, valueOf } from "./columns.ts"
import type { ColumnNames } from "./columns.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { checkTemplate, renderPrompt } from "./prompt-template.ts"
import { questionKey } from "./question-key.ts"
import { RowFilter } from "./row-filter.ts"
import { readRows } from "./rows.ts"
import type { PlacedRow } from "./rows.ts"
import type { ChatMessage, Problem } from "./task.ts"

/** A problem with what the split needs to know about it. */
export interface PlacedProblem {
  readonly problem: Problem
  /** The question as `questionKey` evens it out: equal questions are duplicates. */
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

/** GSM8K writes the worked solution and then `#### answer` on the last line. */
const ANSWER_MARK = "####"

function readAnswer(text: string): { readonly gold: string; readonly solution: string | undefined } {
  const whole = text.trimEnd()
  const lastLine = whole.slice(whole.lastIndexOf("\n") + 1)
  const gold = lastLine.startsWith(ANSWER_MARK) ? lastLine.slice(ANSWER_MARK.length).trim() : ""
  return gold === "" ? { gold: text, solution: undefined } : { gold, solution: text }
}

function toProblem(
  file: string,
  placed: PlacedRow,
  columns: ColumnNames,
  template: DatasetOptions["template"],
): PlacedProblem {
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

/** What decides how rows are read. */
export interface ReadOptions extends Pick<DatasetOptions, "columns" | "template" | "filter"> {
  /** Of the whole data set, for messages. */
  readonly name: string
}

/** Problems of files, with the number of rows that the filter left out. */
export interface ProblemList {
  readonly problems: readonly PlacedProblem[]
  readonly filtered: number
}

/**
 * Every problem of the files of a data set, in their order. The columns are found in each file anew.
 * @param path  place of the files in the config
 * @throws DataError    naming file, row and column, when a row lacks a value or a file is broken; when no row is left
 * @throws ConfigError  when there is no such file, or the template shows the answer
 */
export async function readProblems(files: readonly string[], path: string, options: ReadOptions): Promise<ProblemList> {
  const { template, filter = [], name } = options
  const rows = new RowFilter(filter)
  const problems: PlacedProblem[] = []
  let filtered = 0
  for (const file of files) {
    let columns: ColumnNames | undefined
    for await (const placed of readRows(file, path)) {
      if (!rows.accepts(file, placed)) {
        filtered++
        continue
      }
      if (columns === undefined) {
        columns = detectColumns(file, placed, options.columns ?? {})
        if (template !== undefined) checkTemplate(template, [columns.answer, columns.solution ?? columns.answer])
      }
      const problem = toProblem(file, placed, columns, template)
      problems.push(files.length === 1 ? problem : { ...problem, place: `${basename(file)} ${placed.place}` })
    }
  }
  rows.finish(name)
  if (problems.length > 0) return { problems, filtered }
  throw new DataError(
    `data set ${name}: expected rows that meet task.filter, got none of ${filtered}. Change task.filter.`,
  )
}
