/** The page: the list of runs, five tabs, and what is new as the server says it. */
import "uplot/dist/uPlot.min.css"
import "./style.css"
import type { ChangeMessage } from "../api.ts"
import { CompletionsView } from "./completions-view.ts"
import { CurvesView } from "./curves-view.ts"
import { DetailsView } from "./details-view.ts"
import { el, fill } from "./dom.ts"
import { ResultsView } from "./results-view.ts"
import { RunList } from "./run-list.ts"
import { DataSource } from "./source.ts"
import { AppState, tabs } from "./state.ts"
import { TabBar } from "./tab-bar.ts"
import { TimelineView } from "./timeline-view.ts"

const state = new AppState(new DataSource())
const status = el("span", { class: "status", role: "status" }, "loading")
const runs = new RunList(state)
const completions = new CompletionsView(state)
const details = new DetailsView(state)
const views = { curves: new CurvesView(state), improvement: new TimelineView(state), completions, results: new ResultsView(state), details } as const

const panels = { curves: views.curves.element, improvement: views.improvement.element, completions: completions.element, results: views.results.element, details: details.element }
const bar = new TabBar(tabs, panels, (tab) => state.show(tab))
const main = el("main", {}, ...tabs.map((tab) => panels[tab]))
fill(
  document.getElementById("app")!,
  el("header", { class: "top" }, el("h1", {}, "pirl"), bar.element, status),
  el("div", { class: "layout" }, runs.element, main),
)

function say(text: string, isBad: boolean): void {
  status.textContent = text
  status.title = text
  status.classList.toggle("is-bad", isBad)
}

/** Fetches what is new of the chosen runs; a run that went away keeps what was read. */
async function refreshSeries(ids: readonly string[]): Promise<void> {
  const outcomes = await Promise.allSettled(ids.map((id) => state.series(id).refresh()))
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (failed !== undefined) say(`not all curves could be read: ${String(failed.reason)}`, true)
  state.emit("series")
}

async function refreshRuns(): Promise<void> {
  try {
    await state.refreshRuns()
  } catch (error) {
    say(`the list of runs could not be read: ${String(error)}`, true)
  }
}

/** Changes come in bursts while several runs train: those of so many ms are taken together. */
const burstMs = 300
/** Reading and drawing takes some of the cores that may be training's: not more often than this. */
const restMs = 3000
const changed = new Map<string, Set<string>>()
let isWaiting = false
let lastTaken = -Infinity

function take(message: ChangeMessage): void {
  const logs = changed.get(message.run) ?? new Set<string>()
  for (const log of message.logs) logs.add(log)
  changed.set(message.run, logs)
  if (isWaiting) return
  isWaiting = true
  setTimeout(() => whenSeen(() => void takeAll()), Math.max(burstMs, lastTaken + restMs - performance.now()))
}

/** At once, or when a page in the background comes to the front. */
function whenSeen(call: () => void): void {
  if (document.hidden) document.addEventListener("visibilitychange", () => whenSeen(call), { once: true })
  else call()
}

async function takeAll(): Promise<void> {
  isWaiting = false
  lastTaken = performance.now()
  const chosen = [...changed].filter(([id]) => state.selected.includes(id))
  const isActiveRead = state.active !== undefined && changed.get(state.active.id)?.has("completions") === true
  changed.clear()
  await refreshRuns()
  const grown = chosen.filter(([, logs]) => logs.has("metrics") || logs.has("evaluations")).map(([id]) => id)
  if (grown.length > 0) await refreshSeries(grown)
  if (isActiveRead) completions.refresh()
  if (chosen.length > 0) await details.refresh()
}

state.on(["tab"], () => bar.mark(state.tab))
state.on(["selection"], () => void refreshSeries(state.selected))
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.emit("theme"))

/** Shows the tab and the runs that the address names. */
function follow(): void {
  state.recall()
  state.emit("selection")
  state.emit("tab")
}

await refreshRuns()
follow()
addEventListener("hashchange", follow)
state.source.listen({
  change: take,
  runs: () => void refreshRuns(),
  problem: ({ message }) => say(`the server cannot look at the runs: ${message}`, true),
  connected(isConnected) {
    say(isConnected ? "live" : "the server is gone; trying again", !isConnected)
    // What came while nobody listened is told by no event.
    if (isConnected) void refreshRuns().then(() => refreshSeries(state.selected))
  },
})
