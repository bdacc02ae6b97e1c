/** The tables of the comparison that the active run belongs to, as `pirl compare --show` prints them. */
import type { AccuracyMeasure, ComparisonAnswer, ComparisonMatch, ComparisonQuery, ComparisonTables, RunInfo, TextTable } from "../api.ts"
import { choice, el, fill, setOptions } from "./dom.ts"
import type { AppState } from "./state.ts"

const matches: readonly ComparisonMatch[] = ["rollouts", "updates", "seconds"]

export class ComparisonPanel {
  readonly element: HTMLElement
  readonly #state: AppState
  readonly #title = el("h2", {})
  readonly #match = choice(() => void this.refresh())
  readonly #measure = choice(() => void this.refresh())
  readonly #against = choice(() => void this.refresh())
  readonly #choices = el("div", { class: "toolbar" }, el("label", {}, "Matched by ", this.#match), el("label", {}, "Measure ", this.#measure), el("label", {}, "Against ", this.#against))
  readonly #problem = el("p", { class: "error", hidden: true })
  readonly #body = el("div", { class: "view" })
  /** Which comparison the choices of measure and arm are of. */
  #of = ""
  #asked = 0
  #shown = ""

  constructor(state: AppState) {
    this.#state = state
    setOptions(this.#match, matches, "rollouts")
    this.element = el("section", { class: "card view", id: "comparison", "aria-label": "Comparison", hidden: true }, this.#title, this.#choices, this.#problem, this.#body)
  }

  /** Asks for the tables when the tab is open. The server answers from memory while nothing has changed. */
  async refresh(): Promise<void> {
    const { tab, active, gone, source } = this.#state
    if (tab !== "results") return
    const asked = ++this.#asked
    if (active === undefined || active.comparison === null) {
      this.element.hidden = true
      return
    }
    this.element.hidden = false
    const of = comparisonKey(active)
    const isOther = of !== this.#of
    if (isOther) this.#forget(of, active.comparison)
    if (gone.has(active.id)) return this.#say(`The folder of ${active.name} was deleted.`)
    try {
      const answer = await source.comparison(active.id, this.#query())
      if (asked !== this.#asked) return
      this.#show(answer)
    } catch (error) {
      // What was shown stays.
      if (asked === this.#asked) this.#say(error instanceof Error ? error.message : String(error))
    }
  }

  #query(): ComparisonQuery {
    const [match, measure, against] = [this.#match, this.#measure, this.#against].map(({ value }) => value)
    return { match: match as ComparisonMatch, ...(measure === "" ? {} : { measure: measure as AccuracyMeasure }), ...(against === "" ? {} : { against: against! }) }
  }

  /** Another comparison has other arms and measures: they are chosen anew. */
  #forget(of: string, name: string): void {
    this.#of = of
    this.#shown = ""
    this.#title.textContent = `Comparison ${name}`
    for (const select of [this.#measure, this.#against]) setOptions(select, [], "")
    this.#choices.hidden = true
    fill(this.#body, el("p", { class: "empty" }, "Reading the comparison."))
    this.#say("")
  }

  #say(problem: string): void {
    this.#problem.hidden = problem === ""
    this.#problem.textContent = problem
  }

  #show(answer: ComparisonAnswer): void {
    // Without a finished run there is nothing to choose among.
    this.#choices.hidden = answer.kind !== "tables" || answer.runs.finished === 0
    this.#say(answer.kind === "damaged" ? answer.message : "")
    const text = JSON.stringify(answer)
    if (text === this.#shown) return
    this.#shown = text
    if (answer.kind === "none") return fill(this.#body, el("p", { class: "empty" }, answer.reason))
    this.#title.textContent = `Comparison ${answer.name}`
    if (answer.kind === "damaged") return fill(this.#body)
    setOptions(this.#match, matches, answer.match)
    setOptions(this.#measure, answer.measures, answer.measures.includes(answer.measure) ? answer.measure : "")
    setOptions(this.#against, answer.arms, answer.against)
    fill(this.#body, ...content(answer))
  }
}

/** A comparison by the path of its runs: two may have the same name. */
function comparisonKey({ name, comparison }: RunInfo): string {
  return `${comparison}:${name.split("/").slice(0, -2).join("/")}`
}

function content({ runs, arms, seeds, armTable, differenceTable, notes, failures }: ComparisonTables): HTMLElement[] {
  const open = runs.unfinished + runs.waiting
  const total = runs.finished + runs.failed + open
  const parts = [`${runs.finished} of ${total} runs finished`, ...(runs.failed > 0 ? [`${runs.failed} failed`] : []), ...(open > 0 ? [`${runs.unfinished} begun, ${runs.waiting} waiting`] : [])]
  const rest = runs.finished === 0 ? " No run is finished yet: the tables fill as runs end." : open > 0 ? " The tables hold those that are finished." : ""
  return [
    el("p", { class: "facts" }, `${arms.length} arms over ${seeds.length} seeds: ${parts.join(", ")}.${rest}`),
    ...failures.map(({ arm, seed, reason }) => el("article", { class: "card alarm is-serious" }, el("h3", {}, `${arm}, seed ${seed} failed`), el("p", { class: "facts" }, reason))),
    textTable("arms", armTable),
    ...(differenceTable.length > 1 && runs.finished > 0 ? [textTable("differences", differenceTable)] : []),
    ...(runs.finished === 0 ? [] : notes).map((note) => el("p", { class: "hint" }, note)),
  ]
}

function textTable(id: string, [head, ...rows]: TextTable): HTMLElement {
  const heads = (head ?? []).map((text) => el("th", { scope: "col" }, text))
  const body = rows.map(([name, ...cells]) => el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((text) => el("td", {}, text))))
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table of ${id}` }, el("table", { class: "numbers results", id: `comparison-${id}` }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...body)))
}
