/** The second tab: what became of every update. */
import type { TimelineAnswer } from "../api.ts"
import { short, signed } from "../analysis/format.ts"
import { outcomeColors, outcomes, outcomeWords, timelineGuide } from "../analysis/outcomes.ts"
import { el, fill } from "./dom.ts"
import { color } from "./palette.ts"
import { noRunChosen, swatch } from "./run-groups.ts"
import type { AppState } from "./state.ts"
import { drawTimeline, timelineHit } from "./timeline-canvas.ts"

const noStepsYet = "No steps yet: a mark appears for each update, once the next step has judged it."

export class TimelineView {
  readonly element: HTMLElement
  readonly #state: AppState
  readonly #canvas = el("canvas", { class: "timeline", role: "img", "aria-label": "Improvement timeline" })
  readonly #title = el("h2", {})
  readonly #readout = el("p", { class: "readout", "aria-live": "polite" })
  readonly #totals = el("div", {})
  readonly #empty = el("p", { class: "empty" })
  readonly #figure: HTMLElement
  #answer: TimelineAnswer | undefined
  #hover: number | undefined
  #run: string | undefined

  constructor(state: AppState) {
    this.#state = state
    this.#figure = el("figure", { class: "timeline-figure" }, this.#title, this.#empty, this.#canvas)
    this.element = el("div", { class: "view", id: "view-improvement" }, this.#figure, this.#readout, this.#totals)
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event.offsetX))
    this.#canvas.addEventListener("pointerleave", () => this.#point(undefined))
    new ResizeObserver(() => this.#draw()).observe(this.#figure)
    state.on(["selection", "series", "tab"], () => void this.refresh())
    state.on(["theme"], () => this.#draw())
  }

  /** Fetches the timeline of the active run when the tab is open. */
  async refresh(): Promise<void> {
    const { tab, active, source } = this.#state
    if (tab !== "improvement") return
    if (active === undefined) {
      this.#run = undefined
      this.#answer = undefined
      return this.#draw()
    }
    if (this.#run !== active.id) this.#answer = undefined
    this.#run = active.id
    try {
      const answer = await source.timeline(active.id, Math.max(200, Math.min(1200, this.element.clientWidth)))
      if (this.#run === active.id) this.#answer = answer
    } catch {
      // What was drawn stays; the header says that the server or the run is gone.
    }
    this.#draw()
  }

  #point(at: number | undefined): void {
    this.#hover = at === undefined || this.#answer === undefined ? undefined : timelineHit(this.#answer, this.#canvas.clientWidth, at)
    this.#draw()
  }

  #draw(): void {
    const answer = this.#answer
    const width = innerWidth(this.#canvas.parentElement!)
    const { active } = this.#state
    this.#title.textContent = active === undefined ? "" : `Improvement timeline of ${active.name}`
    const empty = active === undefined ? noRunChosen(this.#state) : answer?.step.length === 0 ? noStepsYet : ""
    this.#empty.textContent = empty
    for (const part of [this.#canvas, this.#readout, this.#totals]) part.hidden = empty !== ""
    this.#empty.hidden = empty === ""
    if (answer === undefined || width === 0 || empty !== "") return
    drawTimeline(this.#canvas, answer, width, this.#hover)
    this.#readout.textContent = this.#hover === undefined ? `Point at an update to read it. ${timelineGuide(answer.judge)}` : describe(answer, this.#hover)
    fill(this.#totals, totalsTable(answer))
  }
}

/** Pixels between the paddings. */
function innerWidth(box: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(box)
  return Math.max(0, Math.floor(box.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight)))
}

function describe(answer: TimelineAnswer, i: number): string {
  const step = answer.step[i]!
  const change = answer.change[i] ?? null
  const held = change === null ? "held-out change not known" : `J changed by ${signed(100 * change)} points`
  const level = answer.accuracy[i] === null || answer.accuracy[i] === undefined ? "" : ` to ${(100 * answer.accuracy[i]!).toFixed(1)} %`
  const words = outcomeWords(answer.judge)
  if (answer.width > 1) {
    const counts = outcomes.map((outcome) => `${answer[outcome][i]} ${words[outcome]}`)
    const leftOut = answer.leftOut[i]! > 0 ? `, ${answer.leftOut[i]} left out` : ""
    return `Updates of steps ${step} to ${step + answer.width - 1}: ${counts.join(", ")}${leftOut}; ${held}${level}.`
  }
  const outcome = outcomes.find((name) => answer[name][i]! > 0)
  const signal = answer.judge === "paired" ? `${signed(answer.signal[i])} standard errors` : `xi ${signed(answer.signal[i])}`
  const judged = answer.leftOut[i]! > 0 ? "left out by steering" : outcome === undefined ? "not judged (yet)" : `${words[outcome]} by the next step, ${signal}`
  return `Update of step ${step}: ${judged}; ${held}${level}.`
}

/** Whether what was reinforced had helped, by the held-out set. */
function totalsTable(answer: TimelineAnswer): HTMLElement {
  const head = ["update was", "updates", "J rose", "J fell", "rose, share", "mean change, points"].map((text) => el("th", { scope: "col" }, text))
  const words = outcomeWords(answer.judge)
  const rows = outcomes.map((outcome) => {
    const { updates, rose, fell, meanChange } = answer.totals[outcome]
    const share = rose + fell === 0 ? "-" : `${((100 * rose) / (rose + fell)).toFixed(0)} %`
    const cells = [short(updates), short(rose), short(fell), share, meanChange === null ? "-" : signed(100 * meanChange, 3)]
    return el("tr", {}, el("th", { scope: "row" }, swatch(color(outcomeColors[outcome])), words[outcome]), ...cells.map((text) => el("td", {}, text)))
  })
  return el("div", { class: "scroll" }, el("table", { class: "numbers", id: "timeline-totals" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)))
}
