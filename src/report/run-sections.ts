/** What a report says of a run, section by section. Pure. */
import type { Agreement, Interval } from "../analysis/index.ts"
import { noiseAbove1, noiseAbove2 } from "../analysis/index.ts"
import { chartSpecs, otherSpecs, placed, type ChartSpec } from "../dashboard/analysis/chart-specs.ts"
import { bytes, percent, short, signed } from "../dashboard/analysis/format.ts"
import { improvementReward, judgementOf } from "../dashboard/analysis/judging.ts"
import { judgementText, outcomes, outcomeWords, timelineGuide } from "../dashboard/analysis/outcomes.ts"
import { sumOf } from "../dashboard/analysis/table.ts"
import type { Completion } from "../dashboard/api.ts"
import type { AccuracySummary } from "../runs/index.ts"
import { chartSvg, lineColor, type ChartLine } from "./chart-svg.ts"
import { setting } from "./config-setting.ts"
import type { CompletionGroup } from "./completion-sample.ts"
import { facts, html, Html, table, type HtmlPart } from "./html.ts"
import type { RunLogs } from "./run-logs.ts"
import { timelineSvg } from "./timeline-svg.ts"

/** Newest events that are listed. */
const shownEvents = 60
const longestConfig = 200_000

const states: Readonly<Record<RunLogs["state"], string>> = {
  running: "running: this report shows what was there when it was written",
  silent: "silent",
  finished: "finished",
  failed: "failed",
  crashed: "crashed: its process is gone",
  stopped: "stopped: it can be resumed",
}

/** `68.5 to 76.3 %`. */
export function rangeText({ low, high }: Interval): string {
  return `${(100 * low).toFixed(1)} to ${percent(high)}`.replace(/^-/, "\u2212")
}

/** What the run is, and what it came to. */
export function overview(run: RunLogs): Html {
  const { summary, config } = run
  const main = summary.greedy ?? summary.expected
  const step = run.metrics.column("step")?.[run.metrics.rows - 1] ?? 0
  const cards = main === null ? [] : accuracyCards(main, summary.accuracy ?? "greedy", summary.heldOutSize)
  const problems = run.problems.map((problem) => html`<p class="warn">${problem}</p>`)
  const isOn = setting(config, "pipo.enabled")
  const signal = setting(config, "pipo.signal")
  const rows: [string, HtmlPart][] = [
    ["State", run.state === "silent" && run.holder !== undefined ? `silent: ${run.holder}` : states[run.state]],
    ["Steps", `${step} of ${setting(config, "train.steps") ?? "?"}`],
    ["Task", setting(config, "task.name") ?? "-"],
    ["Model", setting(config, "model.path") ?? setting(config, "model.hub") ?? setting(config, "engine.server.baseModel") ?? setting(config, "model.preset") ?? "-"],
    ["Objective", setting(config, "objective.name") ?? "-"],
    ["PIPO", isOn === "false" ? "off" : isOn === undefined ? "-" : `preset ${setting(config, "pipo.preset") ?? "-"}${signal === undefined || signal === "observed" ? "" : `, signal ${signal}`}`],
    ["Seed", setting(config, "seed") ?? "-"],
    ["Responses a step", responsesText(config)],
    ["Sampled, trained tokens", `${whole(summary.sampledTokens)}; ${whole(summary.trainedTokens)}`],
    ["First and last line", timesText(run)],
    ["Made by", run.programs.length === 0 ? "-" : run.programs.join(", then ")],
  ]
  return html`${problems}<div class="big">${cards}</div>${facts(rows)}<h3>Time by phase</h3>${phases(run)}`
}

function accuracyCards(main: AccuracySummary, kind: string, size: number | null): Html[] {
  const { intervals } = main
  const card = (name: string, value: string, interval: Interval | null, note: string): Html => html`<div>${name}<b>${value}</b><span class="unit">${note}${interval === null ? "" : `${note === "" ? "" : "; "}95 %: ${rangeText(interval)}`}</span></div>\n`
  const gain = intervals.cumulativeImprovement
  const points = gain === null ? "" : `95 %: ${signed(100 * gain.low, 1)} to ${signed(100 * gain.high, 1)}`
  return [
    card(`Final held-out accuracy, ${kind}`, percent(main.final), intervals.final, size === null ? "" : `${size} problems`),
    card("Best", percent(main.best), intervals.best, `step ${main.bestStep}`),
    card("Start", percent(main.start), intervals.start, ""),
    card("Cumulative policy improvement", `${signed(100 * main.cumulativeImprovement, 1)} points`, null, points),
  ]
}

/** `1,597,312`. */
function whole(value: number): string {
  return value.toLocaleString("en-US")
}

function responsesText(config: unknown): string {
  const [prompts, size] = [setting(config, "rollout.promptsPerStep"), setting(config, "rollout.groupSize")]
  return prompts === undefined || size === undefined ? "-" : `${prompts} prompts x ${size}`
}

