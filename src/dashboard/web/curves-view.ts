/** The first tab: curves of the chosen runs over each other. */
import { bandOf } from "../analysis/arms.ts"
import { smoothed } from "../analysis/smoothing.ts"
import type { RunInfo } from "../api.ts"
import { Chart, ChartObserver } from "./chart.ts"
import type { Trace } from "./chart.ts"
import { chartSpecs, otherSpecs, placed } from "../analysis/chart-specs.ts"
import type { ChartSpec, Line } from "../analysis/chart-specs.ts"
import { button, el, fill } from "./dom.ts"
import { color, seriesColor } from "./palette.ts"
import { noRunChosen, runGroups, swatch } from "./run-groups.ts"
import type { Group } from "./run-groups.ts"
import type { AppState } from "./state.ts"

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 4]]

const noStepsYet = "No steps yet: curves appear with the first evaluation and the first step."

export class CurvesView {
  readonly element: HTMLElement
  readonly #state: AppState
  readonly #observer = new ChartObserver()
  readonly #charts = new Map<string, Chart>()
  readonly #grid: HTMLElement
  readonly #others: HTMLElement
  readonly #legend: HTMLElement
  readonly #reset: HTMLButtonElement
  readonly #more: HTMLButtonElement
  readonly #empty = el("p", { class: "empty" })
  #showsOthers = false

