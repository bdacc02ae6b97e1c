/**
 * `pirl train`: reads and checks the config, opens the run folder, hands over to the trainer.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { configToYaml, configWarnings, resolveConfigFile } from "../config/index.ts"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { CheckpointError, ConfigError, DataError } from "../errors.ts"
import { describeResume } from "../runs/index.ts"
import { logFailure, openRunFolder, requireRun, savedConfig } from "../trainer/open-run.ts"
import type { TrainResult, TrainRun } from "../trainer/train.ts"
import { shellWord } from "../shell-word.ts"
import { columns } from "./command.ts"
import { terminalLine } from "./format.ts"
import type { CliContext, Command, CommandArguments, OptionSpec } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { fetchModelOf } from "./find-model.ts"
import { dieOf, listenForInterrupt } from "./interrupt.ts"
import { lastRunDirectory, newDirectory, runsRoot } from "./run-directory.ts"
import { summaryTable } from "./summary-table.ts"
import { createReporter, reportMode } from "./terminal.ts"
import { checkPageOptions, openTrainPage, pageOptions } from "./train-page.ts"
import type { StartPage, TrainPage } from "./train-page.ts"

/** What the command hands to the trainer; it closes the folder itself. */
export type TrainRequest = Pick<TrainRun, "config" | "folder" | "resume" | "observer" | "stopRequested">

/** What a dry run shows. */
export interface RunPlan {
  /** Sizes of model, batch and memory. */
  readonly rows: readonly (readonly [label: string, value: string])[]
  readonly warnings: readonly string[]
}

/** What this command needs of the layers below. */
export interface TrainBackend {
  /** Checks that need tasks, objectives and models: their problems are listed with those of the config. */
  readonly checks: readonly ConfigCheck[]
  /**
   * What the run would be. Loads what it needs to know that.
   * @param resumed  the config is that of a run that goes on
   */
  plan(config: ResolvedConfig, resumed: boolean): Promise<RunPlan>
  train(request: TrainRequest): Promise<TrainResult>
}

/** Options that the commands with a config share. */
export const configOptions: readonly OptionSpec[] = [
  {
    name: "set",
    kind: "text",
    multiple: true,
    placeholder: "a.b=c",
    help: "Set one setting over the config file, e.g. optimizer.learningRate=1e-4",
  },
]

const options: readonly OptionSpec[] = [
  ...configOptions,
  { name: "run-dir", kind: "text", placeholder: "DIR", help: "Run folder (default runs/<name of the config>)" },
  { name: "resume", kind: "flag", help: "Go on with the run in the run folder, exactly where it stopped" },
  { name: "accept-logs", kind: "flag", help: "With --resume: go on although logs were cut or changed since" },
  { name: "steps", kind: "integer", placeholder: "N", help: "Number of steps, over train.steps" },
  { name: "json", kind: "flag", help: "One JSON object per step on the standard output and nothing else" },
  { name: "dry-run", kind: "flag", help: "Check and resolve everything, show sizes, train nothing" },
  ...pageOptions,
]

/**
 * The command, on a trainer.
 * @param startPage  for tests: what serves the page of `--watch`
 */
export function trainCommand(backend: TrainBackend, startPage?: StartPage): Command {
  return {
    name: "train",
    summary: "Train a model by reinforcement learning",
    positionals: "CONFIG",
    positionalCount: { min: 0, max: 1 },
    options,
    description:
      "Trains the model of a config file and writes a run folder: metrics, evaluations, responses, checkpoints and\n" +
      "a summary. Ctrl-C finishes the step and writes a checkpoint; a second one, or one while model and data are\n" +
      "opened, stops at once. With --resume and\n" +
      "--run-dir the config file may be left out: the run has its own. With --watch the run is on a local web page\n" +
      "while it trains, and on a terminal until Ctrl-C after it.",
    examples: [
      ["pirl train quickstart.yaml", "Train, and write runs/quickstart"],
      ["pirl train quickstart.yaml --set pipo.enabled=false --run-dir runs/plain", "The same without verification"],
      ["pirl train quickstart.yaml --resume", "Go on with the last run of this config"],
      ["pirl train quickstart.yaml --watch", "The same with its curves and responses in the browser"],
      ["pirl train quickstart.yaml --dry-run", "Check everything, train nothing"],
    ],
    run: (args, context) => runTrain(backend, args, context, startPage),
  }
}

