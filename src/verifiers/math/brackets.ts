/** Pairs brackets and environments, and cuts the numbers that \frac takes one digit of. */
import { integer } from "./rational.ts"
import type { Token } from "./token.ts"

// An interval may open and close with different brackets; everything else must close as it opened.
const closers: ReadonlyMap<string, readonly string[]> = new Map([
  ["(", [")", "]"]],
  ["[", ["]", ")"]],
  ["{", ["}"]],
  ["\\{", ["\\}"]],
  ["lfloor", ["rfloor"]],
  ["lceil", ["rceil"]],
  ["langle", ["rangle"]],
])

function digit(token: Token, text: string, start: number): Token {
  return { kind: "number", text, start, end: start + text.length, spaceBefore: start === token.start && token.spaceBefore, value: integer(BigInt(text)) }
}

/**
 * \frac12 is one half: TeX takes one digit for an argument without braces. A longer number after a space whose partner
 * follows (\frac 1 10, \frac 22 7) is meant whole.
 */
function splitFractionDigits(tokens: readonly Token[]): Token[] {
  const out: Token[] = []
  // Arguments that a \frac on the stack still waits for, with the bracket depth it stands at.
  const waiting: { depth: number; count: number }[] = []
  let depth = 0
  for (const [index, token] of tokens.entries()) {
    const following = tokens[index + 1]?.kind
    const top = waiting.at(-1)
    if (top !== undefined && top.depth === depth && top.count > 0 && token.kind !== "close") {
      const whole = /^\d+$/.test(token.text)
      const meantWhole = token.spaceBefore && (top.count === 1 || following === "number" || following === "open")
      if (token.kind === "number" && whole && token.text.length > 1 && !meantWhole) {
        const taken = Math.min(top.count, token.text.length)
        for (let index = 0; index < taken; index++) out.push(digit(token, token.text[index]!, token.start + index))
        if (taken < token.text.length) out.push(digit(token, token.text.slice(taken), token.start + taken))
        top.count -= taken
        if (top.count === 0) waiting.pop()
        continue
      }
      if (token.kind !== "command" && !(token.kind === "operator" && token.text !== "|")) {
        top.count--
        if (top.count === 0) waiting.pop()
      }
    }
    out.push(token)
    if (token.kind === "open") depth++
    else if (token.kind === "close") {
      depth--
      while (waiting.length > 0 && waiting.at(-1)!.depth > depth) waiting.pop()
    }
    else if (token.kind === "command" && token.text === "frac") waiting.push({ depth, count: 2 })
  }
  return out
}

/** Matching positions; `unbalanced` when something does not close. Unmatched brackets keep -1. */
export function matchBrackets(raw: readonly Token[]): { tokens: Token[]; match: number[]; unbalanced: boolean } {
  const tokens = raw.some((token) => token.kind === "command" && token.text === "frac") ? splitFractionDigits(raw) : [...raw]
  const match = tokens.map(() => -1)
  const stack: number[] = []
  let unbalanced = false
  tokens.forEach((token, index) => {
    if (token.kind === "open" || token.kind === "environmentBegin") stack.push(index)
    else if (token.kind === "close" || token.kind === "environmentEnd") {
      const open = stack.at(-1)
      const opener = open === undefined ? undefined : tokens[open]!
      const fits =
        opener !== undefined &&
        (token.kind === "environmentEnd" ? opener.kind === "environmentBegin" : (closers.get(opener.text)?.includes(token.text) ?? false))
      if (fits) {
        match[open!] = index
        match[index] = open!
        stack.pop()
      } else unbalanced = true
    }
  })
  return { tokens, match, unbalanced: unbalanced || stack.length > 0 }
}
