/** The last \boxed{...} the way the published graders cut it: braces counted, escapes ignored. */

/** From `open` on to the brace that closes the first one; undefined when it never does. */
export function balancedFrom(text: string, start: number): string | undefined {
  let depth = 0
  for (let index = start; index < text.length; index++) {
    if (text[index] === "{") depth++
    else if (text[index] === "}") {
      depth--
      if (depth === 0) return text.slice(start, index + 1)
    }
  }
  return undefined
}

/** Content of the last \boxed{...}; undefined when there is none or it does not close. */
export function lastBoxedContent(text: string): string | undefined {
  const start = text.lastIndexOf("\\boxed{")
  const whole = start < 0 ? undefined : balancedFrom(text, start)
  return whole?.slice("\\boxed{".length, -1)
}