async function runTrain(
  backend: TrainBackend,
  args: CommandArguments,
  context: CliContext,
  startPage: StartPage | undefined,
): Promise<number> {
  checkPageOptions(args)
  const resume = args.flag("resume")
  if (args.flag("accept-logs") && !resume) {
    const message = "pirl train: expected --accept-logs with --resume, got it alone. A new run has none: leave it out."
    throw new ConfigError([{ path: "", message }])
  }
  const configFile = configFileOf(args, resume)
  const given = resolveConfigFile(configFile, overridesOf(args), backend.checks)
  const named = args.text("run-dir") ?? given.train.runDir
  const lastRun = resume ? (named ?? lastRunDirectory(configFile)) : undefined
  if (lastRun !== undefined) requireRun(lastRun)
  const before = lastRun === undefined ? undefined : savedConfig(lastRun)
  const asked = before === undefined ? given : resolveConfigFile(configFile, overridesOf(args), backend.checks, before)
  const warnings = configWarnings(asked)
  const config = await fetchModelOf(asked, context, before)
  if (args.flag("dry-run")) {
    const plan = await backend.plan(config, resume)
    showPlan(plan, config, warnings, args.flag("json"), context)
    return exitCodes.ok
  }
  const directory = lastRun ?? named ?? newDirectory(configFile, runsRoot)
  // Before the folder is made: a port in use leaves nothing behind.
  const page = await openTrainPage(args, context, named ?? runsRoot, startPage)
  try {
    const code = await trainIn(backend, args, context, { config, warnings, directory, resume, page })
    if (code === exitCodes.ok) await page?.stay()
    return code
  } finally {
    await page?.close()
  }
}

/** What is trained, and where. */
interface TrainJob {
  readonly config: ResolvedConfig
  readonly warnings: readonly string[]
  readonly directory: string
  readonly resume: boolean
  readonly page: TrainPage | undefined
}

async function trainIn(
  backend: TrainBackend,
  args: CommandArguments,
  context: CliContext,
  { config, warnings, directory, resume, page }: TrainJob,
): Promise<number> {
  const { folder, from } = openRunFolder(directory, config, { resume, acceptLogs: args.flag("accept-logs") })
  const reporter = createReporter(reportMode(context, args.flag("json")), context, config.train.steps)
  // Without the config file: the run's own has what --set and --steps changed.
  const goOn = ["pirl", "train", "--resume", "--run-dir", directory].map(shellWord).join(" ")
  // Until the trainer asks for the first time it opens model and data, and there is no step to finish.
  let isLoading = true
  const interrupt = listenForInterrupt((signal) => {
    if (!isLoading) {
      reporter.onNote("stopping after this step, which is saved; Ctrl-C again stops at once")
      return
    }
    interrupt.dispose()
    reporter.close()
    const leavesNothing = from === undefined && folder.isEmpty
    folder.close()
    if (leavesNothing) rmSync(directory, { recursive: true, force: true })
    dieOf(signal)
  })
  let neverBegan = false
  try {
    for (const warning of warnings) reporter.onNote(`warning: ${warning}`)
    if (from !== undefined) reporter.onNote(describeResume(from))
    page?.show(directory, (text) => reporter.onNote(text))
    const stopRequested = (): boolean => {
      isLoading = false
      return interrupt.requested
    }
    const result = await backend.train({ config, folder, resume: from, observer: reporter, stopRequested })
    if (!result.finished) {
      folder.logEvent("interrupt", `stopped after step ${result.step}`, { step: result.step })
      reporter.onNote(`stopped after step ${result.step}. Go on with: ${goOn}`)
      return exitCodes.interrupted
    }
    reporter.close()
    const stream = args.flag("json") ? context.err : context.out
    stream.write(`\n${summaryTable(result.summary, directory)}`)
    return exitCodes.ok
  } catch (error) {
    neverBegan = from === undefined && folder.isEmpty && isBadStart(error)
    if (!neverBegan) logFailure(folder, error)
    throw error
  } finally {
    interrupt.dispose()
    reporter.close()
    folder.close()
    // Else the corrected config would find the folder taken.
    if (neverBegan) rmSync(directory, { recursive: true, force: true })
  }
}

/** True for config, data and model files that turn out to be unusable once they are opened. */
function isBadStart(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof DataError || error instanceof CheckpointError
}

function configFileOf(args: CommandArguments, resume: boolean): string {
  const given = args.positionals[0]
  if (given !== undefined) return given
  const runDirectory = args.text("run-dir")
  if (resume && runDirectory !== undefined) {
    requireRun(runDirectory)
    return join(runDirectory, "config.yaml")
  }
  const hint = resume ? "Name the config file, or the run by --run-dir DIR." : "Write one with `pirl init`."
  throw new ConfigError([{ path: "", message: `pirl train: expected CONFIG, got nothing. ${hint}` }])
}

/** The overrides of `--set`, and of the options that stand for a setting. */
export function overridesOf(args: CommandArguments): string[] {
  const steps = args.number("steps")
  return steps === undefined ? args.texts("set") : [...args.texts("set"), `train.steps=${steps}`]
}

function showPlan(
  plan: RunPlan,
  config: ResolvedConfig,
  warnings: readonly string[],
  json: boolean,
  { out }: CliContext,
): void {
  const all = [...warnings, ...plan.warnings]
  if (json) {
    out.write(`${JSON.stringify({ config, plan: Object.fromEntries(plan.rows), warnings: all })}\n`)
    return
  }
  // The first prompt is data: it has lines, and may have control characters.
  const rows = plan.rows.map(([label, value]) => [label, terminalLine(value)] as const)
  out.write(`${configToYaml(config)}\n${columns(rows).join("\n")}\n`)
  for (const warning of all) out.write(`warning: ${warning}\n`)
  out.write("The config is sound. Nothing was trained.\n")
}
