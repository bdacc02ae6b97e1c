/** Which of the chosen runs are drawn in one colour, the same on every tab. */
import type { RunInfo } from "../api.ts"
import { el } from "./dom.ts"
import { seriesColor } from "./palette.ts"
import type { AppState } from "./state.ts"

/** What is drawn in one colour: a run, or the seeds of an arm. */
export interface Group {
  readonly name: string
  readonly color: string
  readonly runs: readonly RunInfo[]
}

/** The chosen runs, those of an arm together where seeds are drawn as bands. */
export function runGroups({ selectedRuns, bands }: AppState): Group[] {
  const groups = new Map<string, RunInfo[]>()
  for (const run of selectedRuns) {
    const key = bands && run.arm !== null ? `${run.comparison}/${run.arm}` : run.id
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const arms = new Set([...groups.values()].map(([first]) => first!.comparison))
  return [...groups.values()].map((members, index) => {
    const first = members[0]!
    const name = members.length > 1 ? (arms.size > 1 ? `${first.comparison} ${first.arm}` : first.arm!) : first.name
    return { name, color: seriesColor(index), runs: members }
  })
}

/** What stands where a view has no run to show. */
export function noRunChosen({ runs }: AppState): string {
  if (runs.length === 0) return "No runs here yet. They appear when one starts."
  return "No run is chosen. Tick one in the list of runs."
}

/** A coloured square. */
export function swatch(value: string): HTMLElement {
  const square = el("span", { class: "swatch" })
  square.style.backgroundColor = value
  return square
}
