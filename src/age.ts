/** How long ago something was, for people. */

/** `3 s`, `5 min`, `2 h`, `4 d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000)
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
