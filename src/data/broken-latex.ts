/** LaTeX that lost its backslashes: `"\frac"` in a text that was not escaped is a form feed and `rac`. */

/** What an escape makes of a backslash and a letter. */
interface Escape {
  readonly control: string
  readonly letter: string
  readonly name: string
  /** What follows where it was a command: any letter, or the rest of a command that begins no word. */
  readonly rest: string
}

const ANY_LETTER = "[A-Za-z]"

const escapes: readonly Escape[] = [
  { control: "\u0007", letter: "a", name: "a bell", rest: ANY_LETTER },
  { control: "\b", letter: "b", name: "a backspace", rest: ANY_LETTER },
  { control: "\v", letter: "v", name: "a vertical tab", rest: ANY_LETTER },
  { control: "\f", letter: "f", name: "a form feed", rest: "(?:rac|orall|lat|box|rown)(?![A-Za-z])" },
  {
    control: "\t",
    letter: "t",
    name: "a tab",
    rest: "(?:imes|heta|frac|riangle|herefore|ilde)(?![A-Za-z])|ext\\{",
  },
  { control: "\n", letter: "n", name: "a line feed", rest: "(?:eq|abla|otin)(?![A-Za-z])" },
  { control: "\r", letter: "r", name: "a carriage return", rest: "(?:ight|ho|ightarrow|ceil)(?![A-Za-z])" },
]

const BROKEN = new RegExp(escapes.map(({ control, rest }) => `${control}(?=${rest})`).join("|"))

/** The first command of a text that lost its backslash, in words; undefined when there is none. */
export function brokenLatex(text: string): string | undefined {
  const found = BROKEN.exec(text)
  if (found === null) return undefined
  const { letter, name } = escapes.find(({ control }) => control === found[0])!
  const rest = /^[A-Za-z]+/.exec(text.slice(found.index + 1, found.index + 41))?.[0] ?? ""
  return `${name} and ${JSON.stringify(rest)}, which was \\${letter}${rest}`
}
