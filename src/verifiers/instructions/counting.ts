/** Words, sentences and paragraphs as IFEval counts them. */

/** Runs of letters, digits and underscores (NLTK's `\w+` tokenizer). */
export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}\p{M}_]+/gu)?.length ?? 0
}

/** Words with capitals and no small letters, as NLTK's word tokenizer and Python's `isupper` find them. */
export function countCapitalWords(text: string): number {
  // The tokenizer takes the ends of contractions off: NASA's is NASA and 's.
  const tokens =
    text
      .replaceAll(/(?:n['’]t|['’](?:s|m|d|re|ve|ll))(?!\p{L})/giu, " ")
      .match(/[\p{L}\p{N}\p{M}_]+(?:[-.'’/&][\p{L}\p{N}\p{M}_]+)*/gu) ?? []
  return tokens.filter((token) => /\p{Lu}/u.test(token) && !/\p{Ll}/u.test(token)).length
}

const ABBREVIATIONS = /(?<!\p{L})(Mr|St|Mrs|Ms|Dr|Prof|Inc|Ltd|Jr|Sr|Co|vs|etc|Ph\.D|e\.g|i\.e)\./gu
const PROTECTED_DOT = "\u0000"

/**
 * Sentences by the rules of IFEval's `split_into_sentences`: a full stop after an abbreviation, an initial or between
 * digits and in a web address does not end one; neither do several in a row end several.
 */
export function countSentences(text: string): number {
  const dots = (match: string): string => match.replaceAll(".", PROTECTED_DOT)
  const marked = text
    .replaceAll(/\s+/gu, " ")
    .replaceAll(ABBREVIATIONS, dots)
    .replaceAll(/\p{Lu}\.(?:\p{Lu}\.)+/gu, dots)
    .replaceAll(/(?<=\d)\.(?=\d)/gu, PROTECTED_DOT)
    .replaceAll(/\.(?=(?:com|net|org|io|gov|edu|me)(?!\p{L}))/gu, PROTECTED_DOT)
    .replaceAll(/(?<![\p{L}])\p{Lu}\. /gu, dots)
    .replaceAll(/\.{2,}/gu, (match) => `${PROTECTED_DOT.repeat(match.length - 1)}.`)
  const sentences = marked.split(/[.?!]+["'”’)\]]*(?:\s|$)|[。？！]+/u)
  return sentences.filter((sentence) => /[\p{L}\p{N}]/u.test(sentence)).length
}

/** Parts between lines of `***`; undefined when one in the middle is empty. Empty ones at the ends do not count. */
export function countStarParagraphs(text: string): number | undefined {
  const parts = text.split(/\s?\*\*\*\s?/u)
  const empty = parts.map((part) => part.trim() === "")
  if (empty.slice(1, -1).includes(true)) return undefined
  return parts.length - empty.filter(Boolean).length
}

/** The first word of a paragraph, in lower case, without quotes before it, up to the first punctuation mark. */
export function firstWord(paragraph: string): string {
  const word = /^\S*/u.exec(paragraph.trim())?.[0] ?? ""
  return /^[^.,?!'"]*/u.exec(word.replace(/^'+/u, "").replace(/^"+/u, ""))![0].toLowerCase()
}
