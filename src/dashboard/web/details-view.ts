/** The fifth tab: alarms and events of the active run, its config, and where the configs of the chosen runs differ. */
import { configDifferences } from "../analysis/config-differences.ts"
import type { Alarm, RunDetail } from "../api.ts"
import { el, fill } from "./dom.ts"
import { noRunChosen } from "./run-groups.ts"
import type { AppState } from "./state.ts"

const notYet = "Signal, memory and time are said here once the first step has been sampled."

/** Newest events that are listed. */
const shownEvents = 30

export class DetailsView {
  readonly element: HTMLElement = el("div", { class: "view", id: "view-details" })
  readonly #state: AppState
  #asked = 0

  constructor(state: AppState) {
    this.#state = state
    state.on(["selection", "tab"], () => void this.refresh())
  }

  async refresh(): Promise<void> {
    const { tab, selectedRuns, source } = this.#state
    if (tab !== "details") return
    const asked = ++this.#asked
    const answers = await Promise.allSettled(selectedRuns.map(({ id }) => source.detail(id)))
    if (asked !== this.#asked) return
    const details = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []))
    const failed = answers.flatMap((answer) => (answer.status === "rejected" ? [el("p", { class: "error" }, String(answer.reason))] : []))
    const first = details[0]
    if (first === undefined) return fill(this.element, ...failed, el("p", { class: "empty" }, noRunChosen(this.#state)))
    fill(
      this.element,
      ...failed,
      alarmList(first),
      startList(first),
      ...(details.length > 1 ? [differencesTable(details)] : []),
      eventTable(first),
      el("section", { class: "card" }, el("h2", {}, `Config of ${first.info.name}`), el("pre", {}, first.configYaml)),
    )
  }
}

function alarmList({ info, alarms }: RunDetail): HTMLElement {
  const cards = alarms.map(({ severity, step, message, advice }: Alarm) =>
    el("article", { class: severity === "serious" ? "card alarm is-serious" : "card alarm" }, el("h3", {}, message), el("p", { class: "facts" }, `${step === null ? "" : `since step ${step}; `}${advice}`)),
  )
  return el("section", { class: "view" }, el("h2", {}, `Alarms of ${info.name}`), ...(cards.length === 0 ? [el("p", { class: "empty" }, "None.")] : cards))
}

/** What the run said before its first update. */
function startList({ info, start }: RunDetail): HTMLElement {
  const rows = start.map(([name, text]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, text)))
  const content = rows.length === 0 ? el("p", { class: "empty" }, notYet) : el("table", {}, el("tbody", {}, ...rows))
  return el("section", { class: "card", id: "start" }, el("h2", {}, `Before the first update of ${info.name}`), content)
}

function differencesTable(details: readonly RunDetail[]): HTMLElement {
  const differences = configDifferences(details.map(({ config }) => config))
  const title = el("h2", {}, "Where the configs differ")
  if (differences.length === 0) return el("section", { class: "card" }, title, el("p", { class: "empty" }, "Nowhere: every setting is the same."))
  const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "setting"), ...details.map(({ info }) => el("th", { scope: "col" }, info.name))))
  const rows = differences.map(({ path, values }) => el("tr", {}, el("th", { scope: "row" }, path), ...values.map((value) => el("td", {}, value ?? "-"))))
  return el("section", { class: "card" }, title, el("div", { class: "scroll" }, el("table", {}, head, el("tbody", {}, ...rows))))
}

/** `2026-01-31 12:30:59`, as it is logged: in UTC. */
function clock(at: string | null): string {
  return at === null ? "-" : at.slice(0, 19).replace("T", " ")
}

function eventTable({ events }: RunDetail): HTMLElement {
  const rows = events
    .slice(-shownEvents)
    .reverse()
    .map(({ at, step, kind, message }) =>
      el("tr", {}, ...[clock(at), String(step ?? "-"), kind, message].map((text) => el("td", {}, text))),
    )
  const head = el(
    "thead",
    {},
    el("tr", {}, ...["time (UTC)", "step", "kind", "message"].map((name) => el("th", { scope: "col" }, name))),
  )
  return el("section", { class: "card" }, el("h2", {}, "Events"), el("div", { class: "scroll" }, el("table", {}, head, el("tbody", {}, ...rows))))
}
