/**
 * `pirl sft`: supervised training on the solutions of a task, alone.
 */
import { existsSync, readdirSync, rmSync } from "node:fs"
import { resolveConfigFile } from "../config/index.ts"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { fetchModelOf } from "./find-model.ts"
import { formatShare } from "./format.ts"
import { listenForInterrupt } from "./interrupt.ts"
import { modelsRoot, newDirectory } from "./run-directory.ts"
import { StopRequest } from "../trainer/stopping.ts"
import type { WarmStartState } from "../trainer/train.ts"
import { createReporter, reportMode } from "./terminal.ts"
import { configOptions } from "./train.ts"

/** One evaluation during supervised training. */
export interface SftProgress {
  readonly step: number
  /** Mean cross entropy per response token since the last evaluation, nats. */
  readonly loss: number
  readonly heldOutAccuracy: number
  /** Steps that the saved model has made, where it was stopped after the evaluation. */
  readonly stepsMade?: number
  /** Which accuracy it is: expected where answers are unique, else greedy. */
  readonly measure: "expected" | "greedy"
}

/** How the training ended. */
export interface SftResult extends SftProgress {
  /** Accuracy of the model as it lies in its folder, where its weights were rounded or merged. */
  readonly savedAccuracy?: number
}

/** What this command needs of the layers below. */
export interface SftBackend {
  readonly checks: readonly ConfigCheck[]
  /**
   * Trains by `config.warmStart` and saves a model folder.
   * @param out  an empty or new folder
   * @returns the last evaluation, and that of the saved model
   */
  sft(request: {
    readonly config: ResolvedConfig
    readonly out: string
    readonly onProgress: (progress: SftProgress) => void
    /** Hears of every step. */
    readonly onStep: (state: WarmStartState) => void
    /** Aborted: the step under way is given up, and the model saved as it is. */
    readonly stop: AbortSignal
  }): Promise<SftResult>
}

/** The command, on a trainer. */
export function sftCommand(backend: SftBackend): Command {
  return {
    name: "sft",
    summary: "Train on solutions (supervised) and save the model",
    positionals: "CONFIG",
    positionalCount: { min: 1, max: 1 },
    options: [
      ...configOptions,
      { name: "out", kind: "text", placeholder: "DIR", help: "New folder for the model (default models/<name of the config>)" },
      { name: "json", kind: "flag", help: "One JSON object per evaluation and nothing else" },
    ],
    description:
      "Does the warm start of a config alone: the model imitates the solutions of the task until warmStart's target\n" +
      "is reached, and is saved as a Hugging Face folder that `model.path` can name.",
    examples: [["pirl sft quickstart.yaml", "Warm start, saved in models/quickstart for several runs"]],
    run: (args, context) => runSft(backend, args, context),
  }
}

async function runSft(backend: SftBackend, args: CommandArguments, context: CliContext): Promise<number> {
  const { out, err } = context
  const overrides = [...args.texts("set"), "warmStart.enabled=true"]
  const given = resolveConfigFile(args.positionals[0]!, overrides, backend.checks)
  const directory = args.text("out") ?? newDirectory(args.positionals[0]!, modelsRoot)
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    const message = `pirl sft: expected a new or empty folder, got ${directory}. Choose another by --out DIR.`
    throw new ConfigError([{ path: "", message }])
  }
  const config = await fetchModelOf(given, context)
  const json = args.flag("json")
  const stop = new AbortController()
  const reporter = createReporter(reportMode(context, json), context, config.warmStart.maxSteps)
  const interrupt = listenForInterrupt(
    () => {
      reporter.say("stopping; the model is saved as it is. Ctrl-C again stops at once")
      stop.abort(new StopRequest())
    },
    {
      onDeadline: () => {
        reporter.close()
        // Half of a model is none.
        rmSync(directory, { recursive: true, force: true })
        err.write("stopped before the model was saved\n")
      },
    },
  )
  try {
    const last = await backend.sft({
      config,
      out: directory,
      onProgress: (progress) =>
        json ? out.write(`${JSON.stringify(progress)}\n`) : reporter.onNote(describe(progress)),
      onStep: (state) => reporter.onWarmStartProgress?.(state),
      stop: stop.signal,
    })
    reporter.close()
    const accuracy = formatShare(last.heldOutAccuracy)
    const stream = json ? err : out
    if (last.stepsMade !== undefined) {
      stream.write(
        `stopped after ${last.stepsMade} steps, saved in ${directory}; ` +
          `held-out accuracy ${accuracy} ${last.measure} after ${last.step}\n`,
      )
      return interrupt.exitCode
    }
    const saved = last.savedAccuracy === undefined ? "" : ` (${formatShare(last.savedAccuracy)} as stored in ${config.model.dtype})`
    stream.write(
      `held-out accuracy ${accuracy} ${last.measure} after ${last.step} steps${saved}, saved in ${directory}\n`,
    )
    return interrupt.requested ? interrupt.exitCode : exitCodes.ok
  } catch (error) {
    if (!(error instanceof StopRequest)) throw error
    reporter.say("stopped before anything was trained")
    return interrupt.exitCode
  } finally {
    interrupt.dispose()
    reporter.close()
  }
}

function describe({ step, loss, heldOutAccuracy, measure }: SftProgress): string {
  return `step ${step}  loss ${loss.toFixed(4)}  held-out ${formatShare(heldOutAccuracy)} ${measure}`
}
