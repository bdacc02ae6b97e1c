/** IFEval's instructions on words, lengths, case and punctuation. */
import { countCapitalWords, countSentences, countStarParagraphs, countWords, firstWord } from "./counting.ts"
import { countMatches, countOf, holds, InstructionProblem, keywordPattern, textOf, textsOf } from "./instruction.ts"
import type { InstructionTable } from "./instruction.ts"
import { isInLanguage } from "./language.ts"

function hasOnly(text: string, wanted: RegExp, unwanted: RegExp): boolean {
  return wanted.test(text) && !unwanted.test(text)
}

export const contentChecks: InstructionTable = {
  "keywords:existence": (response, given) =>
    textsOf(given, "keywords").every((keyword) => keywordPattern(keyword, false).test(response)),
  "keywords:frequency": (response, given) =>
    holds(countMatches(response, keywordPattern(textOf(given, "keyword"), false)), given, "relation", "frequency"),
  "keywords:forbidden_words": (response, given) =>
    textsOf(given, "forbidden_words").every((word) => !keywordPattern(word, true).test(response)),
  "keywords:letter_frequency": (response, given) => {
    const letter = textOf(given, "letter").toLowerCase()
    if (letter === "") throw new InstructionProblem("expected letter to be a letter, got an empty text")
    return holds(response.toLowerCase().split(letter).length - 1, given, "let_relation", "let_frequency")
  },
  "language:response_language": (response, given) => isInLanguage(response, textOf(given, "language")),
  "length_constraints:number_sentences": (response, given) =>
    holds(countSentences(response), given, "relation", "num_sentences"),
  "length_constraints:number_paragraphs": (response, given) =>
    countStarParagraphs(response) === countOf(given, "num_paragraphs"),
  "length_constraints:number_words": (response, given) => holds(countWords(response), given, "relation", "num_words"),
  "length_constraints:nth_paragraph_first_word": (response, given) => {
    const paragraphs = response.split("\n\n")
    const count = paragraphs.filter((paragraph) => paragraph.trim() !== "").length
    const nth = countOf(given, "nth_paragraph")
    // The paragraph is counted among all, empty ones too, as in IFEval's own code.
    if (nth > count || count !== countOf(given, "num_paragraphs")) return false
    return firstWord(paragraphs[nth - 1] ?? "") === textOf(given, "first_word").toLowerCase()
  },
  "change_case:capital_word_frequency": (response, given) =>
    holds(countCapitalWords(response), given, "capital_relation", "capital_frequency"),
  "change_case:english_capital": (response) => hasOnly(response, /\p{Lu}/u, /\p{Ll}/u) && isInLanguage(response, "en"),
  "change_case:english_lowercase": (response) =>
    hasOnly(response, /\p{Ll}/u, /\p{Lu}/u) && isInLanguage(response, "en"),
  "punctuation:no_comma": (response) => !response.includes(","),
}
