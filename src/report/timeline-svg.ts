/**
 * The improvement timeline as SVG: how the next step judged each update, what the update did to held-out accuracy, and that
 * accuracy. It stands alone (a README shows it) or within a report, and follows the reader's light or dark scheme. Pure.
 */
import { escapeText, linearScale, ticksBetween, type Scale } from "../drawing.ts"
import type { TimelineAnswer } from "../dashboard/api.ts"
import { signed } from "../dashboard/analysis/format.ts"
import {
  accuracyTitle,
  changeTitle,
  outcomeColors,
  outcomes,
  outcomeWords,
  pointsText,
  roundMark,
  signalTitle,
  timelineSteps,
} from "../dashboard/analysis/outcomes.ts"
import { colorVariables, shapeStyle } from "./style.ts"
import { at, bars, rule, stretches, text } from "./svg.ts"

const [width, left, right] = [860, 58, 14]
const panels = { legend: 42, verdicts: { top: 94, height: 118 }, change: { top: 246, height: 84 }, accuracy: { top: 364, height: 104 } } as const
const height = 504
/** Signals beyond are drawn as this. */
const largestSignal = 4

interface Places {
  readonly x: Scale
  /** Width of a bar. */
  readonly bar: number
}

/** @param title  above the picture */
export function timelineSvg(answer: TimelineAnswer, title: string): string {
  const count = answer.step.length
  const x: Scale = (i) => left + ((i + 0.5) / Math.max(1, count)) * (width - left - right)
  const places = { x, bar: Math.max(0.7, Math.min(12, ((width - left - right) / Math.max(1, count)) * 0.8)) }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="11">`,
    `<title>${escapeText(title)}</title><style>${colorVariables("svg.timeline")}${shapeStyle}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<g font-size="13">${text(left, 20, title, "start", "head")}</g>`,
    ...legend(answer),
    ...verdicts(answer, places),
    ...changes(answer, places),
    ...accuracy(answer, x),
    ...steps(answer, x),
    "</svg>",
    "",
  ].join("\n")
}

/** How many updates of each outcome there were, and how the held-out set moved with them. */
function legend(answer: TimelineAnswer): string[] {
  if (!isJudged(answer)) return []
  const words = outcomeWords(answer.judge)
  return outcomes.flatMap((outcome, i) => {
    const { updates, rose, fell, meanChange } = answer.totals[outcome]
    const place = left + i * 266
    const known = rose + fell === 0 ? [] : [text(place + 15, panels.legend + 15, `accuracy up after ${((100 * rose) / (rose + fell)).toFixed(0)} %${meanChange === null ? "" : `, mean ${signed(100 * meanChange)} points`}`)]
    return [`<rect class="${outcomeColors[outcome]} fill" x="${place}" y="${panels.legend - 9}" width="10" height="10"/>`, text(place + 15, panels.legend, `${updates} ${words[outcome]}`, "start", "head"), ...known]
  })
}

function isJudged({ totals }: TimelineAnswer): boolean {
  return outcomes.some((outcome) => totals[outcome].updates > 0)
}

/** One update: a bar of its signal. Several: which share was better, and which worse. */
function verdicts(answer: TimelineAnswer, { x, bar }: Places): string[] {
  const { top, height: tall } = panels.verdicts
  const middle = top + tall / 2
  const single = answer.width === 1
  const unit = single ? tall / 2 / largestSignal : tall / 2
  const heading = single || answer.judge === "none" ? signalTitle(answer.judge) : `How updates were judged: shares of ${answer.width}`
  const sizeOf = (outcome: "better" | "worse", i: number): number => {
    if (!single) return answer[outcome][i]! / answer.width
    return answer[outcome][i]! > 0 ? Math.min(largestSignal, Math.abs(answer.signal[i] ?? 0)) : 0
  }
  const boxes = (outcome: "better" | "worse"): (readonly [number, number, number, number])[] =>
    answer.step.flatMap((_, i) => {
      if (answer[outcome][i] === 0) return []
      const size = Math.max(1.5, sizeOf(outcome, i) * unit)
      return [[x(i) - bar / 2, outcome === "better" ? middle - size : middle, bar, size] as const]
    })
  const undecided = answer.step.flatMap((_, i) => (answer.undecided[i]! > 0 && answer.better[i] === 0 && answer.worse[i] === 0 ? [[x(i) - bar / 2, middle - 2, bar, 4] as const] : []))
  const leftOut = answer.leftOut.flatMap((count, i) => (count === 0 ? [] : [`M${at(x(i))} ${at(top)}v${at(tall)}`]))
  const marks = single ? [2, -2] : [0.5, -0.5]
  return [
    text(left, top - 10, heading, "start", "head"),
    ...marks.flatMap((mark) => [rule(left, middle - mark * unit, width - right, middle - mark * unit), text(left - 8, middle - mark * unit + 4, single ? signed(mark, 0) : "50 %", "end")]),
    rule(left, middle, width - right, middle, "axis"),
    bars(outcomeColors.better, boxes("better")),
    bars(outcomeColors.worse, boxes("worse")),
    bars(outcomeColors.undecided, undecided),
    leftOut.length === 0 ? "" : `<path class="fell line" stroke-dasharray="3 3" d="${leftOut.join("")}"/>`,
  ]
}

function changes(answer: TimelineAnswer, { x, bar }: Places): string[] {
  const { top, height: tall } = panels.change
  const middle = top + tall / 2
  const heading = changeTitle(answer.source)
  const known = answer.change.filter((value) => value !== null).map(Math.abs).sort((a, b) => a - b)
  // One wild update does not make the others invisible.
  const most = Math.max(known[Math.floor(known.length * 0.99)] ?? 0, 1e-4)
  const boxes = (isRise: boolean): (readonly [number, number, number, number])[] =>
    answer.change.flatMap((value, i) => {
      if (value === null || value >= 0 !== isRise) return []
      const size = Math.max(0.8, (Math.min(most, Math.abs(value)) / most) * (tall / 2))
      return [[x(i) - bar / 2, isRise ? middle - size : middle, bar, size] as const]
    })
  const mark = roundMark(most)
  const place = (value: number): number => middle - (value / most) * (tall / 2)
  const scale = [mark, -mark].flatMap((value) => [
    rule(left, place(value), width - right, place(value)),
    text(left - 8, place(value) + 4, pointsText(value), "end"),
  ])
  return [
    text(left, top - 10, heading, "start", "head"),
    ...(known.length === 0 ? [] : scale),
    rule(left, middle, width - right, middle, "axis"),
    bars("rose", boxes(true)),
    bars("fell", boxes(false)),
  ]
}

function accuracy(answer: TimelineAnswer, x: Scale): string[] {
  const { top, height: tall } = panels.accuracy
  const known = [answer.start, ...answer.accuracy].filter((value) => value !== null)
  if (answer.source === "none" || known.length === 0) return []
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const room = Math.max((most - least) * 0.08, 0.005)
  const [low, high] = [Math.max(0, least - room), Math.min(1, most + room)]
  const y = linearScale([low, high], [top + tall, top])
  const ticks = ticksBetween(low, high, 3)
  const digits = ticks.step < 0.01 ? 1 : 0
  // Evaluations lie some steps apart: their line goes on over the steps between.
  // J(0) stands before the first update.
  const values = [answer.start, ...answer.accuracy]
  const places = values.flatMap((value, i) => (value === null ? [] : [{ i: i === 0 ? -0.5 : i - 1, value }]))
  const parts =
    answer.source === "every-step"
      ? stretches(values).map(({ from, to }) => places.filter(({ i }) => i > from - 2 && i < to - 1))
      : [places]
  const paths = parts.map((part) => `M${part.map(({ i, value }) => `${at(x(i))} ${at(y(value))}`).join("L")}${part.length === 1 ? "h0.1" : ""}`)
  return [
    text(left, top - 10, accuracyTitle(answer), "start", "head"),
    ...ticks.values.flatMap((value) => [rule(left, y(value), width - right, y(value)), text(left - 8, y(value) + 4, `${(100 * value).toFixed(digits)} %`, "end")]),
    `<path class="blue line" d="${paths.join("")}"/>`,
  ]
}

function steps({ step, width: wide }: TimelineAnswer, x: Scale): string[] {
  const [first, last] = [step[0], step.at(-1)]
  if (first === undefined || last === undefined) return [text(left, 120, "No steps yet.")]
  const y = panels.accuracy.top + panels.accuracy.height + 18
  const marks = timelineSteps(first, last, 8)
  const place = (value: number): number => x(Math.max(0, Math.min(step.length - 1, (value - first) / Math.max(1, wide))))
  return [...marks.map((value) => text(place(value), y, String(value), "middle")), text(left, y + 14, "step of the update")]
}
