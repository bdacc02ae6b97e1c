/** Colours: read from the style sheet, so that light and dark have their own. */

const names = ["blue", "orange", "teal", "purple", "red", "olive", "cyan", "pink"]

/** A colour of the style sheet. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** The n-th of the colours that curves take. */
export function seriesColor(index: number): string {
  return color(names[index % names.length]!)
}

/** A colour with an opacity of `percent`. */
export function faint(value: string, share: number): string {
  return `color-mix(in srgb, ${value} ${Math.round(100 * share)}%, transparent)`
}
