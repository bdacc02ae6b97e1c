/** Texts of a model or of data as a terminal may show them. */

/** Control characters, which could steer a terminal, as escapes. Line ends and tabs stay. */
export function terminalText(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}

/** The same on one line. */
export function terminalLine(text: string): string {
  return terminalText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\u0009")
}
