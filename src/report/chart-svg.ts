/** A chart of curves as SVG, small enough to stand among twenty others. Pure. */
import { axisRange, escapeText, linearScale, runRange, ticksBetween, type Scale, type Ticks } from "../drawing.ts"
import { short } from "../dashboard/analysis/format.ts"
import { lineColors } from "./style.ts"
import { at, rule, stretches, text } from "./svg.ts"

type Values = readonly (number | null)[]

/** A curve: its x rises, its missing values are null. */
export interface ChartLine {
  readonly label: string
  readonly x: readonly number[]
  readonly y: Values
  /** Edges of its band. */
  readonly low?: Values
  readonly high?: Values
  /** Points instead of a line, of this outcome. */
  readonly points?: string
}

const [width, height] = [440, 186]
const [left, right, top, bottom] = [46, 8, 8, 22]

/** The class that gives a line its colour. */
export function lineColor({ points }: ChartLine, index: number): string {
  return points ?? lineColors[index % lineColors.length]!
}

/** @param isShare  numbers are shares, shown in percent */
export function chartSvg(title: string, lines: readonly ChartLine[], isShare: boolean): string {
  const [x0, x1] = runRange(...rangeOf(lines.map(({ x }) => x)), 1)
  const y = axisRange(...rangeOf(lines.flatMap((line) => [line.y, line.low ?? [], line.high ?? []])), isShare)
  const xScale = linearScale([x0, x1], [left, width - right])
  const yScale = linearScale(y, [height - bottom, top])
  const yTicks = ticksBetween(y[0], y[1], 4)
  const xTicks = ticksBetween(x0, x1, 5, 1)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}">`,
    ...yTicks.values.flatMap((value) => [rule(left, yScale(value), width - right, yScale(value)), text(left - 6, yScale(value) + 4, tickText(value, yTicks, isShare), "end")]),
    ...xTicks.values.map((value) => text(xScale(value), height - 6, short(value), value === x0 ? "start" : xScale(value) > width - right - 16 ? "end" : "middle")),
    rule(left, height - bottom, width - right, height - bottom, "axis"),
    ...lines.map((line, i) => band(line, lineColor(line, i), xScale, yScale)),
    ...lines.map((line, i) => curve(line, lineColor(line, i), xScale, yScale)),
    "</svg>",
  ].join("")
}

function rangeOf(series: readonly Values[]): [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const values of series) {
    for (const value of values) {
      if (value === null) continue
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
  }
  return low > high ? [0, 1] : [low, high]
}

function tickText(value: number, { step }: Ticks, isShare: boolean): string {
  const [shown, unit] = isShare ? [value * 100, step * 100] : [value, step]
  if (shown === 0) return isShare ? "0 %" : "0"
  if (Math.abs(shown) >= 1e5 || unit < 1e-4) return shown.toExponential(1).replaceAll("-", "\u2212")
  const digits = Math.max(0, Math.ceil(-Math.log10(unit) - 1e-9))
  return `${shown.toFixed(digits).replace("-", "\u2212")}${isShare ? " %" : ""}`
}

function curve({ x, y, points }: ChartLine, color: string, xScale: Scale, yScale: Scale): string {
  const place = (i: number): string => `${at(xScale(x[i]!))} ${at(yScale(y[i]!))}`
  const dots = (found: readonly number[]): string => (found.length === 0 ? "" : `<path class="${color} dots" d="${found.map((i) => `M${place(i)}h0`).join("")}"/>`)
  if (points !== undefined) return dots(y.flatMap((value, i) => (value === null ? [] : [i])))
  const parts = stretches(y)
  const lines = parts.filter(({ from, to }) => to - from > 1).map(({ from, to }) => `M${Array.from({ length: to - from }, (_, i) => place(from + i)).join("L")}`)
  // A value between two gaps would be a line without length.
  return `${lines.length === 0 ? "" : `<path class="${color} line" d="${lines.join("")}"/>`}${dots(parts.filter(({ from, to }) => to - from === 1).map(({ from }) => from))}`
}

function band({ x, low, high }: ChartLine, color: string, xScale: Scale, yScale: Scale): string {
  if (low === undefined || high === undefined) return ""
  const both = low.map((value, i) => (high[i] === null ? null : value))
  const shapes = stretches(both).map(({ from, to }) => {
    const upper = Array.from({ length: to - from }, (_, i) => `${at(xScale(x[from + i]!))} ${at(yScale(high[from + i]!))}`)
    const lower = Array.from({ length: to - from }, (_, i) => `${at(xScale(x[to - 1 - i]!))} ${at(yScale(low[to - 1 - i]!))}`)
    return `M${[...upper, ...lower].join("L")}Z`
  })
  return shapes.length === 0 ? "" : `<path class="${color} band" d="${shapes.join("")}"/>`
}
