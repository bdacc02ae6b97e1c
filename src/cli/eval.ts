/**
 * `pirl eval`: held-out accuracy of a model or a run.
 */
import { applyOverrides, parseConfig } from "../config/index.ts"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { EvaluationLine } from "../runs/index.ts"
import { columns } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { formatShare } from "./format.ts"
import { resolveModelSource } from "./model-source.ts"
import type { ModelSource } from "./model-source.ts"
import { configOptions } from "./train.ts"

/** What this command needs of the layers below. */
export interface EvalBackend {
  readonly checks: readonly ConfigCheck[]
  /** Accuracy on the held-out problems of `config.task`, by `config.evaluation`. */
  evaluate(model: ModelSource, config: ResolvedConfig): Promise<EvaluationLine>
}

/** The command, on an evaluation. */
export function evalCommand(backend: EvalBackend): Command {
  return {
    name: "eval",
    summary: "Measure the held-out accuracy of a model or a run",
    positionals: "MODEL_OR_RUN",
    positionalCount: { min: 1, max: 1 },
    options: [
      { name: "task", kind: "text", placeholder: "NAME", help: "Task to measure (default: the run's own)" },
      { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of a run (default the newest)" },
      ...configOptions,
      { name: "json", kind: "flag", help: "One JSON object and nothing else" },
    ],
    description:
      "Measures accuracy on the held-out problems of a task: greedy, and expected where answers are unique.\n" +
      "A run knows its task; for a model folder name one.",
    examples: [
      ["pirl eval runs/quickstart", "The newest checkpoint on the run's own held-out problems"],
      ["pirl eval ./Qwen3-0.6B --task chain --set evaluation.size=100", "A model folder on a hundred problems"],
    ],
    run: (args, context) => runEval(backend, args, context),
  }
}

async function runEval(backend: EvalBackend, args: CommandArguments, { out }: CliContext): Promise<number> {
  const model = resolveModelSource(args.positionals[0]!, args.number("checkpoint"))
  const request = { task: args.text("task"), sets: args.texts("set"), taskNeeded: true }
  const config = configFor(model, request, backend.checks)
  const line = await backend.evaluate(model, config)
  if (args.flag("json")) {
    out.write(`${JSON.stringify({ model: model.directory, task: config.task.name, ...line })}\n`)
    return exitCodes.ok
  }
  const rows: (readonly [string, string])[] = [
    ["model", model.directory],
    ["task", `${config.task.name}, ${line.size} held-out problems`],
  ]
  if (line.greedyAccuracy !== undefined) rows.push(["greedy accuracy", formatShare(line.greedyAccuracy)])
  if (line.expectedAccuracy !== undefined) rows.push(["expected accuracy", formatShare(line.expectedAccuracy)])
  out.write(`${columns(rows).join("\n")}\n`)
  return exitCodes.ok
}

/** What the command line says about the config of a model that is on disk. */
export interface ConfigRequest {
  /** Task in place of the run's own. */
  readonly task: string | undefined
  /** Settings, `a.b=c`. */
  readonly sets: readonly string[]
  /** False when no problem of a task is looked at. */
  readonly taskNeeded: boolean
}

/**
 * The config of the run, or one of the model folder and the task named; settings on top.
 * @throws ConfigError  when a task is needed and not known, or the settings are wrong
 */
export function configFor(model: ModelSource, request: ConfigRequest, checks: readonly ConfigCheck[]): ResolvedConfig {
  const { task, sets, taskNeeded } = request
  if (model.config === undefined && task === undefined && taskNeeded) {
    const message = "pirl: expected --task NAME with a model folder, got none. Only a run knows its task."
    throw new ConfigError([{ path: "", message }])
  }
  const base = model.config ?? { model: { path: model.directory }, task: { name: "none" } }
  // Another task does not take the options of the run's own.
  const raw = task === undefined || task === model.config?.task.name ? base : { ...base, task: { name: task } }
  return parseConfig(applyOverrides(raw, sets), taskNeeded || task !== undefined ? checks : [])
}
