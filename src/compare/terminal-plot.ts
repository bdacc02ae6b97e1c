/**
 * The same on a terminal: curves in braille, each labelled at its end, and final accuracies with their intervals. Pure.
 *
 * A braille character is a raster of 2 x 4 dots.
 */
import type { Analysis } from "./analysis.ts"
import { accuracyRange, armGroups, type ArmCurve } from "./curves.ts"
import { intervalMean, valueAt } from "./statistics.ts"

/** Bits of the dots of a braille character, by row and column. */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const
const brailleBlank = 0x2800

const colorCodes = [34, 33, 32, 35, 31, 36, 37, 90]

/** How the plot is drawn. */
export interface TerminalPlotOptions {
  /** Characters of a line. */
  readonly width: number
  /** Lines of a panel of curves. */
  readonly height: number
  readonly color: boolean
}

const axisWidth = 6

/** Curves of every panel, one under the other. */
export function terminalCurves(curves: readonly ArmCurve[], options: TerminalPlotOptions): string {
  return armGroups(curves.map(({ arm }) => arm))
    .map((group) => panel(curves.filter(({ arm }) => group.includes(arm)), options))
    .join("\n")
}

function panel(curves: readonly ArmCurve[], { width, height, color }: TerminalPlotOptions): string {
  const labelWidth = Math.max(...curves.map(({ arm }) => arm.length)) + 1
  const columns = Math.max(10, width - axisWidth - labelWidth)
  const range = accuracyRange(curves.flatMap(({ points }) => points.map(({ mean }) => mean)))
  const end = Math.max(...curves.map(({ points }) => points.at(-1)!.x))
  const rowOf = (value: number, rows: number): number => Math.round(((range.high - value) / (range.high - range.low)) * (rows - 1))
  const canvas = new BrailleCanvas(columns, height)
  curves.forEach(({ points }, i) => {
    const line = points.map(({ x, mean }) => ({ x, value: mean }))
    let before: number | undefined
    for (let dot = 0; dot < columns * 2; dot++) {
      const x = (end * dot) / (columns * 2 - 1)
      if (x > points.at(-1)!.x + 1e-9) break
      const y = rowOf(valueAt(line, x), height * 4)
      const from = before ?? y
      for (let row = Math.min(from, y); row <= Math.max(from, y); row++) canvas.set(dot, row, i)
      before = y
    }
  })
  const labels = placeLabels(curves.map(({ points }) => rowOf(points.at(-1)!.mean, height)), height)
  const lines = Array.from({ length: height }, (_, row) => {
    const value = range.high - ((range.high - range.low) * row) / (height - 1)
    const axis = row % 3 === 0 || row === height - 1 ? value.toFixed(2).padStart(axisWidth - 1) : " ".repeat(axisWidth - 1)
    const arm = labels.indexOf(row)
    const label = arm < 0 ? "" : ` ${paint(curves[arm]!.arm, arm, color)}`
    return `${axis} ${canvas.row(row, color)}${label}`.trimEnd()
  })
  const last = end >= 10 ? end.toFixed(0) : String(Number(end.toPrecision(2)))
  return `${lines.join("\n")}\n${" ".repeat(axisWidth)}0${last.padStart(columns - 1)}\n`
}

/**
 * A row of its own for every label, near the row it belongs to, in the order of the curves' ends; -1 for those that find none.
 */
export function placeLabels(wanted: readonly number[], height: number): number[] {
  const placed = wanted.map(() => -1)
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b)
  let free = 0
  order.forEach((arm, k) => {
    // As many rows must stay free as labels follow.
    const row = Math.min(Math.max(wanted[arm]!, free), height - (order.length - k))
    if (row < free) return
    placed[arm] = row
    free = row + 1
  })
  return placed
}

function paint(text: string, index: number, color: boolean): string {
  return color ? `\u001B[${colorCodes[index % colorCodes.length]}m${text}\u001B[0m` : text
}

class BrailleCanvas {
  readonly #bits: Uint8Array
  readonly #owner: Int16Array
  readonly #columns: number

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.#bits = new Uint8Array(columns * rows)
    this.#owner = new Int16Array(columns * rows)
  }

  /** @param x, y  dots from the upper left */
  set(x: number, y: number, owner: number): void {
    const cell = Math.floor(y / 4) * this.#columns + Math.floor(x / 2)
    this.#bits[cell]! |= dotBits[(y % 4) as 0 | 1 | 2 | 3][(x % 2) as 0 | 1]
    this.#owner[cell] = owner
  }

  row(row: number, color: boolean): string {
    return Array.from({ length: this.#columns }, (_, column) => {
      const cell = row * this.#columns + column
      const bits = this.#bits[cell]!
      const character = bits === 0 ? " " : String.fromCharCode(brailleBlank + bits)
      return bits === 0 ? character : paint(character, this.#owner[cell]!, color)
    }).join("")
  }
}

/** Final accuracies, a line per arm: the mean as a dot, its 95 % t interval as a line, seeds as points. */
export function terminalFinals({ arms }: Analysis, { width, color }: TerminalPlotOptions): string {
  const rows = arms.flatMap(({ arm, finals }) => {
    const values = finals.map(({ final }) => final)
    const interval = intervalMean(values)
    return interval === undefined ? [] : [{ arm, values, interval }]
  })
  if (rows.length === 0) return ""
  const labelWidth = Math.max(...rows.map(({ arm }) => arm.length))
  const columns = Math.max(10, width - labelWidth - 2)
  const range = accuracyRange(rows.flatMap(({ values, interval }) => [...values, interval.mean]))
  const columnOf = (value: number): number => Math.round(((Math.min(Math.max(value, range.low), range.high) - range.low) / (range.high - range.low)) * (columns - 1))
  const lines = rows.map(({ arm, values, interval: { mean, low, high } }, i) => {
    const cells = Array.from({ length: columns }, () => " ")
    if (low !== null && high !== null) cells.fill("─", columnOf(low), columnOf(high) + 1)
    for (const value of values) cells[columnOf(value)] = "·"
    cells[columnOf(mean)] = "●"
    return `${arm.padEnd(labelWidth)}  ${paint(cells.join("").trimEnd(), i, color)}`
  })
  const scaleLine = `${range.low.toFixed(2).padEnd(columns - 4)}${range.high.toFixed(2)}`
  return `${lines.join("\n")}\n${" ".repeat(labelWidth + 2)}${scaleLine}\n`
}
