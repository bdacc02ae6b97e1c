/**
 * The training loop: iterate, log, measure, save. Which updates an iteration takes is the update rule's business; the loop
 * executes its plan and knows nothing of PIPO.
 */
import { join } from "node:path"
import type { SampleProgress } from "../engine/engine.ts"
import { evaluateHeldOut, type HeldOutResult } from "../evaluation/held-out.ts"
import type { FileHashes } from "../integrity/index.ts"
import {
  idleGpuText,
  lastWarmStep,
  readJsonl,
  summarizeRun,
  type EvaluationLine,
  type MetricsLine,
  type ResumePoint,
  type RunFolder,
  type RunSummary,
} from "../runs/index.ts"
import { BestEvaluated } from "./best-evaluated.ts"
import { keepData } from "./data-record.ts"
import { warnOfGap } from "./gap-alarm.ts"
import { takeFirstLook } from "./first-look.ts"
import { iterate, type PlannedStep, type RunState } from "./iteration.ts"
import { adaptiveCoefficient, klController } from "./kl-control.ts"
import { localGpus } from "./idle-gpu.ts"
import { KeptPolicy } from "./kept-policy.ts"
import type { MemoryForecast } from "./memory-forecast.ts"
import { endlessWarning } from "./policy.ts"
import { withPromptDate } from "./prompt-date.ts"
import { ReferencePolicy } from "./reference-policy.ts"
import { probeComponents } from "./reward-components.ts"
import type { ForecastCheck } from "./run-forecast.ts"
import { runParts, VERIFIER_TIMEOUT_MS, type RunInputs, type RunParts } from "./run-parts.ts"
import { Safeguards } from "./safeguards.ts"
import { saveTrainedModel } from "./saved-policy.ts"
import { readTrainerState, writeTrainerState } from "./trainer-state.ts"
import { Stopping } from "./stopping.ts"
import { warmStart, warmStartMeasure } from "./warm-start.ts"
import { WarmStartPoints } from "./warm-start-points.ts"

/** How far the greedy responses of an evaluation are. */
export interface EvaluationProgress extends SampleProgress {
  readonly step: number
  /** Responses in all. */
  readonly total: number
  /** Since it began. */
  readonly seconds: number
}

/** What a callback may do to the run that it hears of. */
export interface TrainControl {
  /**
   * Ends the run after this step: it is evaluated, saved and finished, with its model, its summary and this reason. A
   * signal that aborts a run leaves it unfinished instead.
   */
  stop(reason: string): void
}

/** Hears of a run as it goes. */
export interface TrainObserver {
  onStep(line: MetricsLine, control: TrainControl): void
  onEvaluation(line: EvaluationLine, control: TrainControl): void
  /** After each step of the warm start. */
  onWarmStartProgress?(progress: WarmStartState): void
  /** Every few seconds of an evaluation. */
  onEvaluationProgress?(progress: EvaluationProgress): void
  /** Something a person should know: a resume, an alarm, a step that was not applied. */
  onNote(text: string): void
}

/** How far a warm start is. */
export interface WarmStartState {
  readonly step: number
  readonly loss: number
  /** Held-out accuracy when it was measured last. */
  readonly accuracy: number | undefined
  readonly targetAccuracy: number
  /** It ends after this step at the latest. */
  readonly maxSteps: number
  /** Steps since it began, or went on. */
  readonly stepsHere: number
  /** Since then. */
  readonly seconds: number
}

export interface TrainRun extends RunInputs {
  /** Open and locked; the caller closes it. */
  readonly folder: RunFolder
  /** Where to go on; undefined for a new run. */
  readonly resume: ResumePoint | undefined
  readonly observer: TrainObserver
  /** What the run was expected to need when its policy was opened, where that is known. */
  readonly memory?: MemoryForecast | undefined
  /** True once the run should finish its step, write a checkpoint and return. */
  readonly stopRequested: () => boolean
  /**
   * Aborted: the run does the same, but gives up what is under way where nothing but its time is lost: an evaluation, a
   * step whose updates have not begun, a step of the warm start. With `train.overlap` a step is always finished.
   */
  readonly stop?: AbortSignal | undefined
}

