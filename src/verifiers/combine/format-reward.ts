/** Whether a response keeps a form, whatever its answer. */
import { ConfigError } from "../../errors.ts"
import { lastBoxed } from "../procedural/answer-extraction.ts"
import { correct, incorrect } from "../procedural/verdicts.ts"
import type { Verifier } from "../verifier.ts"

export interface FormatOptions {
  /** Names of tags that must each open and close exactly once, in this order, nothing but white space before the first and after the last. */
  readonly tags?: readonly string[]
  /** The response holds exactly one `\boxed{}` that closes. */
  readonly boxed?: boolean
}

function tagProblem(text: string, tags: readonly string[]): string | undefined {
  let at = 0
  for (const tag of tags) {
    for (const mark of [`<${tag}>`, `</${tag}>`]) {
      const found = text.indexOf(mark)
      if (found < 0) return `${mark} is missing`
      if (text.includes(mark, found + mark.length)) return `${mark} stands more than once`
      if (found < at) return `${mark} stands at the wrong place`
      if (mark === `<${tag}>` && text.slice(at, found).trim() !== "") return `there is text before ${mark}`
      at = found + mark.length
    }
  }
  return text.slice(at).trim() === "" ? undefined : "there is text after the last tag"
}

function boxedProblem(text: string): string | undefined {
  if (lastBoxed(text) === undefined) return "there is no \\boxed{} that closes"
  return text.split("\\boxed{").length > 2 ? "there is more than one \\boxed{}" : undefined
}

/**
 * Reward 1 for a response of the right form. Says nothing about the answer: use it as a part of a weighted sum.
 * @throws ConfigError  when neither tags nor a box are asked for
 */
export function formatVerifier(options: FormatOptions, path: string = "verifier"): Verifier {
  const { tags = [], boxed = false } = options
  if (tags.length === 0 && !boxed) {
    throw new ConfigError([
      { path, message: "format: expected tags or boxed, got neither. Set e.g. tags: [think, answer]." },
    ])
  }
  return {
    name: "format",
    verify({ completion }) {
      const problem =
        (tags.length === 0 ? undefined : tagProblem(completion, tags)) ?? (boxed ? boxedProblem(completion) : undefined)
      const extracted = completion.trim().slice(0, 80)
      return problem === undefined ? correct(extracted, "the form is kept") : incorrect(extracted, problem)
    },
  }
}
