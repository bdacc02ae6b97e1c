/**
 * PRIME's math reward: the answer found by its phrases, graded by normalised strings, then as PRM800K does, then by
 * `math_equal`. Source: arXiv:2502.01456 and verl's reward_score/prime_math. Differs: SymPy's part is played by the
 * math verifier's equality ladder.
 */
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { balancedFrom } from "./boxed-string.ts"
import { isUnreadableGold, maxNesting, nestsTooDeep, unreadableGold } from "./limits.ts"
import { primeMathEqual } from "./prime-equality.ts"
import { isIntegerString, normalizeHendrycks, normalizePrm, stripThousands } from "./prime-normalization.ts"
import { symbolicallyEqual } from "./symbolic-equality.ts"

function lastBoxed(text: string): string | undefined {
  const start = Math.max(text.lastIndexOf("\\boxed"), -1)
  const at = start >= 0 ? start : text.lastIndexOf("\\fbox")
  const whole = at < 0 ? undefined : balancedFrom(text, at)
  return whole?.slice(whole.indexOf("{") + 1, -1).trim()
}

const before = ["answer:", "answer is", "answers are"]
const after = ["is answer", "is the answer", "are answers", "are the answers"]
const verbs = ["be ", "is ", "are ", "=", ": ", "get ", "be\n", "is\n", "are\n", ":\n", "get\n"]

/** `match_answer`: the answer and whether any phrase or box led to it. */
export function extractPrimeMath(completion: string): { readonly matched: boolean; readonly answer: string } {
  let text = completion
  let matched = false
  for (const mark of before) {
    const at = text.toLowerCase().lastIndexOf(mark)
    if (at < 0) continue
    matched = true
    text = text.slice(at + mark.length).trim()
  }
  for (const mark of after) {
    const at = text.toLowerCase().lastIndexOf(mark)
    if (at < 0) continue
    matched = true
    text = text.slice(0, at).trim()
  }
  const boxed = lastBoxed(text)
  if (boxed !== undefined && boxed !== "") {
    matched = true
    text = boxed
  }
  const stop = text.lastIndexOf(". ")
  if (stop >= 0) text = text.slice(0, stop).trim()
  for (const verb of verbs) {
    const at = text.toLowerCase().lastIndexOf(verb)
    if (at < 0) continue
    matched = true
    text = text.slice(at + verb.length).trim()
  }
  return { matched: matched && /\p{Nd}/u.test(text), answer: text }
}

const brackets = "()[]"

function splitTuple(text: string): string[] {
  const plain = stripThousands(text)
  if (plain === "") return []
  const inner = plain.slice(1, -1)
  const isTuple = plain.length > 2 && brackets.includes(plain[0]!) && brackets.includes(plain.at(-1)!) && !/[()[\]]/.test(inner)
  return isTuple ? inner.split(",").map((item) => item.trim()) : [plain]
}

const isFraction = (text: string): boolean => /^-?[0-9]+[^\n]?\/0*[1-9][0-9]*[^\n]?$/.test(text)

/** What PRM800K lets SymPy look at: few letters, no larger powers. */
function mayEvaluate(text: string): boolean {
  const letters = new Set(text.replaceAll("sqrt", "").replaceAll("frac", "").match(/\p{L}/gu) ?? [])
  return letters.size <= 2 && !text.includes("^{") && !text.includes("^(") && !/\^[0-9]+\^|\^[0-9][0-9]+/.test(text)
}

/** `grade_answer` of PRM800K. */
export function gradePrm(given: string, gold: string): boolean {
  if (normalizeHendrycks(gold) === normalizeHendrycks(given)) return true
  const [expected, answer] = [normalizePrm(gold), normalizePrm(given)]
  if (expected === answer) return true
  if (answer === "") return false
  const [goldItems, items] = [splitTuple(expected), splitTuple(answer)]
  if (goldItems.length > 1 && (expected[0] !== answer[0] || expected.at(-1) !== answer.at(-1))) return false
  if (goldItems.length !== items.length) return false
  return goldItems.every((goldItem, index) => {
    const item = items[index]!
    // Fractions must be reduced, integers must be written as integers.
    if (isFraction(goldItem) && isFraction(item)) return goldItem === item
    if (isIntegerString(goldItem) !== isIntegerString(item)) return false
    return mayEvaluate(`(${goldItem})-(${item})`) && symbolicallyEqual(goldItem, item)
  })
}

/** `compute_score`: is the answer right, and which answer was read. */
export function scorePrimeMath(completion: string, gold: string): { readonly correct: boolean; readonly extracted: string } {
  const { answer } = extractPrimeMath(completion)
  if (gradePrm(answer, gold)) return { correct: true, extracted: answer }
  const values = answer.includes("\\pi") || gold.includes("\\pi") ? [Math.PI, 3.14] : [Math.PI]
  return { correct: values.some((pi) => primeMathEqual(answer, gold, pi)), extracted: answer }
}

/** PRIME's math reward behind the common interface. */
export function primeMathVerifier(): Verifier {
  return {
    name: "prime_math",
    verify({ gold, completion }: VerifierInput): Verdict {
      if (isUnreadableGold(gold)) return unreadableGold
      // The published grader runs out of stack here, which it counts as a wrong answer.
      if (nestsTooDeep(extractPrimeMath(completion).answer)) {
        return { status: "incorrect", reward: 0, reason: `the answer nests more than ${maxNesting} deep` }
      }
      const { correct, extracted } = scorePrimeMath(completion, gold)
      if (!correct && extracted === "") return { status: "no-answer", reward: 0, reason: "no answer was found" }
      return { status: correct ? "correct" : "incorrect", reward: correct ? 1 : 0, extracted: extracted.slice(0, 300), reason: "graded as by PRIME" }
    },
  }
}