export interface TrainResult {
  /** False when it was interrupted before its last step; true for one that a callback ended. */
  readonly finished: boolean
  /** Last step made. */
  readonly step: number
  readonly summary: RunSummary
  /** What was given up, e.g. `step 7`; absent where nothing was. */
  readonly gaveUp?: string | undefined
}

/** Where a run stands before its next step. */
interface Position {
  readonly step: number
  readonly safeguards: Safeguards
  readonly state: RunState
  /** With `evaluation.keepBest`. */
  readonly bestEvaluated: BestEvaluated | undefined
  readonly ending: Ending
  /** The evaluation of the step is still to be made. */
  evaluationDue: boolean
  /** What was given up, where the run was stopped. */
  gaveUp?: string
  /** Of the checkpoints that no line of metrics tells of yet. */
  checkpointSeconds: number
}

/** Whether a callback has ended the run, and why; the first reason counts. */
class Ending implements TrainControl {
  reason: string | undefined

  readonly stop = (reason: string): void => {
    this.reason ??= String(reason)
  }
}

/**
 * Trains until the last step or until asked to stop. The caller closes engine and folder.
 * @throws NumericsError after three updates in a row whose loss or gradients were not finite
 */
export async function train(given: TrainRun): Promise<TrainResult> {
  const config = withPromptDate(given.config, given.tokenizer, given.folder.directory)
  // A batch that is sampled ahead was drawn by a policy that is gone by the end of the step.
  const stop = config.train.overlap ? undefined : given.stop
  const stopping = new Stopping(given.engine, stop)
  const stopRequested = (): boolean => given.stopRequested() || given.stop?.aborted === true
  const run: StoppableRun = { ...given, config, engine: stopping.engine, stop, stopping, stopRequested }
  const parts = runParts(run)
  try {
    return await trainWith(run, parts)
  } finally {
    // After an error a batch may be under way.
    await parts.rollouts.abandon()
  }
}

/** A run with what it can be stopped by. */
type StoppableRun = TrainRun & { readonly stopping: Stopping }

async function trainWith(run: StoppableRun, parts: RunParts): Promise<TrainResult> {
  const { config, folder, observer, stopRequested, stopping, task } = run
  const unchecked = keepData(folder.directory, task, run.resume?.checkpoint?.step)
  const endless = endlessWarning(config, run.eosTokens)
  const data = [...(task.notes ?? []).map((note) => `data: ${note}`), ...(unchecked === undefined ? [] : [unchecked])]
  for (const note of data) folder.logEvent("data", note)
  if (endless !== undefined) folder.logEvent("alarm", endless, { alarm: "no-end-token" })
  for (const note of [...data, ...(endless === undefined ? [] : [`warning: ${endless}`])]) observer.onNote(note)
  if (parts.scoring.rewards) await probeComponents(config, run.task, VERIFIER_TIMEOUT_MS)
  const idleGpus = config.engine.kind === "onnx" ? localGpus() : []
  if (run.resume === undefined && idleGpus.length > 0) observer.onNote(`note: ${idleGpuText(idleGpus)}`)
  sayNotes(run, run.resume?.checkpoint?.step ?? 0)
  const position = run.resume?.checkpoint === undefined ? await begin(run, parts) : await resumeAt(run, parts, run.resume.checkpoint)
  if (position === undefined) return finish(run, 0, { gaveUp: "the warm start", checkpointSeconds: 0 })
  const { safeguards, state, ending } = position
  let { step } = position
  if (position.evaluationDue && !stopRequested()) await evaluatePosition(run, parts, position, step)

  let forecast: ForecastCheck | undefined
  const firstLook = async (planned: PlannedStep): Promise<void> => {
    forecast = await takeFirstLook({ parts, folder, memory: run.memory, idleGpus, onNote: observer.onNote }, planned)
  }
  let ended = ending.reason !== undefined
  while (step < config.train.steps && !ended && !stopRequested()) {
    const prompts = config.train.overlap ? undefined : parts.rollouts.state()
    const made = await stopping.part(() => iterate(parts, step + 1, state, step === 0 ? firstLook : undefined))
    if (made === undefined) {
      position.gaveUp = `step ${step + 1}`
      parts.rollouts.restore(step, prompts, undefined)
      if (folder.checkpoints.newest()?.step !== step) await checkpoint(run, parts, position, step)
      break
    }
    step += 1
    const iteration = made.result
    const metrics = withCheckpointTime(iteration.metrics, position)
    sayNotes(run, step)
    folder.logMetrics(metrics)
    folder.logCompletions(step, iteration.completions)
    observer.onStep(metrics, ending)
    const correction = forecast?.afterStep(step, iteration.metrics.time.seconds)
    if (correction !== undefined) observer.onNote(correction)
    safeguards.inspect(step, iteration)
    await state.reference?.advance(step)
    const isLast = (): boolean => step === config.train.steps || ending.reason !== undefined
    if (isLast() || step % config.evaluation.every === 0) await evaluatePosition(run, parts, position, step)
    // A wish to end that comes later than this is one for the next step, so that the last step is evaluated and saved.
    ended = isLast()
    if (ended || step % config.checkpoint.every === 0 || stopRequested()) await checkpoint(run, parts, position, step)
  }
  return finish(run, step, position)
}

