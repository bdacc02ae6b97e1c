/** Dates as Python's strftime writes them, in English: what templates ask for. */
import { DataError } from "../errors.ts"

const MONTHS = "January February March April May June July August September October November December".split(" ")
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ")

function twoDigits(value: number): string {
  return String(value).padStart(2, "0")
}

const fields: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => twoDigits(date.getFullYear() % 100),
  m: (date) => twoDigits(date.getMonth() + 1),
  B: (date) => MONTHS[date.getMonth()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  d: (date) => twoDigits(date.getDate()),
  A: (date) => DAYS[date.getDay()]!,
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  H: (date) => twoDigits(date.getHours()),
  M: (date) => twoDigits(date.getMinutes()),
  S: (date) => twoDigits(date.getSeconds()),
  "%": () => "%",
}

/** Codes that are not known stay as they are. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (code, bare: string, letter: string) => {
    const text = Object.hasOwn(fields, letter) ? fields[letter]!(date) : undefined
    return text === undefined ? code : bare === "" ? text : text.replace(/^0(?=.)/, "")
  })
}

/**
 * The local time that a text names: `2026-11-30`, or with a time `2026-11-30T12:00`.
 * @throws DataError  when it names none
 */
export function dateFrom(text: string): Date {
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text)
  if (!Number.isNaN(date.getTime())) return date
  throw new DataError(
    `chat template: expected a date as strftime_now, e.g. 2026-11-30, got ${JSON.stringify(text)}. Correct it.`,
  )
}
