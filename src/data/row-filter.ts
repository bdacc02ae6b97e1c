/** Which rows of a data set are used, said in the config. */
import { z } from "zod"
import { nearestName } from "../config/nearest-name.ts"
import { DataError } from "../errors.ts"
import { asText, isMissing, valueOf } from "./columns.ts"
import type { PlacedRow } from "./rows.ts"

type Plain = string | number | boolean

/**
 * A condition on one column; a row must meet all that is said. A null, missing or NaN value meets `notEquals` and
 * `notIn` alone.
 */
export interface RowCondition {
  /** A dot goes into a struct. */
  readonly column: string
  /** Compared as text: 5 equals "5". */
  readonly equals?: Plain | undefined
  readonly notEquals?: Plain | undefined
  readonly in?: readonly Plain[] | undefined
  readonly notIn?: readonly Plain[] | undefined
  /** Bounds of a number, both included. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Bounds of the number of characters (or entries of a list), both included. */
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  /** The text holds this. */
  readonly contains?: string | undefined
  /** True: a value that is not null and not blank. False: none. */
  readonly notEmpty?: boolean | undefined
}

const plain = z.union([z.string(), z.number(), z.boolean()])

export const rowConditionSchema: z.ZodType<RowCondition> = z
  .strictObject({
    column: z.string().min(1),
    equals: plain.optional(),
    notEquals: plain.optional(),
    in: z.array(plain).optional(),
    notIn: z.array(plain).optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    contains: z.string().optional(),
    notEmpty: z.boolean().optional(),
  })
  .refine((condition) => Object.values(condition).filter((value) => value !== undefined).length > 1, {
    error:
      "a condition beside the column: equals, notEquals, in, notIn, min, max, minLength, maxLength, contains or notEmpty",
  })

function numberOf(value: unknown, file: string, placed: PlacedRow, column: string): number {
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(asText(value))
  if (Number.isFinite(number)) return number
  throw new DataError(
    `data set ${file}, ${placed.place}: expected a number in column ${JSON.stringify(column)} for task.filter, ` +
      `got ${JSON.stringify(value).slice(0, 100)}. Use in: [...] for texts.`,
  )
}

function isBlank(value: unknown): boolean {
  return (
    isMissing(value) ||
    (typeof value === "string" && value.trim() === "") ||
    (Array.isArray(value) && value.length === 0)
  )
}

function meets(condition: RowCondition, value: unknown, number: () => number): boolean {
  const { equals, notEquals, min, max, minLength, maxLength, contains, notEmpty } = condition
  if (notEmpty !== undefined && isBlank(value) === notEmpty) return false
  if (value !== "" && isMissing(value)) {
    const needsValue = [equals, condition.in, min, max, minLength, maxLength, contains].some((one) => one !== undefined)
    return !needsValue
  }
  const text = asText(value)
  const same = (one: Plain): boolean => String(one) === text
  if (equals !== undefined && !same(equals)) return false
  if (notEquals !== undefined && same(notEquals)) return false
  if (condition.in !== undefined && !condition.in.some(same)) return false
  if (condition.notIn?.some(same) === true) return false
  if (contains !== undefined && !text.includes(contains)) return false
  const length = Array.isArray(value) ? value.length : text.length
  if (length < (minLength ?? 0) || length > (maxLength ?? Infinity)) return false
  if (min === undefined && max === undefined) return true
  return number() >= (min ?? -Infinity) && number() <= (max ?? Infinity)
}

/** Decides on the rows of one data set and notices conditions on columns that none of them has. */
export class RowFilter {
  readonly #conditions: readonly RowCondition[]
  readonly #met: boolean[]
  #columns: readonly string[] = []

  constructor(conditions: readonly RowCondition[]) {
    this.#conditions = conditions
    this.#met = conditions.map(() => false)
  }

  /** @throws DataError  when a bound is put on a value that is no number */
  accepts(file: string, placed: PlacedRow): boolean {
    this.#columns = Object.keys(placed.row)
    return this.#conditions.reduce((kept, condition, i) => {
      const value = valueOf(placed.row, condition.column)
      if (value !== undefined) this.#met[i] = true
      return kept && meets(condition, value, () => numberOf(value, file, placed, condition.column))
    }, true)
  }

  /** @throws DataError  when a condition speaks of a column that no row had: it is misspelt */
  finish(name: string): void {
    const missing = this.#conditions.find((_, i) => !this.#met[i])
    if (missing === undefined) return
    const nearest = nearestName(missing.column, this.#columns)
    const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
    throw new DataError(
      `data set ${name}: expected a column ${JSON.stringify(missing.column)} for task.filter, got rows without it; ` +
        `the columns are ${this.#columns.join(", ")}.${hint} Change task.filter.`,
    )
  }
}
