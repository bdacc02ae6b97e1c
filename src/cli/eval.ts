/**
 * `pirl eval`: held-out accuracy of a model or a run, or its results on published benchmarks.
 */
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { isEndpointUrl } from "../evaluation/endpoint.ts"
import type { EvaluationLine } from "../runs/index.ts"
import { columns } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { benchmarkOptions, runBenchmarks } from "./eval-benchmarks.ts"
import type { BenchmarkBackend } from "./eval-benchmarks.ts"
import { exitCodes } from "./exit-code.ts"
import { findModel } from "./find-model.ts"
import { formatShare } from "./format.ts"
import { configFor } from "./model-config.ts"
import type { ModelSource } from "./model-source.ts"
import { configOptions } from "./train.ts"

/** What this command needs of the layers below. */
export interface EvalBackend extends BenchmarkBackend {
  /** Accuracy on the held-out problems of `config.task`, by `config.evaluation`. */
  evaluate(model: ModelSource, config: ResolvedConfig): Promise<EvaluationLine>
}

/** The command, on an evaluation. */
export function evalCommand(backend: EvalBackend): Command {
  return {
    name: "eval",
    summary: "Measure a model or a run: held-out accuracy, or published benchmarks",
    positionals: "MODEL",
    positionalCount: { min: 1, max: 1 },
    options: [
      { name: "task", kind: "text", placeholder: "NAME", help: "Task to measure (default: the run's own)" },
      { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of a run (default the newest)" },
      ...configOptions,
      ...benchmarkOptions,
      { name: "json", kind: "flag", help: "One JSON object and nothing else" },
    ],
    description:
      "Measures accuracy on the held-out problems of a task: greedy, and expected where answers are unique.\n" +
      "A run knows its task; for another model (a path, or hub:owner/name) name one. With --bench, measures published\n" +
      "benchmarks instead; MODEL may\n" +
      "then also be the address of an OpenAI-compatible server. Responses are kept: the same command goes on where it\n" +
      "stopped.",
    examples: [
      ["pirl eval runs/quickstart", "The newest checkpoint on the run's own held-out problems"],
      ["pirl eval ./Qwen3-0.6B --task chain --set evaluation.size=100", "A model folder on a hundred problems"],
      ["pirl eval runs/math --bench math-500,aime25 --n 8", "A run on two benchmarks, eight responses each"],
      ["pirl eval http://localhost:8000/v1 --bench amc23 --n 16 --api-model Qwen3-8B", "A served model"],
    ],
    run: (args, context) => runEval(backend, args, context),
  }
}

async function runEval(backend: EvalBackend, args: CommandArguments, context: CliContext): Promise<number> {
  if (args.text("bench") !== undefined) return runBenchmarks(backend, args, context)
  const { out } = context
  if (isEndpointUrl(args.positionals[0]!)) {
    const message = "pirl: expected --bench with an endpoint, got none. Name benchmarks, e.g. --bench math-500."
    throw new ConfigError([{ path: "", message }])
  }
  const model = await findModel(args.positionals[0]!, args.number("checkpoint"), context)
  const request = { task: args.text("task"), sets: args.texts("set"), taskNeeded: true }
  const config = configFor(model, request, backend.checks)
  const line = await backend.evaluate(model, config)
  if (args.flag("json")) {
    out.write(`${JSON.stringify({ model: model.path, task: config.task.name, ...line })}\n`)
    return exitCodes.ok
  }
  const rows: (readonly [string, string])[] = [
    ["model", model.path],
    ["task", `${config.task.name}, ${line.size} held-out problems`],
  ]
  if (line.greedyAccuracy !== undefined) rows.push(["greedy accuracy", formatShare(line.greedyAccuracy)])
  if (line.expectedAccuracy !== undefined) rows.push(["expected accuracy", formatShare(line.expectedAccuracy)])
  out.write(`${columns(rows).join("\n")}\n`)
  return exitCodes.ok
}
