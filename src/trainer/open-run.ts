/** Opens the folder of a run, new or to be resumed. */
import { join } from "node:path"
import { configToYaml, continuedConfig, resolveSavedConfig, resumeIssues } from "../config/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { tensorBoardMirror } from "../exports/tensorboard.ts"
import { createRunFolder, isRunFolder, resumeRunFolder, type ResumePoint, type RunFolder } from "../runs/index.ts"

export interface OpenRun {
  /** Locked by this process; the caller closes it. */
  readonly folder: RunFolder
  /** Where to go on; undefined for a new run. */
  readonly from: ResumePoint | undefined
}

/** The config to resume a run with: where an older version saved it without a setting, the run goes on as it was. */
export function resumedConfig(directory: string, config: ResolvedConfig): ResolvedConfig {
  // A folder without a run is told by openRunFolder.
  return isRunFolder(directory) ? continuedConfig(join(directory, "config.yaml"), config) : config
}

/**
 * @throws ConfigError  when the folder is in use, not empty (new) or no run (resumed), or when the config differs from the
 *                      resumed run's in a setting that must stay
 */
export function openRunFolder(directory: string, config: ResolvedConfig, resume: boolean): OpenRun {
  const options = { configYaml: configToYaml(config), keepCheckpoints: config.checkpoint.keep }
  if (!resume) return mirrored({ folder: createRunFolder(directory, options), from: undefined }, config)
  const issues = resumeIssues(resolveSavedConfig(join(directory, "config.yaml")), config)
  if (issues.length > 0) throw new ConfigError(issues)
  return mirrored(resumeRunFolder(directory, options), config)
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
    folder.logEvent("failure", error instanceof Error ? error.message : String(error))
  } catch {
    return
  }
}
