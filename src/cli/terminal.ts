/**
 * What a run shows while it trains, on the error stream: a live line on a terminal, plain lines elsewhere. With --json
 * the steps are results, and go to the standard output.
 */
import type { EvaluationLine, MetricsLine, Verdict } from "../runs/index.ts"
import type { EvaluationProgress, TrainObserver, WarmStartState } from "../trainer/train.ts"
import { progressStream } from "./command.ts"
import type { CliContext, OutputStream } from "./command.ts"
import { formatCount, formatDuration, signed } from "./format.ts"

/** live: one line redrawn; plain: a line per step; json: a JSON object per step, all else on the error stream. */
export type ReportMode = "live" | "plain" | "json"

/** A TrainObserver that prints. */
export interface ProgressReporter extends TrainObserver {
  /** What is said with --quiet too. */
  say(text: string): void
  onStep(line: MetricsLine): void
  onEvaluation(line: EvaluationLine): void
  /** Ends the live line. */
  close(): void
}

/** Between two lines of progress that no terminal shows in place. */
const LINE_SECONDS = 5

/** How a run on these streams is shown. */
export function reportMode(context: CliContext, json: boolean): ReportMode {
  if (json) return "json"
  return context.err.isTTY === true && context.env["TERM"] !== "dumb" ? "live" : "plain"
}

/**
 * True when colours are wanted: a terminal, and no NO_COLOR.
 * @param stream  that the text goes to
 */
export function wantsColor({ out, env }: CliContext, stream: OutputStream = out): boolean {
  return stream.isTTY === true && env["TERM"] !== "dumb" && (env["NO_COLOR"] ?? "") === ""
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
  const { err } = context
  const quiet = context.verbosity === "quiet"
  const live = mode === "live" && !quiet
  const progress = progressStream(context)
  const pace = createPace(now)
  const color = wantsColor(context, err)
  /** The first evaluation, which gains are counted from. */
  let start: EvaluationLine | undefined
  let evaluation: EvaluationLine | undefined
  let warmLineAt = 0
  let liveLine = ""
  /** What the live line shows but for the progress of an evaluation or a warm start. */
  let stepLine = ""

  const width = (): number => (err.columns || 80) - 1
  const print = (text: string, stream: OutputStream = progress): void => {
    stream.write(live ? `${clearLine}${text}\n${liveLine}` : `${text}\n`)
  }
  const redraw = (text: string): void => {
    liveLine = text
    err.write(`${clearLine}${liveLine}`)
  }

  return {
    onStep(line) {
      if (mode === "json") context.out.write(`${JSON.stringify(line)}\n`)
      pace.tick(line.step)
      const parts = stepParts(line, steps)
      if (evaluation !== undefined) parts.push({ text: `held-out ${describeHeadline(evaluation, start)}` })
      parts.push(...speedParts(line, pace.secondsPerStep() * (steps - line.step)))
      const phases = context.verbosity === "verbose" ? phasesOf(line) : phaseShares(line)
      if (phases !== "") parts.push({ text: phases })
      if (live) {
        stepLine = fit(parts, width(), color)
        redraw(stepLine)
      } else if (mode === "plain") print(parts.map(({ text }) => text).join("  "))
    },
    onEvaluation(line) {
      evaluation = line
      start ??= line
      liveLine = stepLine
      print(`step ${line.step}: held-out ${describeAccuracies(line, start)} of ${line.size} problems`)
    },
    onEvaluationProgress(state) {
      const text = describeProgress(state)
      if (live) redraw(text.slice(0, width()))
      else print(text)
    },
    onWarmStartProgress(state) {
      const text = describeWarmStart(state)
      if (live) {
        redraw(text.slice(0, width()))
        return
      }
      if (state.seconds - warmLineAt < LINE_SECONDS) return
      warmLineAt = state.seconds
      print(text)
    },
    onNote(text) {
      if (text.startsWith("warm start: held-out")) liveLine = stepLine
      print(text, isWarning(text) ? err : progress)
    },
    say: (text) => print(text, err),
    close() {
      if (liveLine !== "") err.write("\n")
      liveLine = ""
    },
  }
}

/** What --quiet does not leave out. */
function isWarning(text: string): boolean {
  return /^(?:warning|engine): |not applied|could not be measured|^the saved model/.test(text)
}

type Phase = readonly [name: string, seconds: number]

/** What the time of a step went into, and the checkpoint before it. */
function phasesIn({ time }: MetricsLine): Phase[] {
  const phases = [
    ["sampling", time.sampleSeconds],
    ["verifying", time.verifySeconds],
    ["training", time.trainSeconds],
    ["checkpoint", time.checkpointSeconds],
  ] as const
  return phases.flatMap(([name, seconds]): Phase[] => (seconds === undefined ? [] : [[name, seconds]]))
}

function phasesOf(line: MetricsLine): string {
  return phasesIn(line).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}s`).join(", ")
}

/** Phases that took a share worth naming. */
function phaseShares(line: MetricsLine): string {
  const phases = phasesIn(line)
  const total = phases.reduce((sum, [, seconds]) => sum + seconds, 0)
  const shares = phases.map(([name, seconds]) => [name, Math.round((100 * seconds) / total)] as const)
  return shares.filter(([, share]) => share >= 1).map(([name, share]) => `${name} ${share} %`).join(", ")
}

function describeWarmStart({
  step,
  loss,
  accuracy,
  targetAccuracy,
  maxSteps,
  stepsHere,
  seconds,
}: WarmStartState): string {
  const measured = accuracy === undefined ? "" : `  held-out ${accuracy.toFixed(3)} of ${targetAccuracy}`
  // At most: it ends before the last step once the target is reached.
  const left = stepsHere === 0 ? "" : `  at most ${formatDuration((seconds / stepsHere) * (maxSteps - step))} left`
  return `warm start: step ${step}/${maxSteps}  loss ${loss.toFixed(3)}${measured}${left}`
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