/** The line of a step, with the time of the checkpoints since the one before. */
function withCheckpointTime(metrics: MetricsLine, position: Position): MetricsLine {
  const { checkpointSeconds } = position
  position.checkpointSeconds = 0
  return checkpointSeconds === 0 ? metrics : { ...metrics, time: { ...metrics.time, checkpointSeconds } }
}

/** The evaluation that belongs to a step; a run that goes on later makes up for one that was given up. */
async function evaluatePosition(run: StoppableRun, parts: RunParts, position: Position, step: number): Promise<void> {
  // Killed after it was logged, and before the next checkpoint: it is there already.
  const logged = position.evaluationDue && evaluationsOf(run.folder).some((line) => line.step === step)
  const evaluated = logged ? { result: undefined } : await run.stopping.part(() => evaluate(run, parts, position, step))
  position.evaluationDue = evaluated === undefined
  if (position.evaluationDue) position.gaveUp = `the evaluation after step ${step}`
}

function evaluationsOf({ directory }: RunFolder): EvaluationLine[] {
  return readJsonl(join(directory, "evaluations.jsonl")).records as unknown as EvaluationLine[]
}

/** Tells what the engine has to say, e.g. that its server was lost and found again. */
function sayNotes({ engine, folder, observer }: TrainRun, step: number): void {
  for (const note of engine.takeNotes?.() ?? []) {
    folder.logEvent("engine", note, { step })
    observer.onNote(`engine: ${note}`)
  }
}

/** The start of a new run: warm start, first evaluation, reference policy, checkpoint of step 0. */
async function begin(run: StoppableRun, parts: RunParts): Promise<Position | undefined> {
  const { config, folder, observer } = run
  const points = new WarmStartPoints(folder)
  if (config.warmStart.enabled && !(await learnFromSolutions(run, parts, points))) return undefined
  const safeguards = new Safeguards(folder, observer.onNote)
  const position: Position = {
    step: 0,
    safeguards,
    state: runState(run, parts),
    bestEvaluated: keptBest(run),
    ending: new Ending(),
    evaluationDue: false,
    checkpointSeconds: 0,
  }
  await evaluatePosition(run, parts, position, 0)
  await position.state.reference?.advance(0)
  await checkpoint(run, parts, position, 0)
  points.clear()
  return position
}

function keptBest({ config, engine }: TrainRun): BestEvaluated | undefined {
  return config.evaluation.keepBest ? new BestEvaluated(engine, config.evaluation.greedy) : undefined
}

