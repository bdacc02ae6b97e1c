/** A whole run in one call: checks the config, opens model and run folder, trains, closes them. */
import { fileURLToPath } from "node:url"
import { parseConfig, withSettingsOf, type ConfigInput, type ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { fetchConfiguredModel } from "../hub/configured-model.ts"
import type { Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"
import { describeResume, isRunFolder } from "../runs/index.ts"
import { checksFor } from "./config-checks.ts"
import { openPolicy } from "./open-policy.ts"
import { warnOfMemory } from "./memory-forecast.ts"
import { logFailure, openRunFolder, savedConfig, type OpenRun } from "./open-run.ts"
import { train, type TrainObserver, type TrainResult } from "./train.ts"

export interface TrainRunOptions {
  /** What a YAML file would hold; a resolved config will do as well. */
  readonly config: ConfigInput
  /** New or empty folder for metrics, checkpoints and the trained model; with `resume` that of the run to go on with. */
  readonly runDirectory: string
  /** Go on exactly where the run in the folder stopped. Default false. */
  readonly resume?: boolean
  /** With `resume`: go on although metrics or evaluations were cut, deleted or changed since. Default false. */
  readonly acceptLogs?: boolean
  /**
   * A task of one's own, in place of `config.task`. With `config.task: { module: import.meta.url, export: "NAME" }` the
   * commands of pirl find it again.
   */
  readonly task?: Task
  /** An objective of one's own, in place of `config.objective`, whose advantages and aggregation still hold. */
  readonly objective?: Objective
  /** An update rule of one's own, in place of what `config.pipo` and the objective make. */
  readonly rule?: UpdateRule
  /** Hears of steps, evaluations and notes; may end the run. */
  readonly observer?: Partial<TrainObserver>
  /** Once aborted, the run finishes its step, writes a checkpoint and returns with `finished: false`. */
  readonly signal?: AbortSignal
  /**
   * The same at once: an evaluation, or a step whose updates have not begun, is given up, and made when the run goes
   * on.
   */
  readonly stop?: AbortSignal
}

/**
 * Trains as `pirl train` does.
 * @throws ConfigError      with every problem of the config, before anything is loaded
 * @throws DataError        when a model of the hub cannot be fetched
 * @throws CheckpointError  when the model folder or the checkpoint to resume from cannot be used
 * @throws NumericsError    after three updates in a row whose loss or gradients were not finite
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainResult> {
  const { task, objective, rule, observer, signal, stop, runDirectory, resume = false, acceptLogs = false } = options
  const saved = resume && isRunFolder(runDirectory) ? savedConfig(runDirectory) : undefined
  const onNote = (text: string): void => observer?.onNote?.(text)
  const asked = await fetchConfiguredModel(runConfig(options.config, task, saved), saved, { onNote })
  const policy = await openPolicy(asked, task, { onMemory: warnOfMemory(onNote), resumed: saved !== undefined })
  const { config } = policy
  let run: OpenRun | undefined
  try {
    // After the model, so that a model that cannot be opened leaves no run behind.
    run = openRunFolder(runDirectory, config, { resume, acceptLogs })
    const { folder, from } = run
    if (from !== undefined) observer?.onNote?.(describeResume(from))
    const result = await train({
      ...policy,
      config,
      folder,
      resume: from,
      observer: {
        onStep: (line, control) => observer?.onStep?.(line, control),
        onEvaluation: (line, control) => observer?.onEvaluation?.(line, control),
        onEvaluationProgress: (progress) => observer?.onEvaluationProgress?.(progress),
        onNote: (text) => observer?.onNote?.(text),
      },
      stopRequested: () => signal?.aborted ?? false,
      stop,
      ...(objective === undefined ? {} : { objective }),
      ...(rule === undefined ? {} : { rule }),
    })
    if (!result.finished) folder.logEvent("interrupt", `stopped after step ${result.step}`, { step: result.step })
    return result
  } catch (error) {
    if (run !== undefined) logFailure(run.folder, error)
    throw error
  } finally {
    run?.folder.close()
    await policy.engine.close()
  }
}

/** A module named by its address (`import.meta.url`) as a path. */
function withModulePath(task: ConfigInput["task"]): ConfigInput["task"] {
  const module = task?.["module"]
  return typeof module === "string" && module.startsWith("file:") ? { ...task, module: fileURLToPath(module) } : task
}

function runConfig(input: ConfigInput, task: Task | undefined, saved: ResolvedConfig | undefined): ResolvedConfig {
  const named = task === undefined ? input : { ...input, task: { ...withModulePath(input.task), name: task.name } }
  return parseConfig(saved === undefined ? named : withSettingsOf(saved, named), checksFor(task))
}
