/** Answers in words. */

const synonyms: ReadonlyMap<string, string> = new Map(
  (
    [
      ["no solution", "nosolution nosolutions none nosuchsolution norealsolution norealsolutions emptyset nosolutionsexist thereisnosolution therearenosolutions"],
      ["undefined", "undefined doesnotexist dne notdefined"],
      ["infinitely many", "infinitelymany infinite infinitelymanysolutions"],
    ] as const
  ).flatMap(([meaning, words]) => words.split(" ").map((word): [string, string] => [word, meaning])),
)

/**
 * What a text says: letters and digits only, case folded unless it is a single letter (x and X are two variables, Even
 * and even one word).
 * @param key  canonical tokens of the answer
 */
export function textMeaning(key: string): string {
  const plain = key.replaceAll(/\\(?:bar|hat|vec|emptyset|varnothing)(?![A-Za-z])/g, "").replaceAll(/(?<=\p{L})[\s-]+(?=\p{L})/gu, "").replaceAll(/[^\p{L}\p{N}.%+=<>/*^-]/gu, "").replace(/[.]+$/, "")
  const folded = plain.length > 1 ? plain.toLowerCase() : plain
  return synonyms.get(folded) ?? folded
}

/** True when the two say the same and say something. */
export function textsEqual(a: string, b: string): boolean {
  const meaning = textMeaning(a)
  return meaning !== "" && meaning === textMeaning(b)
}

/** A choice's letter: "(B)", "B", "B) 12", "B. twelve". */
export function choiceLetter(key: string): string | undefined {
  return /^[({\s]*([A-J])(?:[\s)}]*$|\s*[).:]\s*\S)/.exec(key)?.[1]
}
