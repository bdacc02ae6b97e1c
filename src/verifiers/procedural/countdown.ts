/** The countdown game: reach a target from given numbers with + - * / and parentheses. */
import type { Verifier } from "../verifier.ts"
import { afterLastMarker, bareNumber } from "./answer-extraction.ts"
import { parseExpression } from "./expression.ts"
import type { ParsedExpression } from "./expression.ts"
import { format, parseNumber } from "./rational.ts"
import { correct, incorrect, noAnswer, shown, unparsableGold } from "./verdicts.ts"

export interface CountdownGold {
  readonly numbers: readonly number[]
  readonly target: number
}

export interface CountdownOptions {
  /** Every number must be used. Default false: each number at most once. */
  readonly useAll?: boolean
}

/** The gold of a countdown problem as text. */
export function countdownGold(gold: CountdownGold): string {
  return JSON.stringify({ numbers: gold.numbers, target: gold.target })
}

function parseGold(text: string): CountdownGold | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== "object" || parsed === null) return undefined
  const { numbers, nums, target } = parsed as { numbers?: unknown; nums?: unknown; target?: unknown }
  const given = Array.isArray(numbers) ? numbers : nums
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)
  return Array.isArray(given) && given.every(isWhole) && isWhole(target) ? { numbers: given, target } : undefined
}

const ANSWER_OPEN = "<answer>"

/** Inside the last `<answer>`, else the last line that is not blank. */
function extract(completion: string): string | undefined {
  const at = completion.lastIndexOf(ANSWER_OPEN)
  if (at >= 0) {
    const inside = completion.slice(at + ANSWER_OPEN.length)
    const end = inside.indexOf("</answer>")
    return (end < 0 ? inside : inside.slice(0, end)).trim() || undefined
  }
  return afterLastMarker(completion.trimEnd(), "\n") ?? (completion.trim() || undefined)
}

/** The rule that the numbers break, in words, or undefined when they keep it. */
function brokenRule(parsed: ParsedExpression, gold: CountdownGold, useAll: boolean): string | undefined {
  const left = gold.numbers.map(BigInt)
  for (const number of parsed.numbers) {
    const at = left.indexOf(number)
    if (at < 0) {
      return gold.numbers.includes(Number(number)) ? `${number} is used too often` : `${number} is not among the numbers`
    }
    left.splice(at, 1)
  }
  return useAll && left.length > 0 ? `${left.join(", ")} is not used, and every number must be` : undefined
}

/**
 * Right when the expression in the response has exactly the target's value and uses the given numbers by the rule. The
 * gold is JSON: `{"numbers": [3, 5, 7], "target": 26}` (`nums` is read too). `expression = target` is accepted.
 */
export function countdownVerifier(options: CountdownOptions = {}): Verifier {
  const useAll = options.useAll ?? false
  return {
    name: useAll ? "countdown-all" : "countdown",
    verify({ gold, completion }) {
      const puzzle = parseGold(gold)
      if (puzzle === undefined) return unparsableGold(gold, '{"numbers": [...], "target": n}')
      const answer = extract(completion)
      if (answer === undefined) return noAnswer("the response holds no expression")
      const [expression, stated, ...more] = answer.split("=")
      if (more.length > 0) return incorrect(answer, `expected one "=" at most, got ${shown(answer)}`)
      const parsed = parseExpression(expression)
      if ("problem" in parsed) return incorrect(answer, parsed.problem)
      const broken = brokenRule(parsed, puzzle, useAll)
      if (broken !== undefined) return incorrect(answer, broken)
      const value = format(parsed.value)
      if (value !== `${puzzle.target}`) return incorrect(answer, `expected the value ${puzzle.target}, got ${value}`)
      const statedValue = stated === undefined ? parsed.value : parseNumber(bareNumber(stated))
      if (statedValue === undefined || format(statedValue) !== value) {
        return incorrect(answer, `the expression is ${value}, and the response says ${shown(stated ?? "")}`)
      }
      return correct(answer, `equals ${value}`)
    },
  }
}
