/** From the rows of a file to problems. */
import { createHash } from "node:crypto"
import { basename } from "node:path"
import { DataError } from "../errors.ts"
import { BoxedAnswers } from "./boxed-answers.ts"
import { brokenLatex } from "./broken-latex.ts"
import { asText, detectColumns, groundTruths, isMissing, requiredValue, valueOf } from "./columns.ts"
import type { ColumnNames } from "./columns.ts"
import { readQuestion } from "./conversations.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { checkTemplate, renderPrompt } from "./prompt-template.ts"
import { questionKey } from "./question-key.ts"
import { RowFilter } from "./row-filter.ts"
import { readRows } from "./rows.ts"
import type { PlacedRow } from "./rows.ts"
import { RowMemory } from "./row-memory.ts"
import type { Problem } from "./task.ts"

/** A problem with what the split needs to know about it. */
export interface PlacedProblem {
  readonly problem: Problem
  /** The question as `questionKey` evens it out: equal questions are duplicates. */
  readonly question: string
  readonly place: string
  /** Texts of the row that stand in the prompt. */
  readonly shown: readonly string[]
  /** The ground truth is a list of what are no plain values: no verifier of answers can judge by it. */
  readonly nestedGold: boolean
}

/** GSM8K writes the worked solution and then `#### answer` on the last line. */
const ANSWER_MARK = "####"

function readAnswer(text: string): { readonly gold: string; readonly solution: string | undefined } {
  const whole = text.trimEnd()
  const lastLine = whole.slice(whole.lastIndexOf("\n") + 1)
  const gold = lastLine.startsWith(ANSWER_MARK) ? lastLine.slice(ANSWER_MARK.length).trim() : ""
  return gold === "" ? { gold: text, solution: undefined } : { gold, solution: text }
}

/** @throws DataError  when LaTeX in a text of the row lost its backslashes */
function checkLatex(
  file: string,
  { place }: PlacedRow,
  texts: readonly (readonly [string, string | undefined])[],
): void {
  for (const [column, text] of texts) {
    const broken = text === undefined ? undefined : brokenLatex(text)
    if (broken === undefined) continue
    throw new DataError(
      `data set ${file}, ${place}: expected LaTeX with its backslashes in column ${JSON.stringify(column)}, got ${broken}. ` +
        "Write the file anew from its source (json.dumps escapes backslashes), or mend the row.",
    )
  }
}

function toProblem(
  file: string,
  placed: PlacedRow,
  columns: ColumnNames,
  template: DatasetOptions["template"],
): PlacedProblem {
  const { row, place } = placed
  const { asked, solution: given } = readQuestion(file, placed, columns.prompt)
  const answer = requiredValue(file, placed, columns.answer, "Mend the row, or set task.columns.answer.")
  const { gold, solution: worked } = readAnswer(asText(answer))
  const several = groundTruths(answer)
  const golds = several?.map((one) => readAnswer(one).gold)
  const optional = (column: string | undefined): string | undefined => {
    const value = column === undefined ? undefined : valueOf(row, column)
    return isMissing(value) ? undefined : asText(value)
  }
  const key = questionKey(asked)
  const solution = optional(columns.solution) ?? given ?? worked
  const source = optional(columns.source)
  const id =
    columns.id === undefined
      ? createHash("sha256").update(key).digest("hex").slice(0, 16)
      : asText(requiredValue(file, placed, columns.id, "Mend the row, or leave task.columns.id out."))
  const shown = typeof asked === "string" ? [asked] : asked.map(({ content }) => content)
  const prompt = renderPrompt(template, asked, (name) => {
    const text = asText(
      requiredValue(file, placed, name, `Mend task.template; {{${name}}} writes the braces themselves.`),
    )
    shown.push(text)
    return text
  })
  checkLatex(file, placed, [
    [columns.prompt, shown.join(" ")],
    [columns.answer, (golds ?? [gold]).join(" ")],
    [columns.solution ?? columns.prompt, solution],
  ])
  const problem: Problem = {
    id,
    prompt,
    gold,
    row,
    ...(golds === undefined || golds.length === 1 ? {} : { golds }),
    ...(solution === undefined ? {} : { solution }),
    ...(source === undefined ? {} : { source }),
  }
  return { problem, question: key, place, shown, nestedGold: golds === undefined }
}

/** What decides how rows are read. */
export interface ReadOptions extends Pick<DatasetOptions, "columns" | "template" | "filter"> {
  /** Of the whole data set, for messages. */
  readonly name: string
  /** True where the rows are only compared with: their prompts are never put to a model. Default false. */
  readonly comparedOnly?: boolean
}

/** Problems of files, with the number of rows that the filter left out. */
export interface ProblemList {
  readonly problems: readonly PlacedProblem[]
  readonly filtered: number
}

/**
 * Every problem of the files of a data set, in their order. The columns are found in each file anew.
 * @param path  place of the files in the config
 * @throws DataError    naming file, row and column, when a row lacks a value or a file is broken; when no row is
 *   left, or a
 *                      prompt holds its answer
 * @throws ConfigError  when there is no such file, or the template shows the answer
 */
export async function readProblems(files: readonly string[], path: string, options: ReadOptions): Promise<ProblemList> {
  const { template, filter = [], name, comparedOnly = false } = options
  const boxed = new BoxedAnswers()
  const rows = new RowFilter(filter)
  const problems: PlacedProblem[] = []
  const memory = new RowMemory()
  let filtered = 0
  for (const file of files) {
    let columns: ColumnNames | undefined
    for await (const placed of readRows(file, path)) {
      if (!rows.accepts(file, placed)) {
        filtered++
        continue
      }
      memory.take(file, placed)
      if (columns === undefined) {
        columns = detectColumns(file, placed, options.columns ?? {})
        if (template !== undefined) checkTemplate(template, [columns.answer, columns.solution ?? columns.answer])
      }
      const read = toProblem(file, placed, columns, template)
      const problem = files.length === 1 ? read : { ...read, place: `${basename(file)} ${placed.place}` }
      const { golds, gold } = problem.problem
      boxed.observe(problem.place, problem.shown, golds ?? [gold])
      problems.push(problem)
    }
  }
  rows.finish(name)
  if (!comparedOnly) boxed.finish(name)
  if (problems.length > 0) return { problems, filtered }
  throw new DataError(
    `data set ${name}: expected rows that meet task.filter, got none of ${filtered}. Change task.filter.`,
  )
}
