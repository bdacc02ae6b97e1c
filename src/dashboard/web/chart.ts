/** One chart: curves and their bands on uPlot, drawn when it can be seen. */
import uPlot from "uplot"
import { color, faint } from "./palette.ts"
import { el } from "./dom.ts"
import { percent, short } from "../analysis/format.ts"
import { axisRange, runRange } from "../../drawing.ts"

/** A curve with its own points. */
export interface Trace {
  readonly label: string
  readonly color: string
  readonly dash: readonly number[]
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
  readonly low?: readonly (number | null)[]
  readonly high?: readonly (number | null)[]
  readonly points: boolean
  /** The values before smoothing: drawn behind, without a legend. */
  readonly behind?: boolean
}

export interface ChartLook {
  readonly xLabel: string
  readonly isShare: boolean
  readonly zoom: readonly [number, number] | undefined
  onZoom(range: readonly [number, number] | undefined): void
}

const height = 210

type Series = (number | null | undefined)[]

/** A panel with a title, a switch for the scale and a canvas. */
export class Chart {
  readonly element: HTMLElement
  readonly #title: string
  readonly #body: HTMLElement
  #plot: uPlot | undefined
  #shape = ""
  #isLog = false
  #isVisible = false
  #waiting: { readonly traces: readonly Trace[]; readonly look: ChartLook } | undefined
  #shown: { readonly traces: readonly Trace[]; readonly look: ChartLook } | undefined

