/** Which column of a data set holds what. */
import { nearestName } from "../config/nearest-name.ts"
import { DataError } from "../errors.ts"
import type { PlacedRow, Row } from "./rows.ts"

/** Names of columns; a dot goes into a struct, e.g. `reward_model.ground_truth`. */
export interface ColumnNames {
  /** The question: text, or a list of chat messages. */
  readonly prompt: string
  /** Ground truth for the verifier. */
  readonly answer: string
  /** A worked solution that a supervised warm start can imitate. */
  readonly solution: string | undefined
  readonly source: string | undefined
  /** Without one, the id is a hash of the question. */
  readonly id: string | undefined
}

/** Names that are looked for, in this order. */
const KNOWN = {
  prompt: [
    "prompt",
    "question",
    "problem",
    "query",
    "instruction",
    "input",
    "messages",
    "conversations",
    "conversation",
  ],
  answer: [
    "reward_model.ground_truth",
    "ground_truth",
    "gold",
    "answer",
    "final_answer",
    "expected_answer",
    "solution",
  ],
  solution: ["solution", "worked_solution"],
  source: ["data_source", "source"],
} as const

/** The value of a column, or of a field inside one when the name has dots; undefined when there is none. */
export function valueOf(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column]
  let value: unknown = row
  for (const name of column.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Row)[name]
  }
  return value
}

/** The name of a column as the row writes it: exactly so, or else but for the case of letters. */
export function columnIn(row: Row, column: string): string | undefined {
  if (valueOf(row, column) !== undefined) return column
  const inside = (value: unknown, name: string): string | undefined => {
    if (typeof value !== "object" || value === null) return undefined
    if (Object.hasOwn(value, name)) return name
    return Object.keys(value).find((one) => one.toLowerCase() === name.toLowerCase())
  }
  const whole = inside(row, column)
  if (whole !== undefined) return whole
  const found: string[] = []
  for (const name of column.split(".")) {
    const actual = inside(found.length === 0 ? row : valueOf(row, found.join(".")), name)
    if (actual === undefined) return undefined
    found.push(actual)
  }
  return found.join(".")
}

/** True for null, no text, and what pandas writes for no value: the number NaN, or its name as text. */
export function isMissing(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || value === "NaN" || value === "nan" || Number.isNaN(value)
  )
}

function missing(file: string, { row, place }: PlacedRow, wanted: string, advice: string): DataError {
  const columns = Object.keys(row).join(", ")
  return new DataError(`data set ${file}, ${place}: expected ${wanted}; the columns are ${columns}. ${advice}`)
}

/**
 * The columns to read: those given, else the first known name that the first row has, whatever the case of its letters.
 * @throws DataError  when no prompt or answer column is found
 */
export function detectColumns(
  file: string,
  first: PlacedRow,
  given: { readonly [Name in keyof ColumnNames]?: string | undefined },
): ColumnNames {
  const find = (names: readonly string[]): string | undefined =>
    names
      .map((name) => columnIn(first.row, name))
      .find((name) => name !== undefined && valueOf(first.row, name) != null)
  const named = (column: string | undefined): string | undefined => column && (columnIn(first.row, column) ?? column)
  const required = (name: "prompt" | "answer"): string => {
    const column = named(given[name]) ?? find(KNOWN[name])
    if (column !== undefined) return column
    throw missing(file, first, `a column with the ${name}, e.g. ${KNOWN[name].join(", ")}`, `Set task.columns.${name}.`)
  }
  const answer = required("answer")
  const solution = named(given.solution) ?? find(KNOWN.solution.filter((name) => name !== answer.toLowerCase()))
  const source = named(given.source) ?? find(KNOWN.source)
  return { prompt: required("prompt"), answer, solution, source, id: named(given.id) }
}

/**
 * The value of a column that a row must have.
 * @throws DataError  naming file, row and column, and the columns there are
 */
export function requiredValue(file: string, placed: PlacedRow, column: string, advice: string): unknown {
  const value = valueOf(placed.row, column)
  if (!isMissing(value)) return value
  const got = value === undefined ? "no such column" : value === "" ? "empty text" : String(value)
  const nearest = value === undefined ? nearestName(column, Object.keys(placed.row)) : undefined
  const hint = nearest === undefined ? advice : `Did you mean ${nearest}? ${advice}`
  throw missing(file, placed, `a value in column ${JSON.stringify(column)}, got ${got}`, hint)
}

/** A value as text: a list of one is its element, other lists and structs are JSON. */
export function asText(value: unknown): string {
  if (typeof value === "string") return value
  if (Array.isArray(value) && value.length === 1) return asText(value[0])
  if (typeof value === "object" && value !== null) return JSON.stringify(value)
  return String(value)
}

/**
 * The ground truths of a value: a list of several means that any of them is right; a list of one is its element.
 * @returns undefined where the list holds something that is neither text nor number
 */
export function groundTruths(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length < 2) return [asText(value)]
  const isPlain = (one: unknown): boolean => ["string", "number", "boolean"].includes(typeof one) && !isMissing(one)
  return value.every(isPlain) ? [...new Set(value.map(String))] : undefined
}
