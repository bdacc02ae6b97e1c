/** What the words around a value make of it: "not 42", "less than 5", "negative 5", "5 squared", "5 million". */
import { unitWords } from "./vocabulary.ts"

const adverbs =
  "(?:definitely|certainly|clearly|surely|obviously|simply|just|really|actually|also|then|therefore|thus|probably)"
const negation = new RegExp(
  `^[\\s*_,]*(?:${adverbs}[\\s,]+)*(?:not|never|neither|nowhere|no longer|n['’]t)\\b|^[\\s*_]*并?[不非]`,
  "iu",
)
const contrast = /\bbut(?: rather| instead)?\b|[,;.—–-]\s*(?:it['’]?s|it is|it should be|rather|instead)\b/iu

/** Does the phrase begin by denying what follows? */
export function isNegated(phrase: string): boolean {
  return negation.test(phrase)
}

/** "not 42 but 17", "not 42; it is 17": where 17 begins; undefined when nothing is said in its place. */
export function afterContrast(phrase: string): number | undefined {
  const found = contrast.exec(phrase)
  return found === null ? undefined : found.index + found[0].length
}

const deniedBefore =
  /(?:\bnot|\bcannot|n['’]t|\bnever|\bneither|\bnor)\s+(?:be\s+|equal\s+(?:to\s+)?|exactly\s+)?[$(*\\]{0,4}$/iu

/** Is the value that begins at a position denied by the word before it? */
export function isDenied(text: string, position: number): boolean {
  return deniedBefore.test(text.slice(Math.max(0, position - 32), position))
}

// "5, not 6" and "5, which is not prime" say 5.
const aside = /[,;(]?\s+(?:(?:which|that|and) (?:is |are )?)?(?:not|rather than|instead of|as opposed to|unlike)\b/iu

/** The phrase up to a remark on what the answer is not. */
export function withoutAside(phrase: string): string {
  const found = aside.exec(phrase)
  return found !== null && /[\d\\$]/.test(phrase.slice(0, found.index)) ? phrase.slice(0, found.index) : phrase
}

// Words before a value after which it is another one.
const changing = [
  "not|never|neither|nor|cannot|anything but|other than|different|unlike|except|without|opposite",
  "less|fewer|more|greater|larger|smaller|bigger|higher|lower|at least|at most|under|above|below|between|beyond",
  "exceeds?|exceeding|up to|close to|near|nearly|almost|out of|multiples? of|divisible",
  "negative|minus|plus|roots?|half|(?:third|quarter) of|twice|double|triple|thrice|times|factorial|logarithm|log",
  "power|inverse|reciprocal|(?:square|cube|percent|sum|product|difference|quotient) of|squared|cubed",
  "divided|multiplied|(?:de|in)creas(?:es?|ed)",
]
const changesAfter = new RegExp(`\\b(?:${changing.join("|")})\\b|n['’]t\\b`, "iu")
// The same of words after it.
const following = [
  ",?\\s*or (?:more|less|fewer|greater|higher|lower|above|below)\\b",
  "and (?:above|below|up)\\b",
  "squared\\b|cubed\\b|factorial\\b|out of\\b|plus\\b|minus\\b|divided by\\b|multiplied by\\b|less than\\b|more than\\b",
  "to the (?:power|\\d)|(?:times|over)\\s+[-\\d$\\\\]",
]
const changesBefore = new RegExp(`^[\\s$)*_]*(?:${following.join("|")})`, "iu")

/** Do the words before and after a value make another one of it? */
export function changesValue(before: string, after: string): boolean {
  const near = before.slice(Math.max(before.search(/[,;:=\d][^,;:=\d]*$/), 0))
  return changesAfter.test(near) || /\bbetween\b/iu.test(before) || changesBefore.test(after)
}

const spokenSigns = /^(?:negative|minus)\s+(?=[$\d.\\(])/iu
const spokenRoot =
  /^(?:the\s+)?(?:positive\s+)?(square|cube)\s+root\s+of\s+\$?([\d.]+|\\[dt]?frac\{\w+\}\{\w+\}|[a-z])\$?$/iu
const spokenPower = /^\$?(-?[\d.]+|[a-z])\$?\s+(squared|cubed|factorial)$/iu
const powers: ReadonlyMap<string, string> = new Map([
  ["squared", "^2"],
  ["cubed", "^3"],
  ["factorial", "!"],
])

/** "negative 5", "the square root of 5" and "5 squared" in LaTeX; undefined for other phrases. */
export function spokenValue(phrase: string): string | undefined {
  const root = spokenRoot.exec(phrase)
  if (root !== null) return `\\sqrt${root[1]!.toLowerCase() === "cube" ? "[3]" : ""}{${root[2]}}`
  const power = spokenPower.exec(phrase)
  if (power !== null) return `(${power[1]})${powers.get(power[2]!.toLowerCase())}`
  const value = phrase.replace(spokenSigns, "")
  if (value === phrase) return undefined
  const bare = value.replace(/^\$([^$]*)\$$/, "$1")
  return /^[^A-Za-z]*$|^\\[dt]?frac\{\w+\}\{\w+\}$/.test(bare) ? `-${bare}` : undefined
}

const scaleWord = /^(?:thousand|million|billion|trillion|dozen|hundred)s?$/iu
// Units that are oftener other words.
const ambiguousUnits: ReadonlySet<string> = new Set(["in", "second", "times"])

/** Percent sign, half of the day, scale word and unit directly after a value: "5 million", "5 dollars per hour". */
export function qualifierAfter(text: string, position: number): string {
  const rest = text.slice(position, position + 60)
  const percent = /^\s*(?:\\?%|percent\b|pct\b)/iu.exec(rest)
  if (percent !== null) return "\\%"
  const half = /^\s*[ap]\.?\s?m\b\.?/iu.exec(rest)
  if (half !== null) return half[0]
  let taken = ""
  for (const match of rest.matchAll(/[ ~]*([A-Za-z]+)(?:\/[A-Za-z]+)?(?:\^\{?-?\d\}?)?(?![\w'’])/gy)) {
    const word = match[1]!
    const known = scaleWord.test(word) || (unitWords.has(word) && !ambiguousUnits.has(word))
    const joins = word === "per" && taken !== ""
    if (!known && !joins) break
    taken += match[0]
  }
  const words = taken.replace(/[ ~]+per$/, "")
  // After anything but a digit, plain letters would be factors: 12\pi square units.
  return words === "" || /\d\s*\$?$/.test(text.slice(Math.max(0, position - 4), position)) ? words : `\\text{${words}}`
}
