/** The list of runs: what is chosen is drawn over each other. */
import type { RunInfo } from "../api.ts"
import { button, el, fill } from "./dom.ts"
import { age } from "../../age.ts"
import { percent, short } from "../analysis/format.ts"
import type { AppState } from "./state.ts"

export class RunList {
  readonly element: HTMLElement
  readonly #state: AppState
  readonly #list = el("div", {})
  readonly #filter = el("input", { type: "search", placeholder: "Filter runs", "aria-label": "Filter runs", oninput: () => this.draw() })

  constructor(state: AppState) {
    this.#state = state
    const none = button("Choose none", () => state.select([]), { class: "small" })
    this.element = el("nav", { class: "runs", "aria-label": "Runs" }, el("div", { class: "toolbar" }, this.#filter, none), this.#list)
    state.on(["runs", "selection"], () => this.draw())
  }

  draw(): void {
    const wanted = this.#filter.value.toLowerCase()
    const shown = this.#state.runs.filter(({ name }) => name.toLowerCase().includes(wanted)).reverse()
    const focused = (document.activeElement as HTMLElement | null)?.dataset["run"]
    fill(this.#list, ...(shown.length === 0 ? [el("p", { class: "empty" }, "No runs here yet. They appear when one starts.")] : shown.map((run) => this.#row(run))))
    if (focused !== undefined) this.#list.querySelector<HTMLElement>(`[data-run="${CSS.escape(focused)}"]`)?.focus()
  }

  #row(run: RunInfo): HTMLElement {
    const isGone = this.#state.gone.has(run.id)
    const box = el("input", { type: "checkbox", checked: this.#state.selected.includes(run.id), "data-run": run.id, onchange: () => this.#state.toggle(run.id) })
    const state = isGone ? "gone" : run.state
    const steps = run.step === null ? "no step yet" : `step ${short(run.step)}${run.steps === null ? "" : ` of ${short(run.steps)}`}`
    const accuracy = run.final === null ? "" : `, held-out ${percent(run.final)} ${run.measure ?? ""}`
    const since = `, changed ${age(Date.now() - Date.parse(run.updated))} ago`
    const notes = isGone ? ["The folder was deleted; what was read stays on the page."] : run.problems
    return el(
      "label",
      { class: "run" },
      box,
      el("span", { class: "name" }, run.name),
      el("span", { class: "facts" }, el("span", { class: `state-${state}` }, state), ` \u00b7 ${steps}${accuracy}${since}`),
      ...notes.map((note) => el("span", { class: "problem" }, note)),
    )
  }
}
