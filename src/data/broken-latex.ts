/** LaTeX that lost its backslashes: `"\frac"` in a text that was not escaped is a form feed and `rac`. */

/** What an escape made of the backslash and the letter after it. */
const LETTERS: Readonly<Record<string, string>> = {
  "\u0007": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
}

/**
 * Bell, backspace and vertical tab stand in no text before a letter; the others do, and count where the rest of a command
 * follows that begins no word.
 */
const BROKEN =
  /[\u0007\b\v](?=[A-Za-z])|\f(?=(?:rac|orall|lat|box|rown)(?![A-Za-z]))|\t(?=(?:imes|heta|frac|riangle|herefore|ilde|binom)(?![A-Za-z])|ext\{)|\n(?=(?:eq|abla|otin)(?![A-Za-z]))|\r(?=(?:ight|ho|ightarrow|ceil)(?![A-Za-z]))/

const NAMES: Readonly<Record<string, string>> = {
  "\u0007": "a bell",
  "\b": "a backspace",
  "\t": "a tab",
  "\n": "a line feed",
  "\v": "a vertical tab",
  "\f": "a form feed",
  "\r": "a carriage return",
}

/** The first command of a text that lost its backslash, in words; undefined when there is none. */
export function brokenLatex(text: string): string | undefined {
  const found = BROKEN.exec(text)
  if (found === null) return undefined
  const control = text[found.index]
  const rest = /^[A-Za-z]+/.exec(text.slice(found.index + 1, found.index + 41))?.[0] ?? ""
  return `${NAMES[control]} and ${JSON.stringify(rest)}, which was \\${LETTERS[control]}${rest}`
}
