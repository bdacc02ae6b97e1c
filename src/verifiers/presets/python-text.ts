/** The Python string functions whose exact behaviour the presets depend on. */

/** str[-count:], counted in code points. */
export function lastCodePoints(text: string, count: number): string {
  const tail = text.slice(-2 * count - 2)
  const points = Array.from(tail)
  return points.length <= count ? (tail.length < text.length ? points.slice(-count).join("") : text) : points.slice(-count).join("")
}

/** str.isdigit(): decimal digits, superscripts and subscripts. */
export function isDigitString(text: string): boolean {
  return /^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+$/u.test(text)
}

/** float(str), or undefined where Python raises ValueError. */
export function pythonFloat(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase()
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/.exec(trimmed)
  if (special !== null) return special[2] === undefined ? Number.NaN : special[1] === "-" ? -Infinity : Infinity
  if (!/^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?$/.test(trimmed)) return undefined
  return Number(trimmed.replaceAll("_", ""))
}

/** int(str) as the text of an integer, or undefined. */
export function pythonInt(text: string): bigint | undefined {
  const trimmed = text.trim()
  return /^[+-]?\d(?:_?\d)*$/.test(trimmed) ? BigInt(trimmed.replaceAll("_", "").replace(/^\+/, "")) : undefined
}

/** math.isclose(a, b, rel_tol=tolerance). */
export function isClose(a: number, b: number, tolerance: number): boolean {
  if (a === b) return true
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))
}

/** round(x): half to even. */
export function pythonRound(x: number): number {
  const rounded = Math.round(x)
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** str.strip(characters). */
export function stripCharacters(text: string, characters: string): string {
  let start = 0
  let end = text.length
  while (start < end && characters.includes(text[start]!)) start++
  while (end > start && characters.includes(text[end - 1]!)) end--
  return text.slice(start, end)
}
