/** Letters side by side that are no product: words, strings such as HHT and BADC, named figures. */

const ascending = (run: string): boolean => [...run].every((letter, index) => index === 0 || run[index - 1]! < letter)

/** "May", "listen": a word, and no product of variables such as xyz or abcd. */
export function looksLikeWord(run: string): boolean {
  if (/^[A-Z][a-z]{2,}$/.test(run)) return /[aeiouy]/i.test(run)
  return /^[a-z]{4,}$/.test(run) && /[aeiou]/.test(run) && !ascending(run)
}
