/**
 * What a run shows while it trains: a live line on a terminal, plain lines elsewhere, or JSON.
 */
import type { EvaluationLine, MetricsLine, Verdict } from "../runs/index.ts"
import type { EvaluationProgress, TrainObserver } from "../trainer/train.ts"
import type { CliContext } from "./command.ts"
import { formatCount, formatDuration, signed } from "./format.ts"

/** live: one line redrawn; plain: a line per step; json: a JSON object per step, all else on the error stream. */
export type ReportMode = "live" | "plain" | "json"

/** A TrainObserver that prints. */
export interface ProgressReporter extends TrainObserver {
  /** Ends the live line. */
  close(): void
}

/** How a run on these streams is shown. */
export function reportMode(context: CliContext, json: boolean): ReportMode {
  if (json) return "json"
  return context.out.isTTY === true && context.env["TERM"] !== "dumb" ? "live" : "plain"
}

/** True when colours are wanted: a terminal, and no NO_COLOR. */
export function wantsColor({ out, env }: CliContext): boolean {
  return out.isTTY === true && env["TERM"] !== "dumb" && (env["NO_COLOR"] ?? "") === ""
}

const colors: Readonly<Record<Verdict, string>> = {
  improved: "\u001B[32m",
  regressed: "\u001B[31m",
  undecided: "\u001B[2m",
}
const resetColor = "\u001B[0m"
const clearLine = "\r\u001B[2K"

/**
 * Prints a run.
 * @param steps  number of the last step, for the time left
 * @param now  clock in milliseconds
 */
export function createReporter(
  mode: ReportMode,
  context: CliContext,
  steps: number,
  now: () => number = Date.now,
): ProgressReporter {
  if (mode === "json") return jsonReporter(context)
  const pace = createPace(now)
  const color = wantsColor(context)
  /** The first evaluation, which gains are counted from. */
  let start: EvaluationLine | undefined
  let evaluation: EvaluationLine | undefined
  let liveLine = ""
  /** What the live line shows but for an evaluation's progress. */
  let stepLine = ""

  const print = (text: string): void => {
    context.out.write(mode === "live" ? `${clearLine}${text}\n${liveLine}` : `${text}\n`)
  }

  return {
    onStep(line) {
      pace.tick(line.step)
      const parts = stepParts(line, steps)
      if (evaluation !== undefined) parts.push({ text: `held-out ${describeHeadline(evaluation, start)}` })
      parts.push(...speedParts(line, pace.secondsPerStep() * (steps - line.step)))
      if (mode === "plain") {
        print(parts.map(({ text }) => text).join("  "))
        return
      }
      stepLine = fit(parts, (context.out.columns ?? 80) - 1, color)
      liveLine = stepLine
      context.out.write(`${clearLine}${liveLine}`)
    },
    onEvaluation(line) {
      evaluation = line
      start ??= line
      liveLine = stepLine
      print(`step ${line.step}: held-out ${describeAccuracies(line, start)} of ${line.size} problems`)
    },
    onEvaluationProgress(progress) {
      const text = describeProgress(progress)
      if (mode === "plain") {
        context.err.write(`${text}\n`)
        return
      }
      liveLine = text.slice(0, (context.out.columns ?? 80) - 1)
      context.out.write(`${clearLine}${liveLine}`)
    },
    onNote: print,
    close() {
      if (liveLine !== "") context.out.write("\n")
      liveLine = ""
    },
  }
}

function jsonReporter({ out, err }: CliContext): ProgressReporter {
  return {
    onStep: (line) => out.write(`${JSON.stringify(line)}\n`),
    onEvaluation: (line) => err.write(`step ${line.step}: held-out ${describeAccuracies(line, undefined)}\n`),
    onEvaluationProgress: (progress) => err.write(`${describeProgress(progress)}\n`),
    onNote: (text) => err.write(`${text}\n`),
    close: () => undefined,
  }
}

/** A piece of the line; those at the end are dropped first when the terminal is narrow. */
interface LinePart {
  readonly text: string
  readonly color?: string
}

function stepParts(line: MetricsLine, steps: number): LinePart[] {
  const step = `step ${String(line.step).padStart(String(steps).length)}/${steps}`
  const parts: LinePart[] = [{ text: step }, { text: `reward ${line.mu.toFixed(3)}` }]
  if (typeof line.xi === "number") {
    const verdict = line.verdict ?? undefined
    const text = `xi ${signed(line.xi, 2)}${verdict === undefined ? "" : ` ${verdict}`}`
    parts.push(verdict === undefined ? { text } : { text, color: colors[verdict] })
  }
  return parts
}

function speedParts(line: MetricsLine, secondsLeft: number): LinePart[] {
  const parts: LinePart[] = []
  const tokens = (line.sampledTokens ?? 0) + (line.trainedTokens ?? 0)
  if (tokens > 0 && line.time.seconds > 0) parts.push({ text: `${formatCount(tokens / line.time.seconds)} tok/s` })
  if (Number.isFinite(secondsLeft)) parts.push({ text: `${formatDuration(secondsLeft)} left` })
  return parts
}

function describeProgress({ step, responses, share, total, seconds }: EvaluationProgress): string {
  // At most: responses that end early are counted once they have.
  const left = share === 0 ? "" : `, at most ${formatDuration((seconds / share) * (1 - share))} left`
  return `step ${step}: evaluating, ${responses} of ${total} responses after ${formatDuration(seconds)}${left}`
}

/** `greedy 0.946 (+0.324)` of each accuracy that was measured; greedy, the headline, first. */
function accuracyTexts(line: EvaluationLine, start: EvaluationLine | undefined): string[] {
  return (["greedy", "expected"] as const).flatMap((kind) => {
    const [now, first] = [line[`${kind}Accuracy`], start?.[`${kind}Accuracy`]]
    if (now === undefined) return []
    return [`${kind} ${now.toFixed(3)}${first === undefined ? "" : ` (${signed(now - first, 3)})`}`]
  })
}

function describeAccuracies(line: EvaluationLine, start: EvaluationLine | undefined): string {
  return accuracyTexts(line, start).join(", ") || "-"
}

/** The one that a run is summed up by. */
function describeHeadline(line: EvaluationLine, start: EvaluationLine | undefined): string {
  return accuracyTexts(line, start)[0] ?? "-"
}

function fit(parts: readonly LinePart[], width: number, color: boolean): string {
  let length = -2
  const shown = parts.filter(({ text }) => (length += text.length + 2) <= width)
  return shown
    .map((part) => (color && part.color !== undefined ? `${part.color}${part.text}${resetColor}` : part.text))
    .join("  ")
}

/** Wall seconds per step over the last steps, evaluations and checkpoints included. */
function createPace(now: () => number): { tick(step: number): void; secondsPerStep(): number } {
  const ticks: { readonly step: number; readonly at: number }[] = []
  return {
    tick(step) {
      ticks.push({ step, at: now() })
      if (ticks.length > 21) ticks.shift()
    },
    secondsPerStep() {
      const first = ticks[0]
      const last = ticks.at(-1)
      if (first === undefined || last === undefined || last.step === first.step) return Number.NaN
      return (last.at - first.at) / 1000 / (last.step - first.step)
    },
  }
}
