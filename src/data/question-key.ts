/** When two questions are the same. */
import type { ChatMessage } from "./task.ts"

/** Characters that show nothing: zero-width spaces and joiners, direction marks, soft hyphen, byte order mark. */
const INVISIBLE = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2064\uFEFF]/g

/** Instructions that data sets put behind their questions: they ask for an answer in an empty box, or after a mark. */
const INSTRUCTION = /\\boxed\{\s*\}|after ["']?####|<answer>/
/** Words that an instruction begins with when it shares its line with the question. */
const INSTRUCTION_START = /\s(?:let's think step by step|please (?:reason|think|solve)\b.{0,40}step by step)/i

function withoutInstruction(text: string): string {
  const paragraph = text.trimEnd().lastIndexOf("\n\n")
  const question = paragraph > 0 ? text.slice(0, paragraph) : text
  // A multiple-choice template shows its answer format over several lines of the last paragraph.
  if (paragraph > 0 && INSTRUCTION.test(text.slice(paragraph))) return question
  const start = text.search(INSTRUCTION_START)
  return start > 0 && INSTRUCTION.test(text.slice(start)) ? text.slice(0, start) : text
}

/**
 * A text that equal questions have in common. Evened out are Unicode composition, invisible characters, white space,
 * final punctuation (not the factorial sign), the capital of an ordinary word, and the instruction on the form of the answer. Other letters keep
 * their case: in a formula or a SMILES string it makes another question.
 */
export function questionKey(question: string | readonly ChatMessage[]): string {
  const text = typeof question === "string" ? question : question.map(({ content }) => content).join("\n")
  const visible = text.normalize("NFC").replace(INVISIBLE, "")
  const even = (part: string): string =>
    part
      .replace(/\b\p{Lu}\p{Ll}+\b/gu, (word) => word.toLowerCase())
      .replace(/\s+/g, " ")
      .trim()
      .replace(/(?<![.?:;,\s])[.?:;,\s]{1,100}$/, "")
  // A text that is an instruction, or punctuation, and nothing else is its own key.
  return even(withoutInstruction(visible)) || even(visible) || visible.trim()
}