function timesText({ metrics }: RunLogs): string {
  const at = metrics.column("time.at")
  const [first, last] = [at?.[0], at?.[metrics.rows - 1]]
  const text = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")
  return first === undefined || last === undefined || metrics.rows === 0 || Number.isNaN(first) || Number.isNaN(last) ? "-" : `${text(first)} to ${text(last)} UTC`
}

function phases({ metrics, summary }: RunLogs): Html {
  const sum = (name: string): number => sumOf(metrics, `time.${name}`).sum
  const all = sum("seconds")
  const known = [["sampling", sum("sampleSeconds")], ["verifying", sum("verifySeconds")], ["training", sum("trainSeconds")]] as const
  const rest = Math.max(0, all - known.reduce((total, [, seconds]) => total + seconds, 0))
  const { serverSeconds, clientSeconds } = summary.time
  // Another cut through the same time.
  const sides = serverSeconds === undefined || clientSeconds === undefined ? [] : [["of all steps, waiting for the server", serverSeconds], ["of all steps, own code beside it", clientSeconds]] as const
  const rows = [...known, ["other (scores, accuracy of every step)", rest] as const, ["all steps", all] as const, ...sides]
  return table([["phase", "seconds", "share", "a step"], ...rows.map(([name, seconds]) => [name, seconds.toFixed(1), all > 0 ? percent(seconds / all) : "-", metrics.rows > 0 ? `${short(seconds / metrics.rows)} s` : "-"])])
}

/** Signal, memory and time, as the run said them before its first update. */
export function startSection({ start }: RunLogs): Html {
  if (start.length === 0)
    return html`<p class="note">
      The log does not say: the first step was not sampled yet, or an older version made it.
    </p>`
  return facts(start)
}

/** The improvement timeline, and whether what was reinforced had helped. */
export function improvement(run: RunLogs): Html {
  const { timeline, summary } = run
  if (timeline.step.length === 0) return html`<p class="note">No steps yet.</p>`
  const words = outcomeWords(timeline.judge)
  const rows = outcomes.map((outcome) => {
    const { updates, rose, fell, meanChange } = timeline.totals[outcome]
    return [words[outcome], short(updates), short(rose), short(fell), rose + fell === 0 ? "-" : percent(rose / (rose + fell)), meanChange === null ? "-" : signed(100 * meanChange, 3)]
  })
  const picture = new Html(timelineSvg(timeline, `Improvement timeline of ${run.name}`))
  const explained = `${timelineGuide(timeline.judge)} Under them, what the update did to held-out accuracy.`
  return html`<figure class="scroll wide">${picture}</figure><p class="note">${explained}</p>
${table([["update was", "updates", "accuracy rose", "fell", "rose, share", "mean change, points"], ...rows])}${agreement(summary.signal)}`
}

function agreement({ againstPrevious, againstWindow, betweenEvaluations, size, source }: RunLogs["summary"]["signal"]): HtmlPart {
  const kinds = [
    ["the change of that update", againstPrevious],
    ["the change against the window", againstWindow],
  ] as const
  const rows = kinds.flatMap(([name, found]) => (found === null || found.judged === 0 ? [] : [agreementRow(name, found)]))
  const between = betweenEvaluations
  const stretches = between === null || between.agreement === null ? undefined : html`<p>Between evaluations the sign of the signal agreed with the change in ${percent(between.agreement.value)} of ${between.judged} stretches (95 %: ${rangeText(between.agreement)}); ${between.undecidable} undecidable, their change lies inside its noise.</p>`
  const noise = size === null ? undefined : html`<p>Size of the signal: above one standard error of its own in ${percent(size.above1)} of ${size.steps} steps, above two in ${percent(size.above2)}; noise alone gives ${percent(noiseAbove1)} and ${percent(noiseAbove2)}.</p>`
  if (rows.length === 0 && stretches === undefined && noise === undefined) return undefined
  const head = ["verdicts against", "judged", "agreed", "by chance", "p", "precision of \u201chelped\u201d", "recall", "all that helped"]
  const origin = source === "logged" ? "verdicts of the run" : "computed from the mean rewards, since the run judged no update"
  return html`<h3>Was the signal right?</h3>${rows.length === 0 ? undefined : table([head, ...rows])}<p class="note">Shares with 95 % intervals; ${origin}.</p>${stretches}${noise}`
}

function agreementRow(name: string, found: Agreement): HtmlPart[] {
  const share = (interval: Interval | null): string => (interval === null ? "-" : `${percent(interval.value)} (${rangeText(interval)})`)
  const p = found.pValueShifted ?? found.pValue
  return [name, found.judged, share(found.agreement), percent(found.byChance), p === null ? "-" : p < 0.001 ? "< 0.001" : p.toFixed(p < 0.1 ? 3 : 2), share(found.precision), share(found.recall), share(found.baseRate)]
}

