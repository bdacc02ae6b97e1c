/** Commands as people can give them again. */

/** A word as a shell takes it: `a.yaml`, `'my config.yaml'`. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
