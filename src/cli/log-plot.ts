/** A curve as bars of characters, with marks under it. */
import { formatNumber } from "./format.ts"

/** A letter under the curve. */
export interface PlotMark {
  readonly letter: string
  readonly meaning: string
  /** On the x axis. */
  readonly at: number
}

const eighths = " ▁▂▃▄▅▆▇█"
const HEIGHT = 8

/**
 * Plots y over x, from the least to the greatest value; each column is the mean of the rows that fall on it.
 * @param width  characters of a line, at least 30
 */
export function plotCurve(x: readonly number[], y: readonly number[], marks: readonly PlotMark[], width: number): string {
  const [first, last] = [x[0]!, x.at(-1)!]
  const margin = 10
  const columns = Math.max(1, Math.min(Math.max(30, width) - margin - 2, x.length))
  const columnOf = (value: number): number => (last === first ? 0 : Math.min(columns - 1, Math.max(0, Math.floor(((value - first) / (last - first)) * columns))))
  const means = columnMeans(x.map(columnOf), y, columns)
  const [low, high] = [Math.min(...means), Math.max(...means)]
  const levels = means.map((mean) => (high === low ? HEIGHT * 4 : 1 + ((mean - low) / (high - low)) * (HEIGHT * 8 - 1)))
  const lines = Array.from({ length: HEIGHT }, (_, line) => {
    const floor = (HEIGHT - 1 - line) * 8
    const label = line === 0 ? formatNumber(high) : line === HEIGHT - 1 ? formatNumber(low) : ""
    const bars = levels.map((level) => eighths[Math.min(8, Math.max(0, Math.round(level - floor)))]!).join("")
    return `${label.padStart(margin)} ${bars}`.trimEnd()
  })
  const under = Array.from({ length: columns }, () => "-")
  for (const { letter, at } of marks) under[columnOf(at)] = letter
  const ends = first === last ? String(first) : `${first}${String(last).padStart(Math.max(1, columns - String(first).length))}`
  const legend = marks.map(({ letter, meaning }) => `${letter} ${meaning}`).join(", ")
  const text = [...lines, `${" ".repeat(margin)} ${under.join("")}`, `${"step".padStart(margin)} ${ends}`, ...(legend === "" ? [] : [`${" ".repeat(margin)} ${legend}`])]
  return `${text.join("\n")}\n`
}

/** Mean of the rows of each column; a column without rows has that of the one before. */
function columnMeans(columnsOfRows: readonly number[], y: readonly number[], columns: number): number[] {
  const sums = new Float64Array(columns)
  const counts = new Float64Array(columns)
  columnsOfRows.forEach((column, i) => {
    sums[column]! += y[i]!
    counts[column]! += 1
  })
  let last = y[0]!
  return Array.from(sums, (sum, column) => (last = counts[column]! > 0 ? sum / counts[column]! : last))
}
