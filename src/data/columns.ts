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
  prompt: ["prompt", "question", "problem", "query", "instruction", "input"],
  answer: ["reward_model.ground_truth", "ground_truth", "gold", "answer", "final_answer", "expected_answer", "solution"],
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

function missing(file: string, { row, place }: PlacedRow, wanted: string, advice: string): DataError {
  const columns = Object.keys(row).join(", ")
  return new DataError(`data set ${file}, ${place}: expected ${wanted}; the columns are ${columns}. ${advice}`)
}

/**
 * The columns to read: those given, else the first known name that the first row has.
 * @throws DataError  when no prompt or answer column is found
 */
export function detectColumns(
  file: string,
  first: PlacedRow,
  given: { readonly [Name in keyof ColumnNames]?: string | undefined },
): ColumnNames {
  const find = (names: readonly string[]): string | undefined => names.find((name) => valueOf(first.row, name) != null)
  const required = (name: "prompt" | "answer"): string => {
    const column = given[name] ?? find(KNOWN[name])
    if (column !== undefined) return column
    throw missing(file, first, `a column with the ${name}, e.g. ${KNOWN[name].join(", ")}`, `Set task.columns.${name}.`)
  }
  const answer = required("answer")
  const solution = given.solution ?? find(KNOWN.solution.filter((name) => name !== answer))
  return { prompt: required("prompt"), answer, solution, source: given.source ?? find(KNOWN.source), id: given.id }
}

/**
 * The value of a column that a row must have.
 * @throws DataError  naming file, row and column, and the columns there are
 */
export function requiredValue(file: string, placed: PlacedRow, column: string, advice: string): unknown {
  const value = valueOf(placed.row, column)
  if (value !== undefined && value !== null && value !== "") return value
  const got = value === undefined ? "no such column" : value === null ? "null" : "empty text"
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
