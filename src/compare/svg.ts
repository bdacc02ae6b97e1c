/**
 * compare.svg: the mean curve of every arm with its standard error, a panel per objective, and under them the final accuracies with
 * their intervals and one dot per seed. It follows the reader's light or dark scheme. Pure.
 */
import { escapeText, linearScale, type Scale } from "../drawing.ts"
import type { Analysis, Axis } from "./analysis.ts"
import { accuracyRange, armGroups, ticksOf, type ArmCurve } from "./curves.ts"
import { intervalMean } from "./statistics.ts"

const [width, left, right] = [860, 60, 26]
const [panelHeight, panelGap, legendRow, dotRow] = [230, 34, 18, 20]
const labelWidth = 190

/** Colours that the usual kinds of colour blindness keep apart, readable on white and on black. */
const palette = ["#0072b2", "#e07b00", "#009e73", "#c2609a", "#d0402b", "#45a5dd", "#8a8f96", "#a99400"]
const dashes = ["", "6 3", "2 3", "9 3 2 3"]

const style = [
  "text{fill:#4a5560}.ground{fill:#ffffff}.grid{stroke:#e4e8ec}.axis{stroke:#9aa7b5}",
  "@media(prefers-color-scheme:dark){text{fill:#b6c2cf}.ground{fill:#0d1117}.grid{stroke:#2a323c}.axis{stroke:#6b7785}}",
].join("")

interface Look {
  readonly color: string
  readonly dash: string
}

/** How an arm is drawn: its place within its panel decides, so that the same arm looks the same over every objective. */
function looks(groups: readonly (readonly string[])[]): Map<string, Look> {
  return new Map(groups.flatMap((group) => group.map((arm, i) => [arm, { color: palette[i % palette.length]!, dash: dashes[Math.floor(i / palette.length) % dashes.length]! }] as const)))
}

function text(x: number, y: number, content: string, attributes: string = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes === "" ? "" : ` ${attributes}`}>${escapeText(content)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, attributes: string): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${attributes}/>`
}

/** A piece of the drawing: made at a height, and how much it takes. */
interface Block {
  readonly height: number
  readonly draw: (top: number) => string[]
}

/** @param curves  of the arms that have finished runs */
export function comparisonSvg(analysis: Analysis, curves: readonly ArmCurve[]): string {
  const groups = armGroups(curves.map(({ arm }) => arm))
  const look = looks(groups)
  const panels = groups.map((group) => curvePanel(curves.filter(({ arm }) => group.includes(arm)), look, analysis.axis))
  const blocks = [title(analysis), ...panels, dotPlot(analysis, look)]
  let top = 0
  const drawn = blocks.flatMap(({ height, draw }) => {
    const at = top
    top += height
    return draw(at)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" font-family="system-ui, sans-serif" font-size="12">`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${top}"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n")
}

const axisNames: Readonly<Record<Axis, string>> = { steps: "steps", rollouts: "rollouts", updates: "optimiser steps", seconds: "seconds of training" }

function title({ measure, axis }: Analysis): Block {
  return { height: 30, draw: (top) => [text(left, top + 20, `Held-out ${measure} accuracy over ${axisNames[axis]}: mean of the seeds and standard error`, 'font-weight="600"')] }
}

function curvePanel(curves: readonly ArmCurve[], look: ReadonlyMap<string, Look>, over: Axis): Block {
  const legend = legendOf(curves.map(({ arm }) => arm), look)
  const range = accuracyRange(curves.flatMap(({ points }) => points.flatMap(({ mean, error }) => [mean - error, mean + error])))
  const end = Math.max(...curves.map(({ points }) => points.at(-1)!.x))
  return {
    height: legend.height + panelHeight + panelGap,
    draw(at) {
      const top = at + legend.height
      const y = linearScale([range.low, range.high], [top + panelHeight, top])
      const x = linearScale([0, end], [left, width - right])
      const grid = ticksOf(range).flatMap((value) => [line(left, y(value), width - right, y(value), 'class="grid"'), text(left - 8, y(value) + 4, value.toFixed(2), 'text-anchor="end"')])
      const unit = over.slice(0, -1)
      const places = [0, 1, 2, 3, 4].map((i) => (end * i) / 4)
      const axis = places.map((value, i) => text(x(value), top + panelHeight + 18, i === 0 ? `${unit} 0` : value >= 10 ? value.toFixed(0) : String(Number(value.toPrecision(2))), `text-anchor="${i === 4 ? "end" : i === 0 ? "start" : "middle"}"`))
      return [...legend.draw(at), ...grid, ...axis, ...curves.map((curve) => band(curve, look.get(curve.arm)!, x, y)), ...curves.map((curve) => meanLine(curve, look.get(curve.arm)!, x, y))]
    },
  }
}

