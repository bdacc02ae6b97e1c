/** Opens the folder of a run, new or to be resumed. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { configToYaml, resolveSavedConfig, resumeIssues, type ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { tensorBoardMirror } from "../exports/tensorboard.ts"
import { checkDataInPlace } from "./data-record.ts"
import { withoutSecrets } from "../secrets.ts"
import { createRunFolder, isRunFolder, resumeRunFolder, type ResumePoint, type RunFolder } from "../runs/index.ts"

export interface OpenRun {
  /** Locked by this process; the caller closes it. */
  readonly folder: RunFolder
  /** Where to go on; undefined for a new run. */
  readonly from: ResumePoint | undefined
}

/**
 * @param how.acceptLogs   resume although metrics or evaluations are not those that the checkpoint was written beside
 * @throws ConfigError      when the folder is in use, not empty (new) or no run (resumed), or when the config differs
 *                          from the resumed run's in a setting that must stay
 * @throws CheckpointError  when a run that has steps has no sound checkpoint
 * @throws DataError        when the data of a resumed run was changed where it lies; nothing was touched
 */
export function openRunFolder(
  directory: string,
  config: ResolvedConfig,
  { resume, acceptLogs = false }: { readonly resume: boolean; readonly acceptLogs?: boolean },
): OpenRun {
  const options = { configYaml: configToYaml(config), keepCheckpoints: config.checkpoint.keep, acceptLogs }
  if (!resume) return mirrored({ folder: createRunFolder(directory, options), from: undefined }, config)
  requireRun(directory)
  const saved = savedConfig(directory)
  const issues = resumeIssues(saved, config)
  if (issues.length > 0) throw new ConfigError(issues)
  const isTaskKept = JSON.stringify(saved.task) === JSON.stringify(config.task)
  const beforeChanges = (step: number | undefined): void => {
    if (step !== undefined && isTaskKept) checkDataInPlace(directory)
  }
  return mirrored(resumeRunFolder(directory, { ...options, beforeChanges }), config)
}

/** @throws ConfigError  when there is no run in the folder to go on with */
export function requireRun(directory: string): void {
  if (isRunFolder(directory)) return
  const got = existsSync(directory)
    ? `${directory}, which holds none (no config.yaml)`
    : `${directory}, which is not there`
  const message =
    `expected the folder of a run to resume, got ${got}. Check the path, or leave --resume out to ` +
    "begin one."
  throw new ConfigError([{ path: "train.runDir", message }])
}

/** Config of the run in a folder, also where an earlier version saved it. @throws ConfigError  when it cannot be read */
export function savedConfig(directory: string): ResolvedConfig {
  return resolveSavedConfig(join(directory, "config.yaml"))
}

function mirrored(run: OpenRun, config: ResolvedConfig): OpenRun {
  if (!config.logging.tensorboard) return run
  try {
    run.folder.mirrorTo(tensorBoardMirror(run.folder.directory, run.from && (run.from.checkpoint?.step ?? -1) + 1))
    return run
  } catch (error) {
    run.folder.close()
    throw error
  }
}

/** Notes in the run why it ended; a full disk must not hide the error that the run died of. */
export function logFailure(folder: RunFolder, error: unknown): void {
  try {
    folder.logEvent("failure", withoutSecrets(error instanceof Error ? error.message : String(error)))
  } catch {
    return
  }
}
