/**
 * Answers in words that hold a number: what they say is more than the number ("May 5", "at least 5", "20% decrease").
 */

/** Words behind a value that make a statement of it; the value alone is another answer. */
const changing = /^(?:(?:in|de)creas(?:es?|ed|ing)|reductions?|reduced|declined?|factorial)$/i

/** Does a word behind a value make another answer of it? */
export function changesValue(word: string): boolean {
  return changing.test(word)
}

const senses: readonly (readonly [readonly string[], readonly string[]])[] = [
  [
    ["more", "greater", "higher", "larger", "bigger"],
    ["less", "fewer", "lower", "smaller"],
  ],
  [
    ["profit", "gain", "gained", "won"],
    ["loss", "lost"],
  ],
  [
    ["up", "above", "upward", "upwards", "rise"],
    ["down", "below", "downward", "downwards", "drop", "fall"],
  ],
  [["north"], ["south"]],
  [["east"], ["west"]],
  [["left"], ["right"]],
  [["clockwise"], ["counterclockwise", "counter-clockwise", "anticlockwise"]],
  [
    ["early", "earlier", "before", "ago", "bc"],
    ["late", "later", "after", "ad"],
  ],
  [["ahead"], ["behind"]],
  [
    ["older", "taller", "longer", "faster"],
    ["younger", "shorter", "slower"],
  ],
]

/** Do the words behind two values contradict each other: 5 more and 5 fewer? */
export function contradict(a: string, b: string): boolean {
  const [left, right] = [a, b].map((words) => words.toLowerCase().split(/[^a-z-]+/))
  const says = (words: readonly string[], sense: readonly string[]): boolean =>
    sense.some((word) => words.includes(word))
  return senses.some(
    ([one, other]) => (says(left!, one) && says(right!, other)) || (says(left!, other) && says(right!, one)),
  )
}

// Things that are never another name of one another; people and students, ways and choices may be.
const things = new Set(
  "apple orange banana pear book coin ticket ball card page car tile toy tree marble pencil dog cat egg".split(" "),
)

function thing(words: string): string | undefined {
  const one = /^\s*([a-z]+?)s?\s*$/i.exec(words)?.[1]?.toLowerCase()
  return one !== undefined && things.has(one) ? one : undefined
}

/** Do the words behind two values name different things: 5 apples and 5 oranges? */
export function differentThings(a: string, b: string): boolean {
  const [left, right] = [thing(a), thing(b)]
  return left !== undefined && right !== undefined && left !== right
}

// "The total is 12", "Answer: 12", "x = 12" state their value.
const states = /\b(?:is|are|was|were|equals?|has|have|had|gives?|gets?|makes?|answer|so|therefore|thus|hence)\b|[=#]/i
const longestPhrase = 120

/** Does a gold in words state a value that is to be looked for in it, or is it an answer as it stands? */
export function statesValue(gold: string): boolean {
  return /\d/.test(gold) && (gold.length > longestPhrase || states.test(gold))
}

const wrappers = /\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|boxed)\s*\{|[{}$*_`]|\\[ ,;:!]|\\(?=[%$#&])/g
// A backslash that is none of these.
const commandOfFormula =
  /\\(?!(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|boxed)\s*\{|[ ,;:!%$#&])/
const closings = /\s*(?:I hope it is correct\.?)?\s*(?:<\|[^|]{0,40}\|>\s*)*$/
const announcements = [
  /<answer>([\s\S]{1,300})<\/answer>\s*$/i,
  /####[ \t]*([^\n]{1,300})$/,
  /^[\s\S]*\banswer(?:\s+is)?\s*[:*]*\s*(?:is\s+)?([^\n:]{1,300})$/i,
]

/** A text without markup, articles before it and spaces that say nothing; words in lower case, letters as they are. */
function said(text: string): string {
  return text
    .replaceAll(wrappers, " ")
    .replace(/^\s*(?:an?|the)\s+/i, "")
    .replaceAll(/\s+(?=[^\p{L}\p{N}])|(?<=[^\p{L}\p{N}])\s+/gu, "")
    .replaceAll(/\p{Lu}?\p{Ll}+/gu, (word) => (word.length > 1 ? word.toLowerCase() : word))
    .replace(/^\s+|[\s.]+$/g, "")
}

/** What a gold in words says; undefined for one that is a formula or a number, which are compared as such. */
export function wordsOf(gold: string): string | undefined {
  if (commandOfFormula.test(gold) || !/\p{L}{2}/u.test(gold)) return undefined
  const meaning = said(gold)
  return !/\p{L}/u.test(meaning) || meaning.includes("\\") ? undefined : meaning
}

/**
 * Does a response end in the very words of the gold, announced ("the answer is", "Answer:", "####", <answer>) or alone?
 * Case, spacing and markup do not count.
 * @param words   of the gold, see wordsOf
 * @param ending  the end of the response
 */
export function endsInWords(words: string, ending: string): boolean {
  const text = ending.replace(closings, "").trimEnd()
  for (const announcement of announcements) {
    const statement = announcement.exec(text)?.[1]
    if (statement !== undefined && said(statement) === words) return true
  }
  // Markup and spaces are not much longer than what they stand around.
  return text.length <= 2 * words.length + 80 && said(text) === words
}
