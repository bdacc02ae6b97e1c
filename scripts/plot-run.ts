/**
 * Draws a run as SVG: rewards and held-out accuracy above, the improvement signal of every step below.
 *
 *   npx tsx scripts/plot-run.ts RUN_FOLDER OUT.svg
 */
import { writeFileSync } from "node:fs"
import { readRun, type EvaluationLine, type MetricsLine } from "../src/index.ts"

const [width, left, right, top, upper, gap, lower] = [860, 54, 16, 40, 230, 34, 110]
const height = top + upper + gap + lower + 34
const colors = { reward: "#9aa7b5", greedy: "#1f6feb", expected: "#e3872d", improved: "#2da44e", regressed: "#cf3b34", undecided: "#b8c0c8" }

interface Scale {
  (value: number): number
}

function scale(from: readonly [number, number], to: readonly [number, number]): Scale {
  return (value) => to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0])
}

function polyline(points: readonly (readonly [number, number])[], color: string, thickness: number): string {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")
  return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${thickness}" stroke-linejoin="round"/>`
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`
}

function accuracyPanel(metrics: readonly MetricsLine[], evaluations: readonly EvaluationLine[], x: Scale): string[] {
  const y = scale([0, 1], [top + upper, top])
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#e4e8ec"/>`,
    text(left - 8, y(value) + 4, `${value * 100} %`, 'text-anchor="end"'),
  ])
  const curve = (key: "greedyAccuracy" | "expectedAccuracy", color: string): string[] => {
    const points = evaluations.flatMap((line) => {
      const value = line[key]
      return value === undefined ? [] : [[x(line.step), y(value)] as const]
    })
    return points.length === 0 ? [] : [polyline(points, color, 2.5)]
  }
  return [
    ...grid,
    polyline(metrics.map((line) => [x(line.step), y(line.mu)] as const), colors.reward, 1.2),
    ...curve("expectedAccuracy", colors.expected),
    ...curve("greedyAccuracy", colors.greedy),
  ]
}

function signalPanel(metrics: readonly MetricsLine[], x: Scale): string[] {
  const middle = top + upper + gap + lower / 2
  const limit = 4
  const y = scale([-limit, limit], [middle + lower / 2, middle - lower / 2])
  const bars = metrics.flatMap((line) => {
    if (line.xi === undefined || line.xi === null) return []
    const value = Math.max(-limit, Math.min(limit, line.xi))
    const color = colors[line.verdict ?? "undecided"]
    const from = Math.min(y(value), middle)
    return [`<rect x="${(x(line.step) - 1.4).toFixed(1)}" width="2.8" y="${from.toFixed(1)}" height="${Math.max(Math.abs(y(value) - middle), 1).toFixed(1)}" fill="${color}"/>`]
  })
  return [
    `<line x1="${left}" x2="${width - right}" y1="${middle}" y2="${middle}" stroke="#c8d0d8"/>`,
    text(left - 8, y(3) + 4, "xi +3", 'text-anchor="end"'),
    text(left - 8, y(-3) + 4, "xi -3", 'text-anchor="end"'),
    ...bars,
  ]
}

function legend(entries: readonly (readonly [string, string])[]): string[] {
  let x = left
  return entries.flatMap(([label, color]) => {
    const at = x
    x += 26 + label.length * 6.6
    return [`<rect x="${at}" y="14" width="12" height="12" rx="2" fill="${color}"/>`, text(at + 17, 24, label)]
  })
}

function plot(metrics: readonly MetricsLine[], evaluations: readonly EvaluationLine[]): string {
  const last = metrics.at(-1)?.step ?? 1
  const x = scale([0, last], [left, width - right])
  const ticks = Array.from({ length: 5 }, (_, i) => Math.round((last * i) / 4)).map((step) =>
    text(x(step), height - 10, `step ${step}`, `text-anchor="${step === last ? "end" : "middle"}"`),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#4a5560">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...legend([
      ["held-out, greedy", colors.greedy],
      ["held-out, expected", colors.expected],
      ["mean reward of the batch", colors.reward],
      ["update improved", colors.improved],
      ["update regressed", colors.regressed],
    ]),
    ...accuracyPanel(metrics, evaluations, x),
    ...signalPanel(metrics, x),
    ...ticks,
    "</svg>",
    "",
  ].join("\n")
}

const [run, out] = process.argv.slice(2)
if (run === undefined || out === undefined) throw new Error("plot-run: expected RUN_FOLDER OUT.svg")
const { metrics, evaluations } = readRun(run)
writeFileSync(out, plot(metrics, evaluations))