  constructor(id: string, title: string, unit: string, observer: ChartObserver) {
    const scale = el("button", { type: "button", class: "small", title: "Logarithmic scale", "aria-pressed": "false", onclick: () => this.#toggleLog(scale) }, "log")
    this.#title = title
    this.#body = el("div", { class: "chart-body" })
    this.element = el("section", { class: "chart", "data-chart": id }, el("header", {}, el("h3", {}, title), el("span", { class: "unit" }, unit), scale), this.#body)
    observer.watch(this.element, (isVisible) => {
      this.#isVisible = isVisible
      if (isVisible) this.#flush()
    })
  }

  /** Draws other data, at once when the chart can be seen, else when it comes into sight. */
  update(traces: readonly Trace[], look: ChartLook): void {
    this.element.hidden = traces.length === 0
    this.#waiting = { traces, look }
    if (this.#isVisible) this.#flush()
  }

  /** Takes the width that there is now. */
  resize(): void {
    const width = this.#body.clientWidth
    if (this.#plot !== undefined && width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height })
  }

  /** Draws again from nothing: the colours have changed. */
  redraw(): void {
    this.#shape = ""
    this.#waiting ??= this.#shown
    if (this.#isVisible) this.#flush()
  }

  #toggleLog(scale: HTMLElement): void {
    this.#isLog = !this.#isLog
    scale.setAttribute("aria-pressed", String(this.#isLog))
    this.redraw()
  }

  #flush(): void {
    const waiting = this.#waiting
    if (waiting === undefined || waiting.traces.length === 0 || this.#body.clientWidth === 0) return
    this.#waiting = undefined
    this.#shown = waiting
    const { traces, look } = waiting
    const data = this.#table(traces)
    const shape = JSON.stringify([traces.map(({ label, color, dash, low, points }) => [label, color, dash, low !== undefined, points]), look.xLabel, look.isShare, this.#isLog])
    if (shape !== this.#shape || this.#plot === undefined) {
      this.#plot?.destroy()
      this.#plot = new uPlot(this.#options(traces, look), data, this.#body)
      this.#shape = shape
    } else this.#plot.setData(data, look.zoom === undefined)
    if (look.zoom !== undefined) this.#plot.setScale("x", { min: look.zoom[0], max: look.zoom[1] })
    const canvas = this.#plot.ctx.canvas
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", `${this.#title}: ${describeTraces(traces, look)}`)
  }

  /** All curves over all their x: every curve with the edges of its band behind it. */
  #table(traces: readonly Trace[]): uPlot.AlignedData {
    const value = (y: number | null): number | null => (this.#isLog && y !== null && y <= 0 ? null : y)
    const tables = traces.map((trace) => {
      const columns: Series[] = [trace.y.map(value)]
      if (trace.low !== undefined && trace.high !== undefined) columns.push(trace.low.map(value), trace.high.map(value))
      return [[...trace.x], ...columns] as unknown as uPlot.AlignedData
    })
    // Curves of one run share their x; joining would copy for nothing.
    const isShared = traces.every(({ x }) => x === traces[0]!.x)
    if (isShared) return [tables[0]![0], ...tables.flatMap(([, ...columns]) => columns)] as unknown as uPlot.AlignedData
    return uPlot.join(tables)
  }

  #options(traces: readonly Trace[], look: ChartLook): uPlot.Options {
    const text = (value: number | null): string => (look.isShare && value !== null ? percent(value) : short(value))
    // Where nothing is pointed at: the last value there is.
    const series: uPlot.Series[] = [{ label: look.xLabel, value: (plot, x) => short(x ?? plot.data[0].at(-1)) }]
    const bands: uPlot.Band[] = []
    for (const trace of traces) {
      const { label, color: stroke, dash, low, points, behind } = trace
      const value = (plot: uPlot, y: number | null, at: number, row: number | null): string =>
        text(row === null ? lastOf(plot.data[at]!) : y)
      const few = trace.x.length < 40
      series.push({
        label: behind === true ? "" : label,
        ...(behind === true ? { class: "behind" } : {}),
        stroke: behind === true ? faint(stroke, 0.3) : stroke,
        width: points ? 0 : behind === true ? 1 : 1.6,
        dash: [...dash],
        spanGaps: true,
        points: { show: points || few, size: points ? 5 : 4, fill: stroke, stroke },
        ...(points ? { paths: () => null } : {}),
        value,
      })
      if (low === undefined) continue
      const edge: uPlot.Series = { label: "", class: "behind", stroke: "transparent", points: { show: false }, spanGaps: true }
      series.push(edge, edge)
      bands.push({ series: [series.length - 1, series.length - 2], fill: faint(stroke, 0.16) })
    }
    const axis: uPlot.Axis = { stroke: color("muted"), grid: { stroke: color("grid"), width: 1 }, ticks: { stroke: color("grid"), width: 1 }, font: "11px system-ui, sans-serif" }
    return {
      width: this.#body.clientWidth,
      height,
      series,
      bands,
      scales: {
        x: { time: false, range: (plot, low, high) => xRange(plot, low, high, look.xLabel === "step" ? 1 : 0.01) },
        y: this.#isLog ? { distr: 3 } : { range: (_, low, high) => [...axisRange(low ?? 0, high ?? 1, look.isShare)] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          ...(look.xLabel === "step" ? { incrs: wholeSteps } : {}),
          values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : compactTick(tick))),
        },
        {
          ...axis,
          size: 54,
          incrs: roundSteps,
          values: (_, ticks) =>
            ticks.map((tick) =>
              tick === null ? "" : look.isShare ? `${Number((100 * tick).toPrecision(4))} %` : compactTick(tick),
            ),
        },
      ],
      cursor: {
        sync: { key: "charts", setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
      },
      legend: { show: traces.length <= 12, live: true },
      hooks: {
        setSelect: [
          (plot) => {
            if (plot.select.width < 4) return
            look.onZoom([
              plot.posToVal(plot.select.left, "x"),
              plot.posToVal(plot.select.left + plot.select.width, "x"),
            ])
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          },
        ],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => look.onZoom(undefined))],
      },
    }
  }
}

/** What is drawn, for those who cannot see it. */
function describeTraces(traces: readonly Trace[], { xLabel }: ChartLook): string {
  const curves = traces.filter(({ behind }) => behind !== true)
  const points = curves.reduce((sum, { y }) => sum + y.filter((value) => value !== null).length, 0)
  const last = curves.reduce((most, { x }) => Math.max(most, x.at(-1) ?? 0), 0)
  return `${counted(curves.length, "curve")}, ${counted(points, "point")}, to ${xLabel} ${short(last)}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`
}

/** uPlot has already made a range of its own of one x: it is taken from the data. */
function xRange({ data: [xs] }: uPlot, low: number, high: number, room: number): uPlot.Range.MinMax {
  return [...(xs.length === 1 ? runRange(xs[0]!, xs[0]!, room) : runRange(low, high, room))]
}

/** Distances between ticks: there is no half step. */
const wholeSteps = powers(0, 7)
const roundSteps = powers(-12, 15)

/** 1, 2 and 5 times each power of ten. */
function powers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => [1, 2, 5].map((factor) => Number(`${factor}e${from + i}`))).flat()
}

function lastOf(values: ArrayLike<number | null | undefined>): number | null {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null && values[i] !== undefined) return values[i]!
  return null
}

function compactTick(tick: number): string {
  const size = Math.abs(tick)
  if (size >= 1e6) return `${Number((tick / 1e6).toPrecision(3))}M`
  if (size >= 1e4) return `${Number((tick / 1e3).toPrecision(3))}k`
  return size !== 0 && size < 1e-3 ? tick.toExponential(0) : String(Number(tick.toPrecision(4)))
}

/** Tells charts when they come into sight, and when their width changes. */
export class ChartObserver {
  readonly #calls = new Map<Element, (isVisible: boolean) => void>()
  readonly #sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) this.#calls.get(target)?.(isIntersecting)
  }, { rootMargin: "150px" })

  watch(element: Element, call: (isVisible: boolean) => void): void {
    this.#calls.set(element, call)
    this.#sight.observe(element)
  }
}
