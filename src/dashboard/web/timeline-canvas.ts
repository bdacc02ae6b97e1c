/** The improvement timeline as a picture: verdicts above, what the held-out set says below. */
import type { TimelineAnswer } from "../api.ts"
import { signalTitle } from "../analysis/outcomes.ts"
import { color, faint } from "./palette.ts"

const left = 58
const right = 14
const panels = { signal: [26, 150], change: [206, 96], accuracy: [332, 110] } as const
const bottom = 470
/** Signals beyond are drawn as this. */
const largestSignal = 4

type Vertical = (value: number) => number

/** Height of the picture. */
export const timelineHeight = 490

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
  drawSteps(context, answer, x)
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
  while (lengthOf(shown) > width && shown.includes(" ")) shown = shown.slice(0, shown.lastIndexOf(" ")).replace(/[\s:,(]+$/, "")
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
  const shared = answer.source === "evaluations" ? ", shared out between evaluations" : ""
  panelTitle(context, answer.source === "none" ? "No held-out accuracy was measured" : `What the update did to held-out accuracy (points${shared})`, top, width)
  line(context, left, middle, width - right, middle, color("line"))
  const known = answer.change.filter((value) => value !== null).map((value) => Math.abs(value)).sort((a, b) => a - b)
  if (known.length === 0) return
  const most = Math.max(known[Math.floor(known.length * 0.99)]!, 1e-4)
  label(context, `+${(100 * most).toFixed(1)}`, left - 8, top + 8, "right")
  label(context, `\u2212${(100 * most).toFixed(1)}`, left - 8, top + height, "right")
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
  panelTitle(context, answer.source === "every-step" ? "Held-out accuracy J after each update (expected)" : "Held-out accuracy", top, width)
  const known = answer.accuracy.filter((value) => value !== null)
  if (known.length === 0) return
  const least = Math.min(...known)
  const most = Math.max(...known)
  const room = Math.max((most - least) * 0.1, 0.005)
  const y: Vertical = (value) => top + height - ((value - least + room) / (most - least + 2 * room)) * height
  for (const value of [least, most]) {
    line(context, left, y(value), width - right, y(value), color("grid"))
    label(context, `${(100 * value).toFixed(1)} %`, left - 8, y(value) + 4, "right")
  }
  context.strokeStyle = color("blue")
  context.lineWidth = 1.8
  context.lineJoin = "round"
  context.beginPath()
  let isFirst = true
  answer.accuracy.forEach((value, i) => {
    if (value === null) return
    if (isFirst) context.moveTo(x(i), y(value))
    else context.lineTo(x(i), y(value))
    isFirst = false
  })
  context.stroke()
}

function drawSteps(context: CanvasRenderingContext2D, answer: TimelineAnswer, x: (i: number) => number): void {
  const count = answer.step.length
  const every = Math.max(1, Math.ceil(count / 8))
  for (let i = 0; i < count; i += every) label(context, String(answer.step[i]), x(i), bottom + 4, "center")
  label(context, "step of the update", left, bottom + 18)
}
