/** Dates and clock times: types of their own, so that 2024-05-01 is no difference and 9:30 AM no ratio. */
import type { Answer } from "./answer.ts"

export type CalendarAnswer = Answer & { readonly kind: "time" | "date" }

const names = (list: string): string[] => list.split(" ")
const months = names("january february march april may june july august september october november december")
const weekdays = names("monday tuesday wednesday thursday friday saturday sunday")
const month =
  "(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?"
const weekday = "(?:on )?(?:((?:mon|tues|wednes|thurs|fri|satur|sun)day),? )?"
const day = "(\\d{1,2})(?:st|nd|rd|th)?"

const half = "(?:([ap])\\.? ?m\\.?|(in the morning)|(in the afternoon|in the evening|at night))"
const clock = new RegExp(`^(?:at )?(\\d{1,2})(?:[:.](\\d{2})(?::(\\d{2}))?)? ?${half}$`, "i")
const oClock = /^(?:at )?(\d{1,2}) ?o['’]?clock$/i
const monthFirst = new RegExp(`^${weekday}${month} ${day}(?:,? ?(\\d{4}))?$`, "i")
const dayFirst = new RegExp(`^${weekday}(?:the )?${day}(?: of)? ${month}(?:,? ?(\\d{4}))?$`, "i")
const monthAndYear = new RegExp(`^${month},? (\\d{4})$`, "i")
const numeric = /^(\d{4})-(\d{2})-(\d{2})$/

/** Longest text that is looked at. */
const maxCharacters = 80

const hint =
  /\d ?(?:[:.]\d{2}|[ap]\.? ?m\b|o['’]?clock)|\b(?:noon|midnight)\b|\d{4}-\d{2}-\d{2}|\b(?:in the|at) (?:morning|afternoon|evening|night)|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)/i

const cheapHint =
  /:|\d\s?-\s?\d\d|\d[^\d=+*/^_()]{0,12}[ap][.\s]{0,2}m(?![a-z])|clock|noon|midnight|morning|afternoon|evening|night|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec/i

/** May a text hold a date or a clock time? */
export function mayHoldCalendar(source: string): boolean {
  return cheapHint.test(source) && hint.test(plainText(source))
}

function plainText(source: string): string {
  return source
    .replaceAll(
      /\\(?:text|textbf|textrm|mathrm|mbox)\s*(?=\{)|\\[,;:! ]|[{}$~]|\^(?=\{?\\?(?:text)?\{?(?:st|nd|rd|th))/g,
      " ",
    )
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ (?=[,.:]|(?:st|nd|rd|th)\b)|(?<=:) /g, "")
    .trim()
}

/** The date or clock time that a text is, as a whole; undefined for anything else. */
export function parseCalendar(source: string): CalendarAnswer | undefined {
  if (source.length > 2 * maxCharacters) return undefined
  const text = plainText(source).replace(/(?<!m)\.$/i, "")
  if (text.length > maxCharacters) return undefined
  return parseTime(text) ?? parseDate(text)
}

function parseTime(text: string): CalendarAnswer | undefined {
  const word = /^(?:at )?(?:12 )?(noon|midnight)$/i.exec(text)?.[1]?.toLowerCase()
  if (word !== undefined) return time(word === "noon" ? 12 : 0, 0, 0, true)
  const full = clock.exec(text)
  const hourOnly = full === null ? oClock.exec(text) : null
  const [, hours, minutes = "0", seconds = "0", letter, morning] = full ?? hourOnly ?? []
  if (hours === undefined) return undefined
  const hour = Number(hours)
  if (hour > 12 || Number(minutes) > 59 || Number(seconds) > 59) return undefined
  if (full === null) return time(hour, 0, 0, false)
  const before = letter === undefined ? morning !== undefined : letter.toLowerCase() === "a"
  return time((hour % 12) + (before ? 0 : 12), Number(minutes), Number(seconds), true)
}

function time(hour: number, minute: number, second: number, definite: boolean): CalendarAnswer {
  const parts = [hour, minute, second].map((part) => String(part).padStart(2, "0"))
  const key = `time ${parts.join(":")}${definite ? "" : "?"}`
  return { kind: "time", seconds: 3600 * hour + 60 * minute + second, definite, key }
}

function parseDate(text: string): CalendarAnswer | undefined {
  const iso = numeric.exec(text)
  if (iso !== null) return date(Number(iso[2]), Number(iso[3]), iso[1], undefined)
  const first = monthFirst.exec(text)
  if (first !== null) return date(monthNumber(first[2]!), Number(first[3]), first[4], first[1])
  const second = dayFirst.exec(text)
  if (second !== null) return date(monthNumber(second[3]!), Number(second[2]), second[4], second[1])
  const third = monthAndYear.exec(text)
  return third === null ? undefined : date(monthNumber(third[1]!), undefined, third[2], undefined)
}

function monthNumber(name: string): number {
  return 1 + months.findIndex((each) => each.startsWith(name.toLowerCase().slice(0, 3)))
}

function date(
  month: number,
  day: number | undefined,
  year: string | undefined,
  weekday: string | undefined,
): CalendarAnswer | undefined {
  if (month < 1 || month > 12 || day === 0 || (day ?? 1) > 31) return undefined
  const dayOfWeek = weekday === undefined ? undefined : weekdays.indexOf(weekday.toLowerCase())
  return {
    kind: "date",
    month,
    ...(day === undefined ? {} : { day }),
    ...(year === undefined ? {} : { year: Number(year) }),
    ...(dayOfWeek === undefined ? {} : { dayOfWeek }),
    key: `date ${year ?? "?"}-${month}-${day ?? "?"} ${dayOfWeek ?? ""}`.trim(),
  }
}

/**
 * Equality where one side is a date or a clock time. A prediction may leave the half of the day out (3:45 for 3:45
 * p.m.), write it in 24 hours, or add a year or a weekday that the gold answer does not name.
 */
export function calendarEqual(gold: Answer, predicted: Answer): boolean {
  if (gold.kind === "date" && predicted.kind === "date") {
    const agrees = (a: number | undefined, b: number | undefined): boolean => a === undefined || a === b
    const sameDay = gold.month === predicted.month && gold.day === predicted.day
    const weekdaysAgree = predicted.dayOfWeek === undefined || agrees(gold.dayOfWeek, predicted.dayOfWeek)
    return sameDay && weekdaysAgree && agrees(gold.year, predicted.year)
  }
  const [a, b] = [timeOf(gold), timeOf(predicted)]
  if (a === undefined || b === undefined) return false
  const halfDay = 12 * 3600
  return a.seconds === b.seconds || ((!a.definite || !b.definite) && a.seconds % halfDay === b.seconds % halfDay)
}

/** A time; also 15:45, which alone may be a ratio, and a whole hour. */
function timeOf(answer: Answer): { readonly seconds: number; readonly definite: boolean } | undefined {
  if (answer.kind === "time") return answer
  const written = /^(\d{1,2})(?::([0-5]\d)(?::([0-5]\d))?)?$/.exec(answer.key)
  if (written === null || (answer.kind !== "ratio" && answer.kind !== "expression")) return undefined
  const hour = Number(written[1])
  if (hour > 23) return undefined
  const seconds = 3600 * hour + 60 * Number(written[2] ?? 0) + Number(written[3] ?? 0)
  // 0:15 and 15:45 can only be meant in 24 hours.
  return { seconds, definite: hour === 0 || hour > 12 }
}
