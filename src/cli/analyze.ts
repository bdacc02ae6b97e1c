/**
 * `pirl analyze`: the improvement signal over anybody's log.
 */
import { analyzeLog, readLog, type AnalyzeOptions } from "../analysis/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { analysisText, stepTable } from "./analysis-text.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"

/** The command. */
export const analyzeCommand: Command = {
  name: "analyze",
  summary: "Say of any training log which updates helped and when to stop",
  positionals: "FILE|RUN_FOLDER",
  positionalCount: { min: 1, max: 1 },
  options: [
    { name: "reward", kind: "text", placeholder: "COLUMN", help: "Mean reward of a step" },
    { name: "step", kind: "text", placeholder: "COLUMN", help: "Number of the step" },
    { name: "eval", kind: "text", placeholder: "COLUMN", help: "Held-out accuracy" },
    { name: "prompts", kind: "integer", placeholder: "N", help: "Prompts of a step, for the sampling error" },
    { name: "group-size", kind: "integer", placeholder: "G", help: "Responses to a prompt" },
    {
      name: "window",
      kind: "integer",
      placeholder: "K",
      help: "Batches an update is judged against (default 8, or the run's own)",
    },
    { name: "eval-size", kind: "integer", placeholder: "N", help: "Problems of an evaluation, for its noise" },
    { name: "steps", kind: "flag", help: "List every step with its verdict" },
    { name: "json", kind: "flag", help: "One JSON object" },
  ],
  description:
    "Reads metrics.jsonl or a run folder of pirl, any JSONL, JSON or CSV, trainer_state.json of TRL (or the folder of its\n" +
    "checkpoints), a console log of verl, TRL, prime-rl, OpenRLHF, unsloth or mlx-lm-lora, or an export of W&B, also in\n" +
    "UTF-16, and says which updates helped, where the run drifted\n" +
    "or fell back, when it should have been stopped, and how far the signal can be trusted. Columns are found by their\n" +
    "names; the report says which it took.",
  examples: [
    [
      "pirl analyze trainer_state.json --prompts 16 --group-size 8",
      "A TRL run, with the size of the signal against its sampling error",
    ],
    [
      "pirl analyze verl.log --eval val-core/math/acc/mean@1 --eval-size 500",
      "The console log of verl; changes inside the noise of 500 problems stay open",
    ],
    ["pirl analyze runs/quickstart --json", "A run of ours, for machines"],
  ],
  run: async (args, context) => runAnalyze(args, context),
}

function runAnalyze(args: CommandArguments, { out }: CliContext): number {
  const [log] = args.positionals as readonly [string]
  const { analysis, steps } = analyzeLog(readLog(log), log, optionsOf(args))
  const listed = args.flag("steps")
  if (args.flag("json")) out.write(`${JSON.stringify(listed ? { ...analysis, steps } : analysis)}\n`)
  else out.write(`${listed ? `${stepTable(steps)}\n` : ""}${analysisText(analysis, steps, out.columns ?? 80)}`)
  return exitCodes.ok
}

function optionsOf(args: CommandArguments): AnalyzeOptions {
  const issues: ConfigIssue[] = []
  const count = (name: string): number | undefined => {
    const value = args.number(name)
    if (value !== undefined && value < 1) issues.push({ path: "", message: `pirl analyze: expected --${name} of at least 1, got ${value}. Raise it.` })
    return value
  }
  const options: AnalyzeOptions = {
    reward: args.text("reward"),
    step: args.text("step"),
    accuracy: args.text("eval"),
    prompts: count("prompts"),
    groupSize: count("group-size"),
    window: count("window"),
    evaluationSize: count("eval-size"),
  }
  if (issues.length > 0) throw new ConfigError(issues)
  return options
}
