/** The report of a comparison as one HTML file. */
import { basename, resolve } from "node:path"
import {
  analyse,
  armCells,
  armCurves,
  comparisonSvg,
  differenceCells,
  notes,
  readComparison,
  type ComparisonState,
  type Measure,
} from "../compare/index.ts"
import { configToYaml } from "../config/index.ts"
import { shellWord } from "../shell-word.ts"
import { setting } from "./config-setting.ts"
import { facts, html, Html, table } from "./html.ts"
import { page, type Section } from "./page.ts"
import type { ReportOptions } from "./run-report.ts"

/** @throws DataError  when the folder holds no comparison */
export function comparisonReport(directory: string, { version }: ReportOptions): string {
  const state = readComparison(directory)
  const { plan, results } = state
  const arms = plan.arms.map(({ name }) => name)
  const analysis = analyse(arms, results, { match: "rollouts", against: arms.slice(0, 1) })
  const curves = armCurves(arms, results, analysis.measure, analysis.axis)
  const differences = differenceCells(analysis)
  const remarks = notes(analysis).map((note) => html`<p class="note">${note}</p>`)
  const pairs = differences.length > 1 ? html`<h3>Differences, paired by seed</h3>${table(differences)}` : undefined
  const picture = curves.length === 0 ? html`<p class="note">No run is finished yet.</p>` : html`<figure class="scroll wide">${new Html(comparisonSvg(analysis, curves))}</figure>`
  const sections: Section[] = [
    { id: "overview", title: "Overview", content: overview(state) },
    { id: "results", title: "Results", content: html`${table(armCells(analysis))}${pairs}${remarks}` },
    { id: "curves", title: "Curves and final accuracies", content: picture },
    { id: "runs", title: "Runs", content: runTable(state, analysis.measure) },
    { id: "plan", title: "Plan", content: planText(state, directory) },
  ]
  return page(`Comparison ${basename(resolve(directory))}`, html`<p class="note">${directory}</p>`, sections, `Written by pirl ${version} from the folder of the comparison.`)
}

function overview({ plan, results }: ComparisonState): Html {
  const count = (state: string): number => results.filter((result) => result.state === state).length
  const open = count("unfinished") + count("waiting")
  const failures = results.filter(({ state }) => state === "failed")
  const rows = [
    ["Arms", plan.arms.map(({ name }) => name).join(", ")],
    ["Seeds", plan.seeds.join(", ")],
    ["Runs", `${count("finished")} of ${results.length} finished${failures.length === 0 ? "" : `, ${failures.length} failed`}${open === 0 ? "" : `, ${open} open: the numbers below are of those that are finished`}`],
    ["Task", setting(plan.config, "task.name") ?? "-"],
    ["Model", setting(plan.config, "model.path") ?? setting(plan.config, "model.hub") ?? setting(plan.config, "model.preset") ?? "-"],
    ["Steps", setting(plan.config, "train.steps") ?? "-"],
    ["pirl, node", `${plan.pirl}, ${plan.node}`],
  ] as const
  const failed = failures.length === 0 ? undefined : html`<h3>Failures</h3>${failures.map(({ arm, seed, error }) => html`<article class="alarm serious"><p><b>${arm}, seed ${seed}</b></p><p>${error ?? "no reason was written down"}</p></article>\n`)}`
  return html`${facts(rows)}${failed}`
}

function runTable({ results }: ComparisonState, measure: Measure): Html {
  const digits = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(3))
  const rows = results.map((result) => {
    const { arm, seed, state, step, totals, time } = result
    const main = result[measure]
    return [arm, seed, state, step, digits(main?.start), digits(main?.best), digits(main?.final), main === undefined ? "-" : main.collapsed ? "yes" : "no", totals.optimizerSteps, time.seconds.toFixed(0)]
  })
  return html`<details>
    <summary>${rows.length} runs</summary>
    ${table([["arm", "seed", "state", "steps", "start", "best", `final, ${measure}`, "collapsed", "updates", "seconds"], ...rows])}
  </details>`
}

/** What was asked for: the command lines, where the plan has kept them, and what they came to. */
function planText({ plan }: ComparisonState, directory: string): Html {
  const arms = plan.arms.map(({ name, overrides, changes }) => {
    const parts = Object.entries(changes).map(([path, value]) => `${path}=${JSON.stringify(value)}`)
    return [name, overrides.length === 0 ? "-" : overrides.join(" "), parts.length === 0 ? "none" : parts.join(", ")]
  })
  const { commands = [] } = plan
  const made = commands.length === 0 ? html`<p class="note">The command was not kept by the version that made this comparison; its arms and seeds say the same.</p>` : html`<p>Made by:</p><pre>${commands.join("\n")}</pre>`
  const config = html`<details><summary>Config that the arms change, resolved</summary><pre>${configToYaml(plan.config)}</pre></details>`
  return html`${made}<div class="words">${table([["arm", "settings", "what they change"], ...arms])}</div><p>The same tables on the terminal, with other measures and matches:</p><pre>pirl compare --show ${shellWord(directory)}</pre>
<h3>Definitions</h3><div class="words">${table([["number", "what it is"], ...Object.entries(plan.definitions)])}</div>${config}`
}
