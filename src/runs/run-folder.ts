/**
 * The folder of a run, held by one process:
 *
 *     config.yaml          resolved configuration
 *     metrics.jsonl        one line per step
 *     evaluations.jsonl    held-out accuracy
 *     events.jsonl         start, resume, alarms
 *     completions/*.jsonl  sampled responses, a file per thousand steps
 *     checkpoints/         see checkpoints.ts
 *     warm-start/          where a warm start that was stopped goes on; gone once it is over
 *     tensorboard/         event files, where logging.tensorboard asks for them
 *     summary.json         of a finished run
 *     lock.json            while a process owns the folder
 *
 * At a step's end its metrics line, its evaluation and its responses are on the disk before the checkpoint gets its
 * name; a resumed run cuts what lies after its checkpoint and writes it again. So no step is lost or there twice. A
 * checkpoint knows how the logs began (log-marks.ts): a run goes on from the newest that is sound and fits its logs.
 */
import { existsSync, readdirSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import { CheckpointError, ConfigError } from "../errors.ts"
import { packageVersion } from "../version.ts"
import { CheckpointStore, listCheckpoints } from "./checkpoints.ts"
import type { DamagedCheckpoint } from "./checkpoints.ts"
import { writeFileAtomic } from "./durable-files.ts"
import { JsonlLog, cutJsonlAfter, readJsonl } from "./jsonl-log.ts"
import type { JsonlCut } from "./jsonl-log.ts"
import { markOf } from "./log-marks.ts"
import type { LogMark, LogMarks } from "./log-marks.ts"
import { makeFolder } from "../integrity/index.ts"
import { programFacts, versionOf } from "./made-by.ts"
import type { CompletionLine, EvaluationLine, MetricsLine, RunEvent, RunEventKind } from "./records.ts"
import { acquireLock } from "./run-lock.ts"
import type { RunLock } from "./run-lock.ts"
import { completionFiles } from "./run-tables.ts"
import { checkResumable, selectCheckpoint } from "./sound-checkpoint.ts"
import type { SoundCheckpoint } from "./sound-checkpoint.ts"
import type { RunSummary } from "./summary.ts"

const stepsPerCompletionsFile = 1000

/** Below the run's folder. */
export const warmStartFolder = "warm-start"

/** A run is summed up from these, and measured from its first evaluation on. */
const requiredLogs = ["metrics.jsonl", "evaluations.jsonl"]

/** What a run folder is opened with. */
export interface RunFolderOptions {
  /** Resolved configuration, as YAML. */
  readonly configYaml: string
  /** Number of checkpoints kept. */
  readonly keepCheckpoints: number
  /** Resuming: go on although metrics or evaluations are not those that the checkpoint was written beside. */
  readonly acceptLogs?: boolean
  /**
   * Resuming: hears of the step to go on from before anything in the folder changes; what it throws leaves all as it
   * is.
   */
  readonly beforeChanges?: (step: number | undefined) => void
}

/** Where a resumed run goes on. */
export interface ResumePoint {
  /** The checkpoint to load; undefined when the run had none yet and starts again from its beginning. */
  readonly checkpoint: SoundCheckpoint | undefined
  /** Step of the warm start to go on from, where the run was stopped in it. */
  readonly warmStartStep?: number | undefined
  /** Lines that were cut, since they lie after the checkpoint. */
  readonly cuts: readonly JsonlCut[]
  /** Newer checkpoints that were found damaged; they are removed. */
  readonly damaged: readonly DamagedCheckpoint[]
  /** Version of pirl that worked on the run last; undefined where the run does not say. */
  readonly madeBy: string | undefined
}

/** Hears of what a run logs, after it is on the disk: another form of the logs. */
export interface RunMirror {
  metrics(line: MetricsLine): void
  evaluation(line: EvaluationLine): void
  close(): void
}

/** A run folder that this process owns. */
export class RunFolder {
  readonly directory: string
  readonly checkpoints: CheckpointStore
  /** Of files of completions that nothing is appended to any more, by name; made when they are asked for. */
  readonly #closedCompletions = new Map<string, LogMark>()
  readonly #lock: RunLock
  readonly #metrics: JsonlLog
  readonly #evaluations: JsonlLog
  readonly #events: JsonlLog
  #completions: JsonlLog | undefined
  readonly #mirrors: RunMirror[] = []

  constructor(directory: string, lock: RunLock, { keepCheckpoints }: RunFolderOptions) {
    this.directory = directory
    const logs = (): LogMarks => this.#marks()
    this.checkpoints = new CheckpointStore(checkpointsOf(directory), { keep: keepCheckpoints, logs })
    this.#lock = lock
    this.#metrics = new JsonlLog(join(directory, "metrics.jsonl"))
    this.#evaluations = new JsonlLog(join(directory, "evaluations.jsonl"))
    this.#events = new JsonlLog(join(directory, "events.jsonl"))
  }

  /** Appends the metrics of a finished step. Call it before the step's checkpoint is written. */
  logMetrics(line: MetricsLine): void {
    this.#metrics.append(line)
    for (const mirror of this.#mirrors) mirror.metrics(line)
  }

  logEvaluation(line: EvaluationLine): void {
    this.#evaluations.append(line)
    for (const mirror of this.#mirrors) mirror.evaluation(line)
  }

  /** From now on metrics and evaluations go to the mirror too; it is closed with the folder. */
  mirrorTo(mirror: RunMirror): void {
    this.#mirrors.push(mirror)
  }

  /** Appends responses of one step. */
  logCompletions(step: number, lines: readonly CompletionLine[]): void {
    const path = join(this.directory, "completions", completionsName(step))
    if (this.#completions?.path !== path) {
      if (this.#completions !== undefined) {
        this.#closedCompletions.set(this.#completions.path, this.#completions.mark())
        this.#completions.close()
      }
      this.#completions = new JsonlLog(path)
    }
    this.#completions.append(...lines)
  }

  /**
   * Appends an event; the time of day is added here.
   * @param time  what else depends on the clock or the machine
   */
  logEvent(
    kind: RunEventKind,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    time: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#append(kind, message, details, time)
  }

  /** Writes the config that the run goes on with. */
  saveConfig(configYaml: string): void {
    writeFileAtomic(join(this.directory, "config.yaml"), configYaml)
  }

  /** Appends that the run starts or goes on, with the program that does it (made-by.ts). */
  logOpening(kind: "start" | "resume", message: string, details: Readonly<Record<string, unknown>> = {}): void {
    const program = programFacts()
    this.#append(kind, message, { ...program.details, ...details }, program.time)
  }

  #append(kind: RunEventKind, message: string, details: Readonly<Record<string, unknown>>, time: Readonly<Record<string, unknown>>): void {
    const event: RunEvent = { kind, ...details, message, time: { at: new Date().toISOString(), pid: process.pid, ...time } }
    this.#events.append(event)
  }

  /** How the logs are now. */
  #marks(): LogMarks {
    const marks: Record<string, LogMark> = {
      "metrics.jsonl": this.#metrics.mark(),
      "evaluations.jsonl": this.#evaluations.mark(),
      "events.jsonl": this.#events.mark(),
    }
    for (const path of completionFiles(this.directory)) {
      const isOpen = this.#completions?.path === path
      const mark = isOpen ? this.#completions!.mark() : (this.#closedCompletions.get(path) ?? markOf(path))
      if (!isOpen) this.#closedCompletions.set(path, mark)
      marks[`completions/${basename(path)}`] = mark
    }
    return marks
  }

  /** Writes summary.json: the run is finished. */
  writeSummary(summary: RunSummary): void {
    writeFileAtomic(join(this.directory, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`)
  }

  /** True while nothing has been measured or saved: the run has not begun. */
  get isEmpty(): boolean {
    const nothingSaved = this.checkpoints.list().length === 0 && lastWarmStep(this.directory) === undefined
    return nothingSaved && this.#metrics.isEmpty && this.#evaluations.isEmpty
  }

  /** Closes the logs and gives the folder free. */
  close(): void {
    this.#metrics.close()
    this.#evaluations.close()
    this.#events.close()
    this.#completions?.close()
    for (const mirror of this.#mirrors) mirror.close()
    this.#lock.release()
  }
}

function completionsName(step: number): string {
  const first = step - (step % stepsPerCompletionsFile)
  const digits = (value: number): string => String(value).padStart(6, "0")
  return `steps-${digits(first)}-${digits(first + stepsPerCompletionsFile - 1)}.jsonl`
}

function checkpointsOf(directory: string): string {
  return join(directory, "checkpoints")
}

/** True when the folder holds a run. */
export function isRunFolder(directory: string): boolean {
  return existsSync(join(directory, "config.yaml"))
}

/**
 * Starts a run in a new or empty folder.
 * @throws ConfigError  when the folder cannot be made, holds anything, or another process holds it
 */
export function createRunFolder(directory: string, options: RunFolderOptions): RunFolder {
  makeFolder(directory)
  const lock = acquireLock(directory)
  try {
    const found = readdirSync(directory).filter((name) => !/^(?:lock\.json|\.config\.yaml\.\d+\.tmp$)/.test(name))
    if (found.length > 0) {
      const isRun = isRunFolder(directory)
      throw new ConfigError([
        {
          path: "train.runDir",
          message:
            `expected a new or empty folder, got ${directory}, which holds ` +
            (isRun ? "a run. Go on with it by --resume, or choose another folder." : `${found[0]}. Choose another.`),
        },
      ])
    }
    writeFileAtomic(join(directory, "config.yaml"), options.configYaml)
    const folder = new RunFolder(directory, lock, options)
    folder.logOpening("start", "the run starts")
    return folder
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Opens the folder of a run that stopped or was killed, and cuts its logs back to the newest sound checkpoint.
 * @throws ConfigError      when there is no run in the folder, or another process holds it
 * @throws CheckpointError  when the run has steps but no checkpoint that is sound; nothing was touched
 */
export function resumeRunFolder(
  directory: string,
  options: RunFolderOptions,
): { readonly folder: RunFolder; readonly from: ResumePoint } {
  if (!isRunFolder(directory)) {
    throw new ConfigError([
      {
        path: "train.runDir",
        message: `expected the folder of a run to resume, got ${directory} without a config.yaml. Check the path.`,
      },
    ])
  }
  const lock = acquireLock(directory)
  try {
    const checkpoints = new CheckpointStore(checkpointsOf(directory), { keep: options.keepCheckpoints })
    const demanded = options.acceptLogs === true ? [] : requiredLogs
    const candidates = [...checkpoints.list(), ...checkpoints.damaged()]
    const { sound: checkpoint, damaged } = selectCheckpoint(candidates, (info) => checkResumable(info, demanded))
    if (checkpoint === undefined) refuseToBeginAnew(directory, damaged)
    options.beforeChanges?.(checkpoint?.step)
    const step = checkpoint?.step ?? -1
    const cuts = logFiles(directory).flatMap((file) => cutJsonlAfter(file, step) ?? [])
    checkpoints.removeAfter(step)
    rmSync(join(directory, "summary.json"), { force: true })
    writeFileAtomic(join(directory, "config.yaml"), options.configYaml)
    const madeBy = readJsonl(join(directory, "events.jsonl")).records.map(versionOf).findLast((version) => version !== undefined)
    const folder = new RunFolder(directory, lock, options)
    const warmStartStep = checkpoint === undefined ? lastWarmStep(directory) : undefined
    const from: ResumePoint = { checkpoint, warmStartStep, cuts, damaged, madeBy }
    folder.logOpening("resume", describeResume(from), {
      checkpoint: checkpoint?.step ?? null,
      cuts,
      damaged: damaged.map(({ step, reason }) => ({ step, reason })),
    })
    return { folder, from }
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * A run that has come to its first step had a checkpoint before. Where there is none to be used, its logs are all that
 * is left of it, and are not written over.
 * @throws CheckpointError  when there is anything to lose
 */
function refuseToBeginAnew(directory: string, damaged: readonly DamagedCheckpoint[]): void {
  const expected = `run ${directory}: expected a sound checkpoint to resume from, got none`
  const otherwise = "or begin again in another folder. Nothing was changed."
  if (damaged.length > 0) {
    const list = damaged.map(({ path, reason }) => `\n  ${path}: ${reason}`).join("")
    const ofLogs = damaged.some(({ reason }) => requiredLogs.some((file) => reason.includes(file)))
    const accept = ofLogs ? " To go on with the logs as they are, add --accept-logs." : ""
    throw new CheckpointError(`${expected}:${list}\nRestore what is damaged from a copy, ${otherwise}${accept}`)
  }
  const steps = logFiles(directory).flatMap((path) => readJsonl(path).records.map(({ step }) => step))
  const last = steps.reduce<number>((most, step) => (typeof step === "number" ? Math.max(most, step) : most), 0)
  if (last === 0) return
  throw new CheckpointError(
    `${expected}: its logs have ${last} steps, and ${checkpointsOf(directory)} is empty. ` +
      `Put the checkpoints back, ${otherwise}`,
  )
}

/** Last step of a warm start that can go on. */
export function lastWarmStep(directory: string): number | undefined {
  return listCheckpoints(join(directory, warmStartFolder)).complete.at(-1)?.step
}

/** In words: where a resumed run goes on, what was cut, what is damaged, whether another version made it so far. */
export function describeResume({ checkpoint, warmStartStep, cuts, damaged, madeBy }: ResumePoint): string {
  const beginning =
    warmStartStep === undefined ? "from the beginning" : `in its warm start, after step ${warmStartStep} of that`
  const start = `resumes ${checkpoint === undefined ? beginning : `after step ${checkpoint.step}`}`
  const lines = cuts.map(({ file, lines, halfWritten }) => {
    const whole = lines === 1 ? "1 line" : `${lines} lines`
    return `${file} (${lines === 0 ? "a half-written line" : halfWritten ? `${whole} and a half-written one` : whole})`
  })
  const cut = lines.length === 0 ? "" : `; cut what lay after it: ${lines.join(", ")}`
  const removed = "is damaged and was removed"
  const skipped = damaged.map(({ step, reason }) => `; the checkpoint of step ${step} ${removed}: ${reason}`)
  const logs = (checkpoint?.logProblems ?? []).map(({ file, reason }) => `; ${file} ${reason}`)
  const unhashed =
    checkpoint?.hashed === false
      ? "; its checkpoint is of an older version, without hashes: only the sizes of its files could be checked"
      : ""
  const version = packageVersion()
  const other = madeBy === undefined || madeBy === version ? "" : `; pirl ${madeBy} made it so far, and pirl ${version} goes on: its numbers may differ from those of an uninterrupted run`
  return `the run ${start}${cut}${skipped.join("")}${logs.join("")}${unhashed}${other}`
}

function logFiles(directory: string): string[] {
  const logs = readdirSync(directory).filter((name) => name.endsWith(".jsonl"))
  return [...logs.map((name) => join(directory, name)), ...completionFiles(directory)]
}
