/** The report of a run as one HTML file. */
import { sampleGroups } from "./completion-sample.ts"
import { html } from "./html.ts"
import { page, type Section } from "./page.ts"
import { readRunLogs } from "./run-logs.ts"
import {
  alarmList,
  completions,
  configText,
  curves,
  eventList,
  improvement,
  overview,
  startSection,
} from "./run-sections.ts"
import { timelineSvg } from "./timeline-svg.ts"

/** What a report is written with. */
export interface ReportOptions {
  /** Version of pirl. */
  readonly version: string
  /** Milliseconds since 1970: tells whether a running run stands still. */
  readonly now: number
}

/** @throws DataError  when there is no run in the folder */
export async function runReport(directory: string, { version, now }: ReportOptions): Promise<string> {
  const run = await readRunLogs(directory, now)
  const sections: Section[] = [
    { id: "overview", title: "Overview", content: overview(run) },
    { id: "start", title: "Before the first update", content: startSection(run) },
    { id: "alarms", title: "Alarms", content: alarmList(run) },
    { id: "improvement", title: "Improvement timeline", content: improvement(run) },
    { id: "curves", title: "Curves", content: curves(run) },
    { id: "completions", title: "Responses", content: completions(await sampleGroups(directory), run) },
    { id: "events", title: "Events", content: eventList(run) },
    { id: "config", title: "Config", content: configText(run) },
  ]
  return page(`Run ${run.name}`, html`<p class="note">${directory}</p>`, sections, `Written by pirl ${version} from the logs of the run.`)
}

/** The improvement timeline of a run as an SVG file. @throws DataError  when there is no run in the folder */
export async function timelinePicture(directory: string): Promise<string> {
  const run = await readRunLogs(directory, 0)
  return timelineSvg(run.timeline, `Improvement timeline of ${run.name}: ${run.timeline.step.length === 0 ? "no step yet" : `${run.metrics.rows} steps`}`)
}