  constructor(state: AppState) {
    this.#state = state
    this.#grid = el("div", { class: "charts" })
    this.#others = el("div", { class: "charts" })
    this.#legend = el("div", { class: "run-legend" })
    this.#reset = button("Reset zoom", () => this.#zoomTo(undefined), { hidden: true })
    const more = (this.#more = button("More metrics", () => {
      this.#showsOthers = !this.#showsOthers
      more.textContent = this.#showsOthers ? "Fewer metrics" : "More metrics"
      this.draw()
    }, { class: "more" }))
    this.element = el(
      "div",
      { class: "view", id: "view-curves" },
      this.#toolbar(),
      this.#legend,
      this.#empty,
      this.#grid,
      this.#more,
      this.#others,
    )
    for (const spec of chartSpecs) this.#grid.append(this.#chart(spec).element)
    new ResizeObserver(() => this.#eachChart((chart) => chart.resize())).observe(this.#grid)
    state.on(["selection", "series", "drawing", "tab"], () => this.draw())
    state.on(["theme"], () => {
      this.draw()
      this.#eachChart((chart) => chart.redraw())
    })
  }

  /** Draws what is chosen, while the tab is open. */
  draw(): void {
    const { selectedRuns, axis, zoom, tab } = this.#state
    if (tab !== "curves") return
    const groups = runGroups(this.#state)
    this.#empty.textContent =
      groups.length === 0 ? noRunChosen(this.#state) : this.#hasNothing(groups) ? noStepsYet : ""
    this.#more.hidden = groups.length === 0
    this.#empty.hidden = this.#empty.textContent === ""
    const specs = this.#showsOthers ? [...chartSpecs, ...otherSpecs(selectedRuns.map(({ id }) => this.#state.series(id)))] : chartSpecs
    this.#others.hidden = !this.#showsOthers
    this.#reset.hidden = zoom === undefined
    for (const spec of specs) {
      const chart = this.#chart(spec)
      if (chart.element.parentElement === null) this.#others.append(chart.element)
      chart.update(this.#traces(spec, groups), { xLabel: axis === "step" ? "step" : "hours", isShare: spec.isShare ?? false, zoom, onZoom: (range) => this.#zoomTo(range) })
    }
    const entries = groups.length < 2 ? [] : groups.map(({ name, color, runs }) => el("span", { class: "key" }, swatch(color), runs.length > 1 ? `${name} (${runs.length} seeds)` : name))
    fill(this.#legend, ...entries)
  }

  /** Nothing was logged that a curve could be drawn from. */
  #hasNothing(groups: readonly Group[]): boolean {
    return groups.every(({ runs }) => runs.every(({ id }) => {
      const series = this.#state.series(id)
      return series.isRead && series.steps("metrics").length === 0 && series.steps("evaluations").length === 0
    }))
  }

  #toolbar(): HTMLElement {
    const state = this.#state
    const axis = el("select", { "aria-label": "Axis", onchange: () => this.#set(() => (state.axis = axis.value as "step" | "time")) }, el("option", { value: "step" }, "by step"), el("option", { value: "time" }, "by time"))
    const smoothing = el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0, "aria-label": "Smoothing", oninput: () => this.#set(() => (state.smoothing = Number(smoothing.value))) })
    const bands = el("input", { type: "checkbox", checked: true, onchange: () => this.#set(() => (state.bands = bands.checked)) })
    return el("div", { class: "toolbar" }, axis, el("label", {}, "Smoothing ", smoothing), el("label", {}, bands, " Seeds as bands"), this.#reset, el("span", { class: "hint" }, "drag to zoom, double-click to reset"))
  }

  #set(change: () => void): void {
    const { axis } = this.#state
    change()
    if (axis !== this.#state.axis) this.#zoomTo(undefined)
    else this.#state.emit("drawing")
  }

  #zoomTo(range: readonly [number, number] | undefined): void {
    const { state } = { state: this.#state }
    state.zoom = range
    state.emit("drawing")
    const steps = state.axis === "step" ? range : undefined
    void Promise.all(state.selected.map((id) => state.series(id).zoomTo(steps))).then(
      () => state.emit("drawing"),
      // The coarse curves stay.
      () => undefined,
    )
  }

  #chart(spec: ChartSpec): Chart {
    const known = this.#charts.get(spec.id) ?? new Chart(spec.id, spec.title, spec.unit, this.#observer)
    this.#charts.set(spec.id, known)
    return known
  }

  #eachChart(call: (chart: Chart) => void): void {
    for (const chart of this.#charts.values()) call(chart)
  }

  #traces(spec: ChartSpec, groups: readonly Group[]): Trace[] {
    const alone = groups.length === 1 && groups[0]!.runs.length === 1
    return groups.flatMap(({ name, color, runs }) => {
      const members = runs.map((run) => this.#linesOf(spec, run, alone))
      if (members.length === 1) return members[0]!.flatMap(({ line, x }, index) => this.#traceOf(line, x, alone ? line.label : members[0]!.length > 1 ? `${name}: ${line.label}` : name, alone ? seriesColor(index) : color, alone ? [] : dashes[index % dashes.length]!, true))
      const labels = [...new Set(members.flatMap((lines) => lines.map(({ line }) => line.label)))]
      return labels.flatMap((label, index) => {
        const curves = members.flatMap((lines) => lines.filter(({ line }) => line.label === label).map(({ line, x }) => ({ x, y: line.y })))
        const band = bandOf(curves)
        const line: Line = { label, log: "metrics", y: band.mean, low: band.low, high: band.high }
        return this.#traceOf(line, band.x, labels.length > 1 ? `${name}: ${label}` : name, color, dashes[index % dashes.length]!, index === 0)
      })
    })
  }

  #linesOf(spec: ChartSpec, run: RunInfo, alone: boolean): { readonly line: Line; readonly x: readonly number[] }[] {
    const series = this.#state.series(run.id)
    const xs = new Map<string, readonly number[]>()
    return spec.lines(series, alone).map((line) => {
      const x = xs.get(line.log) ?? (this.#state.axis === "step" ? series.steps(line.log) : rising(series.hours(line.log)))
      xs.set(line.log, x)
      // Hours are counted from the first line of the metrics, which the first evaluation comes before.
      return placed(line, x, Math.min(0, x[0] ?? 0))
    })
  }

  #traceOf(line: Line, x: readonly number[], label: string, stroke: string, dash: readonly number[], withBand: boolean): Trace[] {
    const { smoothing } = this.#state
    const isPoints = line.points !== undefined
    const shade = isPoints ? color(line.points!) : stroke
    const band = withBand && line.low !== undefined && line.high !== undefined ? { low: line.low, high: line.high } : {}
    const trace: Trace = { label, color: shade, dash, x, y: line.y, points: isPoints, ...band }
    if (smoothing === 0 || isPoints || line.log === "evaluations") return [trace]
    return [{ ...trace, behind: true }, { label, color: shade, dash, x, y: smoothed(line.y, smoothing), points: false }]
  }
}

/** Times that are missing, or run back because a clock was set, take the last one. */
function rising(values: readonly (number | null)[]): number[] {
  let last = 0
  return values.map((value) => (last = value === null || value < last ? last : value))
}
