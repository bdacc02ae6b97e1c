/** The improvement timeline as a picture: verdicts above, what the held-out set says below. */
import type { TimelineAnswer } from "../api.ts"
import { linearScale, ticksBetween } from "../../drawing.ts"
import {
  accuracyTitle,
  changeTitle,
  pointsText,
  roundMark,
  signalTitle,
  timelineSteps,
} from "../analysis/outcomes.ts"
import { color, faint } from "./palette.ts"

const left = 58
const right = 14
const panels = { signal: [26, 150], change: [214, 90], accuracy: [346, 110] } as const
const bottom = 484
/** Signals beyond are drawn as this. */
const largestSignal = 4

/** Height of the picture. */
export const timelineHeight = 504

/** What lies under the pointer. */
export interface TimelineHit {
  readonly index: number
  readonly x: number
}

/** Draws the timeline; `hover` marks one of its buckets. */
export function drawTimeline(canvas: HTMLCanvasElement, answer: TimelineAnswer, width: number, hover: number | undefined): void {
  const ratio = globalThis.devicePixelRatio || 1
  canvas.width = width * ratio
  canvas.height = timelineHeight * ratio
  canvas.style.width = `${width}px`
  canvas.style.height = `${timelineHeight}px`
  const context = canvas.getContext("2d")!
  context.scale(ratio, ratio)
  context.clearRect(0, 0, width, timelineHeight)
  context.font = "11px system-ui, sans-serif"
  if (answer.step.length === 0) return
  const x = horizontal(answer, width)
  const bar = Math.max(1, Math.min(9, (width - left - right) / answer.step.length - 1))
  if (hover !== undefined) {
    context.fillStyle = faint(color("muted"), 0.2)
    context.fillRect(x(hover) - bar / 2 - 1, panels.signal[0], bar + 2, bottom - panels.signal[0])
  }
  drawVerdicts(context, answer, x, bar, width)
  drawChanges(context, answer, x, bar, width)
  drawAccuracy(context, answer, x, width)
  drawSteps(context, answer, x, width)
}

/** The bucket at a place; undefined beside the picture. */
export function timelineHit(answer: TimelineAnswer, width: number, at: number): number | undefined {
  const share = (at - left) / (width - left - right)
  if (share < 0 || share > 1 || answer.step.length === 0) return undefined
  return Math.min(answer.step.length - 1, Math.floor(share * answer.step.length))
}

function horizontal(answer: TimelineAnswer, width: number): (index: number) => number {
  return (index) => left + ((index + 0.5) / answer.step.length) * (width - left - right)
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number, stroke: string): void {
  context.strokeStyle = stroke
  context.lineWidth = 1
  context.beginPath()
  context.moveTo(x1, y1)
  context.lineTo(x2, y2)
  context.stroke()
}

function label(context: CanvasRenderingContext2D, text: string, x: number, y: number, align: CanvasTextAlign = "left", fill: string = color("muted")): void {
  context.fillStyle = fill
  context.textAlign = align
  context.fillText(text, x, y)
}