/** Every curve that the run has, as on the dashboard. */
export function curves({ columns }: RunLogs): Html {
  const figures = (specs: readonly ChartSpec[]): Html[] => specs.flatMap((spec) => figure(spec, columns) ?? [])
  const main = figures(chartSpecs)
  if (main.length === 0) return html`<p class="note">No steps yet.</p>`
  const others = figures(otherSpecs([columns]))
  const rest = others.length === 0 ? undefined : html`<details><summary>${others.length} more metrics</summary><div class="charts">${others}</div></details>`
  return html`<div class="charts">${main}</div>${rest}`
}

function figure(spec: ChartSpec, run: RunLogs["columns"]): Html | undefined {
  const lines = spec.lines(run, true).map((line): ChartLine => {
    const { line: shown, x } = placed(line, run.steps(line.log), 0)
    return { ...shown, x }
  })
  if (lines.length === 0) return undefined
  const keys = lines.length === 1 && lines[0]!.points === undefined ? [] : lines.map((line, i) => html`<span class="key">${new Html(`<svg viewBox="0 0 16 8" class="${lineColor(line, i)}" aria-hidden="true"><rect class="${lineColor(line, i)} fill" y="2" width="16" height="4"/></svg>`)}${line.label}</span>`)
  return html`<figure><figcaption><b>${spec.title}</b><span class="unit">${spec.unit}</span> ${keys}</figcaption>${new Html(chartSvg(spec.title, lines, spec.isShare ?? false))}</figure>\n`
}

/** Alarms with what to try. */
export function alarmList({ alarms }: RunLogs): Html {
  if (alarms.length === 0) return html`<p class="note">None.</p>`
  return html`${alarms.map(({ severity, step, message, advice }) => html`<article class="alarm ${severity === "serious" ? "serious" : ""}"><p><b>${message}</b></p><p class="note">${step === null ? "" : `Since step ${step}. `}Try: ${advice}</p></article>\n`)}`
}

/** The newest events. */
export function eventList({ events }: RunLogs): Html {
  if (events.length === 0) return html`<p class="note">None.</p>`
  const left = events.length > shownEvents ? html`<p class="note">The newest ${shownEvents} of ${events.length}.</p>` : undefined
  const rows = events.slice(-shownEvents).map(({ at, step, kind, message }) => [at ?? "-", step ?? "-", kind, message])
  return html`${left}<div class="words">${table([["time", "step", "kind", "message"], ...rows])}</div>`
}

/** Responses of a step, side by side. */
export function completions(groups: readonly CompletionGroup[], { metrics }: Pick<RunLogs, "metrics">): Html {
  if (groups.length === 0) return html`<p class="note">No response was kept (logging.completionsPerStep).</p>`
  return html`${groups.map(({ step, group, responses }) => {
    const first = responses[0]!
    const gold = first.gold === null ? undefined : html`<p class="note">Gold answer: ${first.gold}</p>`
    const judged = judgementOf(metrics, step)
    const lookBack = judged === null ? undefined : html`<p class="note">${judgementText(judged)}</p>`
    return html`<h3>Step ${step}${group === null ? "" : `, group ${group}`}: ${first.problem}</h3><pre>${first.prompt}</pre>${gold}${lookBack}<div class="cards">${responses.map((response) => card(response, improvementReward(response.attribution, judged)))}</div>\n`
  })}`
}

function card({ reward, status, advantage, extracted, reason, stopReason, completion, characters, bytes: size }: Completion, piReward: number | null): Html {
  const notes = [advantage === null ? "" : `advantage ${signed(advantage)}`, piReward === null ? "" : `PI reward ${signed(piReward)}`, extracted === null ? "" : `answer ${extracted}`, stopReason === null ? "" : `stopped: ${stopReason}`]
  const isCut = characters === null || characters > completion.length
  return html`<article><p><span class="${reward !== null && reward >= 0.5 ? "right" : "wrong"}">${short(reward)}</span> ${status ?? ""}</p>
<p class="note">${notes.filter((note) => note !== "").join(" \u00b7 ")}</p>${reason === null ? undefined : html`<p class="note">Verifier: ${reason}</p>`}<pre>${completion}</pre>${isCut ? html`<p class="note">Shown cut, of ${bytes(size)}.</p>` : undefined}</article>\n`
}

/** config.yaml as it is. */
export function configText({ configYaml }: RunLogs): Html {
  const cut = configYaml.length > longestConfig ? html`<p class="note">Shown cut, of ${bytes(configYaml.length)}.</p>` : undefined
  return html`<details><summary>config.yaml, resolved</summary><pre>${configYaml.slice(0, longestConfig)}</pre>${cut}</details>`
}