function band({ points }: ArmCurve, { color }: Look, x: Scale, y: Scale): string {
  const place = (at: number, value: number): string => `${x(at).toFixed(1)},${y(value).toFixed(1)}`
  const edge = [...points.map((p) => place(p.x, p.mean + p.error)), ...[...points].reverse().map((p) => place(p.x, p.mean - p.error))]
  return `<polygon points="${edge.join(" ")}" fill="${color}" fill-opacity="0.15"/>`
}

function meanLine({ arm, points }: ArmCurve, { color, dash }: Look, x: Scale, y: Scale): string {
  const path = points.map((p) => `${x(p.x).toFixed(1)},${y(p.mean).toFixed(1)}`).join(" ")
  return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}><title>${escapeText(arm)}</title></polyline>`
}

/** Samples of lines with the names of arms, in as many rows as they need. */
function legendOf(arms: readonly string[], look: ReadonlyMap<string, Look>): Block {
  let [x, row] = [left, 0]
  const entries = arms.map((arm) => {
    const wide = 44 + arm.length * 6.8
    if (x > left && x + wide > width - right) [x, row] = [left, row + 1]
    const entry = { arm, x, row }
    x += wide
    return entry
  })
  return {
    height: (row + 1) * legendRow + 10,
    draw: (top) =>
      entries.flatMap(({ arm, x: at, row: below }) => {
        const { color, dash } = look.get(arm)!
        const y = top + below * legendRow + 9
        return [line(at, y, at + 22, y, `stroke="${color}" stroke-width="2.5"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}`), text(at + 28, y + 4, arm)]
      }),
  }
}

/** Final accuracies: small dots are seeds, the large one their mean, the line its 95 % t interval. */
function dotPlot({ arms }: Analysis, look: ReadonlyMap<string, Look>): Block {
  const rows = arms.flatMap(({ arm, finals, collapsed, n }) => {
    const values = finals.map(({ final }) => final)
    const interval = intervalMean(values)
    return interval === undefined ? [] : [{ arm, values, interval, collapsed, n }]
  })
  // Intervals may reach beyond what an accuracy can be.
  const range = accuracyRange(rows.flatMap(({ values, interval: { low, high } }) => [...values, Math.max(0, low ?? 1), Math.min(1, high ?? 0)].filter((value) => value >= 0 && value <= 1)))
  const height = rows.length * dotRow
  return {
    height: height + 70,
    draw(at) {
      const top = at + 34
      const x = linearScale([range.low, range.high], [left + labelWidth, width - right])
      const clamp = (value: number): number => Math.min(Math.max(value, range.low), range.high)
      const grid = ticksOf(range).flatMap((value) => [line(x(value), top, x(value), top + height, 'class="grid"'), text(x(value), top + height + 16, value.toFixed(2), 'text-anchor="middle"')])
      const marks = rows.flatMap(({ arm, values, interval, collapsed, n }, i) => {
        const y = top + (i + 0.5) * dotRow
        const { color } = look.get(arm)!
        const { low, high, mean } = interval
        const bar = low === null || high === null ? [] : [line(x(clamp(low)), y, x(clamp(high)), y, `stroke="${color}" stroke-width="2"`)]
        const dots = values.map((value) => `<circle cx="${x(clamp(value)).toFixed(1)}" cy="${y.toFixed(1)}" r="2.2" fill="${color}" fill-opacity="0.45"/>`)
        const label = collapsed === 0 ? arm : `${arm} (${collapsed}/${n} collapsed)`
        return [text(left + labelWidth - 10, y + 4, label, 'text-anchor="end"'), ...bar, ...dots, `<circle cx="${x(mean).toFixed(1)}" cy="${y.toFixed(1)}" r="4.5" fill="${color}"/>`]
      })
      return [text(left, at + 18, "Final accuracy: mean, 95 % t interval, and one dot per seed", 'font-weight="600"'), ...grid, ...marks]
    },
  }
}