async function resumeAt(run: TrainRun, parts: RunParts, { path, step }: { readonly path: string; readonly step: number }): Promise<Position> {
  const { engine, folder, observer } = run
  await engine.load(path)
  const saved = readTrainerState(path)
  parts.rule.restore(saved.rule)
  // Without a record of it, every step so far took its prompts and no others.
  parts.rollouts.restore(step, saved.prompts ?? { position: step * parts.config.rollout.promptsPerStep, memory: null }, saved.ahead)
  const state = runState(run, parts, saved.klCoefficient)
  await state.reference?.resume(step)
  await state.previous?.load(path)
  await state.best.load(path)
  const bestEvaluated = keptBest(run)
  if (saved.bestEvaluation !== undefined) await bestEvaluated?.load(path, saved.bestEvaluation)
  // Where the run kept none before, its policy of now is the first candidate.
  else if (bestEvaluated !== undefined) await observeAgain(run, bestEvaluated, step)
  const safeguards = new Safeguards(folder, observer.onNote, saved.refused)
  const evaluationDue = saved.evaluationDue === true
  return { step, safeguards, state, bestEvaluated, ending: new Ending(), evaluationDue, checkpointSeconds: 0 }
}

async function observeAgain({ folder }: TrainRun, bestEvaluated: BestEvaluated, step: number): Promise<void> {
  const line = evaluationsOf(folder).findLast((evaluation) => evaluation.step === step)
  if (line !== undefined) await bestEvaluated.observe(line)
}

/** @param klCoefficient  where a resumed run stood */
function runState({ config, engine, folder }: TrainRun, { rule, needsReference }: RunParts, klCoefficient?: number): RunState {
  return {
    reference: needsReference ? new ReferencePolicy(engine, folder, config.objective.referenceEvery) : undefined,
    previous: rule.comparesWithPrevious === true ? new KeptPolicy(engine, "previous") : undefined,
    best: new KeptPolicy(engine, "best"),
    kl: klController(config.objective, klCoefficient),
  }
}

/** @returns false when it was stopped; then the point that it goes on from is saved */
async function learnFromSolutions(run: StoppableRun, parts: RunParts, points: WarmStartPoints): Promise<boolean> {
  const { config, engine, folder, observer, stopRequested, stopping } = run
  const { targetAccuracy, maxSteps } = config.warmStart
  const measure = warmStartMeasure({ config, task: parts.heldOut.task })
  observer.onNote(
    `warm start: learning from solutions until the ${measure} held-out accuracy reaches ${targetAccuracy}`,
  )
  const from = run.resume === undefined ? undefined : points.newest()
  if (from !== undefined) await engine.load(from.path)
  const started = performance.now()
  let measured: number | undefined
  const result = await warmStart({
    ...parts.heldOut,
    config,
    stopRequested,
    stopping,
    ...(from === undefined ? {} : { from }),
    onPoint: (point) => points.write(engine, point),
    onProgress: ({ step, loss, accuracy }) => {
      measured = accuracy ?? measured
      const [stepsHere, seconds] = [step - (from?.step ?? 0), (performance.now() - started) / 1000]
      observer.onWarmStartProgress?.({ step, loss, accuracy: measured, targetAccuracy, maxSteps, stepsHere, seconds })
    },
  })
  if (result.stopped !== undefined) {
    if (result.steps > 0 && result.steps !== lastWarmStep(folder.directory)) await points.write(engine, result.stopped)
    return false
  }
  await engine.resetOptimizer()
  const message = `warm start: held-out accuracy ${result.accuracy.toFixed(3)} ${measure} after ${result.steps} steps`
  folder.logEvent("warm-start", message, { step: 0, ...result })
  observer.onNote(result.reached ? message : `${message}, short of the target of ${targetAccuracy}`)
  return true
}

async function evaluate(run: StoppableRun, parts: RunParts, position: Position, step: number): Promise<void> {
  const { config, folder, observer } = run
  const { greedy, expected, size, stepSize } = config.evaluation
  const started = performance.now()
  const elapsed = (): number => (performance.now() - started) / 1000
  const onProgress = (progress: SampleProgress, total: number): void => observer.onEvaluationProgress?.({ ...progress, step, total, seconds: elapsed() })
  const result = await evaluateHeldOut(parts.heldOut, {
    greedy,
    expected,
    onProgress,
    ...(size === "all" ? {} : { size }),
    ...(step === 0 ? { stepSize } : {}),
  })
  const line: EvaluationLine = { step, ...result, ...improvement(folder, result), time: { at: new Date().toISOString(), seconds: elapsed() } }
  folder.logEvaluation(line)
  await position.bestEvaluated?.observe(line)
  warnOfGap(folder, observer, step)
  observer.onEvaluation(line, position.ending)
}