/** The title of a panel: above its left edge, from the picture's edge on where it is longer, and its first words where that is too little. */
function panelTitle(context: CanvasRenderingContext2D, title: string, y: number, width: number): void {
  context.font = "600 12px system-ui, sans-serif"
  const lengthOf = (text: string): number => context.measureText(text).width
  let shown = title
  while (lengthOf(shown) > width && shown.includes(" "))
    shown = shown.slice(0, shown.lastIndexOf(" ")).replace(/[\s:;,(]+$/, "")
  label(context, shown, left + lengthOf(shown) <= width ? left : 0, y - 8, "left", color("text"))
  context.font = "11px system-ui, sans-serif"
}

/** One update: a bar of its signal. Several: how many were better, and how many worse. */
function drawVerdicts(context: CanvasRenderingContext2D, answer: TimelineAnswer, x: (i: number) => number, bar: number, width: number): void {
  const [top, height] = panels.signal
  const middle = top + height / 2
  const single = answer.width === 1
  panelTitle(context, single || answer.judge === "none" ? signalTitle(answer.judge) : `How updates were judged (share of ${answer.width})`, top, width)
  line(context, left, middle, width - right, middle, color("line"))
  const scale = single ? height / 2 / largestSignal : height / 2
  for (const mark of single ? [2, -2] : [0.5, -0.5]) {
    line(context, left, middle - mark * scale, width - right, middle - mark * scale, color("grid"))
    label(context, single ? (mark > 0 ? "+2" : "\u22122") : "50 %", left - 8, middle - mark * scale + 4, "right")
  }
  const [better, worse, undecided, cut] = [color("reinforced"), color("suppressed"), color("undecided"), color("fell")]
  answer.step.forEach((_, i) => {
    const size = Math.min(largestSignal, Math.abs(answer.signal[i] ?? 0))
    const up = single ? (answer.better[i]! > 0 ? size : 0) : answer.better[i]! / answer.width
    const down = single ? (answer.worse[i]! > 0 ? size : 0) : answer.worse[i]! / answer.width
    context.fillStyle = better
    if (up > 0) context.fillRect(x(i) - bar / 2, middle - Math.max(2, up * scale), bar, Math.max(2, up * scale))
    context.fillStyle = worse
    if (down > 0) context.fillRect(x(i) - bar / 2, middle, bar, Math.max(2, down * scale))
    context.fillStyle = undecided
    if (answer.undecided[i]! > 0 && up === 0 && down === 0) context.fillRect(x(i) - bar / 2, middle - 2, bar, 4)
    context.fillStyle = cut
    if (answer.leftOut[i]! > 0) for (let y = top; y < top + height; y += 6) context.fillRect(x(i) - 0.5, y, 1, 3)
  })
}

function drawChanges(context: CanvasRenderingContext2D, answer: TimelineAnswer, x: (i: number) => number, bar: number, width: number): void {
  const [top, height] = panels.change
  const middle = top + height / 2
  panelTitle(context, changeTitle(answer.source), top, width)
  line(context, left, middle, width - right, middle, color("line"))
  const known = answer.change.filter((value) => value !== null).map((value) => Math.abs(value)).sort((a, b) => a - b)
  if (known.length === 0) return
  const most = Math.max(known[Math.floor(known.length * 0.99)]!, 1e-4)
  const mark = roundMark(most)
  for (const value of [mark, -mark]) {
    const y = middle - (value / most) * (height / 2)
    line(context, left, y, width - right, y, color("grid"))
    label(context, pointsText(value), left - 8, y + 4, "right")
  }
  answer.change.forEach((value, i) => {
    if (value === null) return
    const size = (Math.max(-most, Math.min(most, value)) / most) * (height / 2)
    context.fillStyle = value >= 0 ? color("rose") : color("fell")
    context.fillRect(x(i) - bar / 2, size >= 0 ? middle - size : middle, bar, Math.max(1, Math.abs(size)))
  })
}

function drawAccuracy(context: CanvasRenderingContext2D, answer: TimelineAnswer, x: (i: number) => number, width: number): void {
  const [top, height] = panels.accuracy
  if (answer.source === "none") return
  panelTitle(context, accuracyTitle(answer), top, width)
  const known = [answer.start, ...answer.accuracy].filter((value) => value !== null)
  if (known.length === 0) return
  const least = Math.min(...known)
  const most = Math.max(...known)
  const room = Math.max((most - least) * 0.1, 0.005)
  const [low, high] = [Math.max(0, least - room), Math.min(1, most + room)]
  const y = linearScale([low, high], [top + height, top])
  const ticks = ticksBetween(low, high, 3)
  for (const value of ticks.values) {
    line(context, left, y(value), width - right, y(value), color("grid"))
    label(context, `${(100 * value).toFixed(ticks.step < 0.01 ? 1 : 0)} %`, left - 8, y(value) + 4, "right")
  }
  context.strokeStyle = color("blue")
  context.lineWidth = 1.8
  context.lineJoin = "round"
  context.beginPath()
  let isFirst = answer.start === null
  // J(0) stands before the first update.
  if (answer.start !== null) context.moveTo(x(-0.5), y(answer.start))
  answer.accuracy.forEach((value, i) => {
    if (value === null) return
    if (isFirst) context.moveTo(x(i), y(value))
    else context.lineTo(x(i), y(value))
    isFirst = false
  })
  context.stroke()
  // J(0), and what would be a line without length.
  const alone = answer.accuracy.length === 1 ? (answer.accuracy[0] ?? null) : null
  const dots = [
    [x(-0.5), answer.start],
    [x(0), alone],
  ] as const
  context.fillStyle = color("blue")
  for (const [across, value] of dots) {
    if (value === null) continue
    context.beginPath()
    context.arc(across, y(value), 3, 0, 2 * Math.PI)
    context.fill()
  }
}

function drawSteps(
  context: CanvasRenderingContext2D,
  { step, width: wide }: TimelineAnswer,
  x: (i: number) => number,
  width: number,
): void {
  const [first, last] = [step[0]!, step.at(-1)!]
  const place = (value: number): number => x(Math.min(step.length - 1, (value - first) / Math.max(1, wide)))
  const count = Math.max(2, Math.min(8, Math.floor(width / 70)))
  for (const value of timelineSteps(first, last, count))
    label(context, String(value), place(value), bottom + 4, "center")
  label(context, "step of the update", left, bottom + 18)
}
