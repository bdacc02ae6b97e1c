/**
 * The run folder: logs, checkpoints, lock, summary.
 */
export { CheckpointStore, checkpointName, listCheckpoints } from "./checkpoints.ts"
export type { CheckpointInfo, CheckpointOptions, DamagedCheckpoint } from "./checkpoints.ts"
export { checkModelOf, checkResumable, selectCheckpoint } from "./sound-checkpoint.ts"
export type { Selection, SoundCheckpoint } from "./sound-checkpoint.ts"
export type { LogMark, LogMarks, LogProblem } from "./log-marks.ts"
export { syncTree, writeFileAtomic } from "./durable-files.ts"
export { JsonlLog, cutJsonlAfter, readJsonl } from "./jsonl-log.ts"
export type { JsonRecord, JsonlContent, JsonlCut } from "./jsonl-log.ts"
export { makeFolder } from "../integrity/index.ts"
export { programOf, programsOf } from "./made-by.ts"
export { holderOf, listRunFolders, readCompletions, readRun, runStateOf, settingsOf } from "./read-run.ts"
export type { RunRecord, RunState } from "./read-run.ts"
export { MOST_LOGPROB_MISMATCH } from "./records.ts"
export type {
  CompletionLine,
  EvaluationLine,
  MetricsLine,
  RunEvent,
  RunEventKind,
  StepTime,
  TimeRecord,
  Verdict,
} from "./records.ts"
export {
  RunFolder,
  createRunFolder,
  describeResume,
  isRunFolder,
  lastWarmStep,
  resumeRunFolder,
  warmStartFolder,
} from "./run-folder.ts"
export type { ResumePoint, RunFolderOptions, RunMirror } from "./run-folder.ts"
export { csvOf, textOf } from "./csv.ts"
export { RunDatabase, nameRuns } from "./run-database.ts"
export type { NamedRun, QueryResult, QueryValue } from "./run-database.ts"
export { runTableNames } from "./run-tables.ts"
export type { RunTableName } from "./run-tables.ts"
export { acquireLock, isHeld, readLock } from "./run-lock.ts"
export type { LockOwner, RunLock } from "./run-lock.ts"
export { describeOwner, takeOver } from "./sign-of-life.ts"
export { compareSaved, savedWarning } from "./saved-model.ts"
export type { SavedAccuracy, SavedEvaluations, SavedMeasure } from "./saved-model.ts"
export { describeForecast, describeMemory, idleGpuText, loggedLook, lookRows } from "./start-look.ts"
export type { LookRow, RewardCounts, RunForecast, StartLook, TimeLook } from "./start-look.ts"
export { decodeState, encodeState } from "./state-codec.ts"
export { summarizeRun } from "./summary.ts"
export type { AccuracySummary, RunSummary, SignalSummary, SummarizedStep } from "./summary.ts"
