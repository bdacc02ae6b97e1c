/** Short answers in words: exact match and F1 after the normalisation of SQuAD. */
import { shown, unparsableGold } from "../procedural/verdicts.ts"
import { answerPart, markedGold, withoutReasoning } from "../response-parts.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { lastBoxedText, lastStatedAnswer } from "./final-answer.ts"

export interface QuestionAnsweringOptions {
  /** `"exact"`: reward 1 for an equal answer. `"f1"`: the F1 of the words, right from `threshold` on. Default `"exact"`. */
  readonly metric?: "exact" | "f1"
  /** F1 from which an answer counts as right. Default 1. */
  readonly threshold?: number
  /**
   * Where the answer is read. `"marked"`: in `<answer>` tags or the last `\boxed{}`. `"auto"`: there, else after the last
   * "answer is", else the whole response. `"whole"`: the whole response. Default `"auto"`.
   */
  readonly place?: "auto" | "marked" | "whole"
}

/** Answers are short: the words of longer ones are not compared. */
const MAXIMUM_CHARACTERS = 5000
// Python's string.punctuation, which SQuAD's evaluation script takes away.
const PUNCTUATION = /[!-/:-@[-`{-~]/gu
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu

/**
 * Lower case, without punctuation, the articles a, an and the, and repeated white space.
 * Source: SQuAD's evaluation script (arXiv:1606.05250), `normalize_answer`. Differs: no.
 */
export function normalizeAnswer(text: string): string {
  const bare = text.toLowerCase().replaceAll(PUNCTUATION, "").replaceAll(ARTICLES, " ")
  return bare
    .split(/\s+/u)
    .filter((word) => word !== "")
    .join(" ")
}

/**
 * Harmonic mean of the shares of words that two normalised answers have in common; 1 for two empty ones.
 * Source: SQuAD 2.0's evaluation script (arXiv:1806.03822), `compute_f1`. Differs: no.
 */
export function wordF1(gold: string, answer: string): number {
  const [expected, given] = [gold, answer].map((text) => text.split(" ").filter((word) => word !== ""))
  if (expected!.length === 0 || given!.length === 0) return expected!.length === given!.length ? 1 : 0
  const left = new Map<string, number>()
  for (const word of expected!) left.set(word, (left.get(word) ?? 0) + 1)
  let common = 0
  for (const word of given!) {
    const count = left.get(word) ?? 0
    if (count > 0) common++
    left.set(word, count - 1)
  }
  return (2 * common) / (expected!.length + given!.length)
}

/** The accepted answers of a gold: a JSON list of texts (SQuAD's and verl's `{ "target": [...] }` too), else the text itself. */
export function acceptedAnswers(gold: string): readonly string[] {
  if (/^\s*[[{]/u.test(gold)) {
    try {
      const parsed: unknown = JSON.parse(gold)
      const inner = Array.isArray(parsed)
        ? parsed
        : ((parsed as Record<string, unknown>)["target"] ?? (parsed as Record<string, unknown>)["text"])
      const list = typeof inner === "string" ? [inner] : inner
      if (
        Array.isArray(list) &&
        list.length > 0 &&
        list.every((one) => typeof one === "string" || typeof one === "number")
      )
        return list.map(String)
    } catch {
      // Text that begins with a bracket.
    }
  }
  return [markedGold(gold)]
}

function extract(completion: string, place: "auto" | "marked" | "whole"): string | undefined {
  if (place === "whole") return completion.trim()
  const { text, tagged } = answerPart(withoutReasoning(completion))
  const marked = tagged ? text : lastBoxedText(text)
  if (marked !== undefined || place === "marked") return marked
  return lastStatedAnswer(text) ?? text.trim()
}

/** Judges a short answer against one or several accepted ones (a JSON list as gold); the best counts. */
export function questionAnsweringVerifier(options: QuestionAnsweringOptions = {}): Verifier {
  const { metric = "exact", threshold = 1, place = "auto" } = options
  return {
    name: metric === "exact" ? "qa-exact" : "qa-f1",
    verify({ gold, completion }): Verdict {
      const accepted = acceptedAnswers(gold)
      if (accepted.every((one) => one.trim() === "")) return unparsableGold(gold, "an answer")
      const answer = extract(completion, place)?.slice(0, MAXIMUM_CHARACTERS)
      if (answer === undefined || answer === "")
        return { status: "no-answer", reward: 0, reason: "the response holds no answer" }
      const given = normalizeAnswer(answer)
      // An answer of punctuation and articles alone is nothing after normalisation: then the texts themselves must be equal.
      const scores = accepted.map((one) => {
        const expected = normalizeAnswer(one.slice(0, MAXIMUM_CHARACTERS))
        if (expected === "" || given === "") return one.trim() === answer.trim() ? 1 : 0
        return metric === "exact" ? Number(expected === given) : wordF1(expected, given)
      })
      const reward = Math.max(...scores)
      const extracted = answer.slice(0, 300)
      const best = accepted[scores.indexOf(reward)]!
      if (reward >= threshold) return { status: "correct", reward, extracted, reason: `matches ${shown(best)}` }
      const got = metric === "exact" ? "" : `, F1 ${reward.toFixed(3)} with ${shown(best)}`
      return {
        status: "incorrect",
        reward,
        extracted,
        reason: `expected ${accepted.slice(0, 3).map(shown).join(" or ")}, got ${shown(answer)}${got}`,
      }
    },
  }
}
