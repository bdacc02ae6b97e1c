/** The fourth tab: the chosen runs as a table, and the comparison that the active run belongs to. */
import type { AccuracyMeasure, RunNumbers } from "../api.ts"
import { measuresOf, resultColumns, runLabel } from "../analysis/result-columns.ts"
import type { ResultCell, ResultRow } from "../analysis/result-columns.ts"
import { ComparisonPanel } from "./comparison-panel.ts"
import { choice, el, fill, setOptions } from "./dom.ts"
import { noRunChosen, runGroups, swatch } from "./run-groups.ts"
import type { AppState } from "./state.ts"

export class ResultsView {
  readonly element: HTMLElement
  readonly #state: AppState
  /** As they were last told: those of a run that is gone stay. */
  readonly #numbers = new Map<string, RunNumbers>()
  readonly #measure = choice(() => this.#draw())
  readonly #choice = el("label", {}, "Accuracy ", this.#measure)
  readonly #problem = el("p", { class: "error", hidden: true })
  readonly #table = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of the chosen runs" })
  readonly #hint = el("p", { class: "hint" })
  readonly #comparison: ComparisonPanel
  #isAsking = false
  #isStale = false

  constructor(state: AppState) {
    this.#state = state
    this.#comparison = new ComparisonPanel(state)
    const runs = el("section", { class: "card view", "aria-label": "Chosen runs" }, el("div", { class: "toolbar" }, el("h2", {}, "Chosen runs"), this.#choice), this.#problem, this.#table, this.#hint)
    this.element = el("div", { class: "view", id: "view-results" }, runs, this.#comparison.element)
    state.on(["selection", "runs", "drawing", "theme"], () => this.#draw())
    // After a selection the curves are fetched, and "series" follows.
    state.on(["series", "tab"], () => void this.#refresh())
    state.on(["selection", "runs", "tab"], () => void this.#comparison.refresh())
  }

  /** Asks for the numbers of the chosen runs while the tab is open. What changes meanwhile is asked for afterwards: a slow answer is shown all the same. */
  async #refresh(): Promise<void> {
    this.#draw()
    this.#isStale = true
    if (this.#isAsking) return
    this.#isAsking = true
    while (this.#isStale && this.#state.tab === "results") {
      this.#isStale = false
      await this.#ask()
      this.#draw()
    }
    this.#isAsking = false
  }

  async #ask(): Promise<void> {
    const { selectedRuns, gone, source } = this.#state
    const known = selectedRuns.filter(({ id }) => !gone.has(id))
    const answers = await Promise.allSettled(known.map(({ id }) => source.numbers(id)))
    const failed: string[] = []
    answers.forEach((answer, i) => {
      if (answer.status === "fulfilled") this.#numbers.set(known[i]!.id, answer.value)
      else failed.push(`${known[i]!.name}: ${answer.reason instanceof Error ? answer.reason.message : String(answer.reason)}`)
    })
    this.#problem.hidden = failed.length === 0
    this.#problem.textContent = failed.join("; ")
  }

  #draw(): void {
    const { tab, gone } = this.#state
    if (tab !== "results") return
    const rows = runGroups(this.#state).flatMap(({ runs, color }) => runs.map((info) => ({ info, numbers: this.#numbers.get(info.id), color })))
    const measures = measuresOf(rows)
    setOptions(this.#measure, measures, measures.find((kind) => kind === this.#measure.value) ?? measures[0] ?? "")
    this.#choice.hidden = measures.length < 2
    if (rows.length === 0) {
      fill(this.#table, el("p", { class: "empty" }, noRunChosen(this.#state)))
      this.#hint.textContent = ""
      return
    }
    const measure = (this.#measure.value || "greedy") as AccuracyMeasure
    fill(this.#table, runTable(rows, measure, gone))
    this.#hint.textContent = hintOf(rows, measures.length === 0 ? undefined : measure)
  }
}

interface ColouredRow extends ResultRow {
  readonly color: string
}

function runTable(rows: readonly ColouredRow[], measure: AccuracyMeasure, gone: ReadonlySet<string>): HTMLElement {
  const columns = resultColumns(rows, measure)
  const heads = columns.map(({ head, below, meaning }) => el("th", { scope: "col", title: meaning }, ...lines({ text: head, below })))
  const body = rows.map((row) => {
    const state = gone.has(row.info.id) ? "gone" : row.info.state
    const name = el("th", { scope: "row", title: row.info.name }, swatch(row.color), ...lines(runLabel(row.info)))
    return el("tr", {}, name, el("td", { class: `state state-${state}` }, state), ...columns.map((column) => el("td", {}, ...lines(column.cell(row, measure)))))
  })
  const head = el("tr", {}, el("th", { scope: "col" }, "run"), el("th", { scope: "col", class: "state" }, "state"), ...heads)
  return el("table", { class: "numbers results" }, el("thead", {}, head), el("tbody", {}, ...body))
}

function lines({ text, below }: ResultCell): (Node | string)[] {
  return below === undefined || below === "" ? [text] : [text, el("span", { class: "below" }, below)]
}

/** What the numbers are. */
function hintOf(rows: readonly ResultRow[], measure: AccuracyMeasure | undefined): string {
  const accuracy = measure === undefined ? "No evaluation is written yet." : `Held-out ${measure} accuracy with the interval of the run's summary; the best of many evaluations is chosen for being high, which its interval does not know.`
  const young = rows.some(({ numbers }) => numbers !== undefined && numbers.recentSteps < 20) ? " A run of fewer than 20 steps gives the mean of those it has." : ""
  return `${accuracy} Sums and means are taken over every line of the logs, also where curves are drawn in buckets.${young}`
}