/** J(theta_t) - J(theta_0), by each measure, from the run's first evaluation on. */
function improvement(folder: RunFolder, now: HeldOutResult): Record<string, number> {
  const [start] = evaluationsOf(folder)
  const since = (name: string, value: number | undefined, first: number | undefined): Record<string, number> =>
    value === undefined ? {} : { [name]: value - (first ?? value) }
  return {
    ...since("greedyImprovement", now.greedyAccuracy, start?.greedyAccuracy),
    ...since("expectedImprovement", now.expectedAccuracy, start?.expectedAccuracy),
  }
}

async function checkpoint(run: TrainRun, parts: RunParts, position: Position, step: number): Promise<void> {
  const { config, engine, folder } = run
  const { safeguards, state, bestEvaluated } = position
  const started = performance.now()
  const ahead = await parts.rollouts.ahead()
  const fill = async (directory: string): Promise<FileHashes> => {
    const ofEngine = await engine.save(directory)
    const ofPrevious = await state.previous?.save(directory)
    const ofBest = await state.best.save(directory)
    const ofBestEvaluated = await bestEvaluated?.save(directory)
    writeTrainerState(directory, {
      rule: parts.rule.state(),
      refused: safeguards.refused,
      prompts: parts.rollouts.state(),
      ...(ahead === undefined ? {} : { ahead }),
      ...adaptiveCoefficient(config.objective, state.kl),
      ...(position.evaluationDue ? { evaluationDue: true } : {}),
      ...(bestEvaluated?.best === undefined ? {} : { bestEvaluation: bestEvaluated.best }),
    })
    return new Map([...(ofEngine ?? []), ...(ofPrevious ?? []), ...ofBest, ...(ofBestEvaluated ?? [])])
  }
  await folder.checkpoints.write(step, fill, state.reference?.needed(step))
  position.checkpointSeconds += (performance.now() - started) / 1000
}

/**
 * Sums the run up from its logs; one that reached its last step, or that a callback ended, gets model and summary.json.
 */
async function finish(
  run: StoppableRun,
  step: number,
  { gaveUp, checkpointSeconds, bestEvaluated, ending }: Partial<Position> & Pick<Position, "checkpointSeconds">,
): Promise<TrainResult> {
  const { config, folder, observer } = run
  const end = step < config.train.steps ? ending?.reason : undefined
  const evaluations = evaluationsOf(folder)
  const metrics = readJsonl(join(folder.directory, "metrics.jsonl")).records as MetricsLine[]
  const logged = summarizeRun(metrics, evaluations, config.pipo)
  // No line comes after the last checkpoint.
  const summary: RunSummary = {
    ...logged,
    time: { ...logged.time, checkpointSeconds: (logged.time.checkpointSeconds ?? 0) + checkpointSeconds },
  }
  const isOver = step === config.train.steps || end !== undefined
  if (!isOver || gaveUp !== undefined) return { finished: false, step, summary, gaveUp }
  const best = bestEvaluated?.best
  if (best !== undefined && best.step !== step) {
    await bestEvaluated?.restore()
    observer.onNote(`keepBest: the model is the policy of step ${best.step}, the best evaluated`)
  }
  const whole: RunSummary = {
    ...summary,
    ...(best === undefined ? {} : { modelStep: best.step }),
    ...(end === undefined ? {} : { stopReason: end }),
  }
  const modelStep = best?.step ?? step
  const saved = await saveTrainedModel(run, whole, evaluations.findLast((line) => line.step === modelStep))
  if (saved === undefined) return { finished: false, step, summary, gaveUp: "measuring the saved model" }
  sayNotes(run, step)
  const early = end === undefined ? {} : { reason: end }
  const message = `finished after step ${step}${end === undefined ? "" : ` of ${config.train.steps}: ${end}`}`
  folder.logEvent("finish", message, { step, ...early })
  if (end !== undefined) observer.onNote(message)
  return { finished: true, step, summary: saved }
}
