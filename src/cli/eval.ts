/**
 * `pirl eval`: held-out accuracy of a model or a run, or its results on published benchmarks.
 */
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import { isEndpointUrl } from "../evaluation/endpoint.ts"
import type { EvaluationLine } from "../runs/index.ts"
import type { EvaluationProgress } from "../trainer/train.ts"
import { columns } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { benchmarkOptions, runBenchmarks } from "./eval-benchmarks.ts"
import type { BenchmarkBackend } from "./eval-benchmarks.ts"
import { exitCodes } from "./exit-code.ts"
import { findModel } from "./find-model.ts"
import { evaluationProgress, evaluationRows } from "./evaluation-text.ts"
import { counted } from "./format.ts"
import { configFor } from "./model-config.ts"
import type { ModelSource } from "../trainer/model-source.ts"
import { configOptions } from "./train.ts"

/** What this command needs of the layers below. */
export interface EvalBackend extends BenchmarkBackend {
  /** Accuracy on the held-out problems of `config.task`, by `config.evaluation`. */
  evaluate(model: ModelSource, config: ResolvedConfig, how: EvaluationRequest): Promise<EvaluationAnswer>
}

export interface EvaluationRequest {
  /** Every question of the data set of `config.task` is evaluated, and its verifier found where none is named. */
  readonly ownQuestions: boolean
  /** Hears every few seconds how far the greedy responses are. */
  readonly onProgress: (progress: EvaluationProgress) => void
}

export interface EvaluationAnswer {
  readonly line: EvaluationLine
  /** What judged questions of one's own, and why. */
  readonly verifier?: string
  /** What a person should know of the data. */
  readonly notes: readonly string[]
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
      {
        name: "data",
        kind: "text",
        placeholder: "FILE",
        help: "Questions of your own: JSONL, CSV, parquet, or a folder of them",
      },
      {
        name: "verifier",
        kind: "text",
        placeholder: "NAME",
        help: "Verifier of --data (default: by the kind of its ground truths)",
      },
      { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of a run (default the newest)" },
      ...configOptions,
      ...benchmarkOptions,
      { name: "json", kind: "flag", help: "One JSON object and nothing else" },
    ],
    description:
      "Measures accuracy on the held-out problems of a task: greedy, and expected where answers are unique.\n" +
      "A run knows its task; for another model (a path, or hub:owner/name) name one. With --data, measures all\n" +
      "questions of a file: prompt and answer columns are found as in training. With --bench, measures published\n" +
      "benchmarks instead; MODEL may\n" +
      "then also be the address of an OpenAI-compatible server. Responses are kept: the same command goes on where it\n" +
      "stopped.",
    examples: [
      ["pirl eval runs/quickstart", "The newest checkpoint on the run's own held-out problems"],
      ["pirl eval ./Qwen3-0.6B --task chain --set evaluation.size=100", "A model folder on a hundred problems"],
      ["pirl eval ./Qwen3-0.6B --data questions.jsonl", "A model folder on questions of one's own"],
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
  const data = args.text("data")
  const verifier = args.text("verifier")
  if (verifier !== undefined && data === undefined) {
    const message =
      "pirl eval: expected --verifier only with --data, got it without. Leave it out, or name questions."
    throw new ConfigError([{ path: "", message }])
  }
  if (data !== undefined && args.text("task") !== undefined) {
    const message = "pirl eval: expected --task or --data, got both. Leave one out."
    throw new ConfigError([{ path: "", message }])
  }
  const model = await findModel(args.positionals[0]!, args.number("checkpoint"), context)
  const sets = [...(verifier === undefined ? [] : [`task.verifier=${verifier}`]), ...args.texts("set")]
  const request = { task: args.text("task"), sets, taskNeeded: true, ...(data === undefined ? {} : { data }) }
  const config = configFor(model, request, backend.checks)
  const progress = evaluationProgress(context)
  const {
    line,
    verifier: judge,
    notes,
  } = await backend
    .evaluate(model, config, { ownQuestions: data !== undefined, onProgress: progress.show })
    .finally(progress.clear)
  for (const note of notes) context.err.write(`data: ${note}\n`)
  if (args.flag("json")) {
    const named = judge === undefined ? {} : { data, verifier: judge }
    out.write(`${JSON.stringify({ model: model.path, task: config.task.name, ...named, ...line })}\n`)
    return exitCodes.ok
  }
  const asked =
    data === undefined
      ? `${config.task.name}, ${line.size} held-out problems`
      : `${data}, ${counted(line.size, "question")}`
  const judged = judge === undefined ? [] : [["verifier", judge] as const]
  out.write(`${columns([["model", model.path], ["task", asked], ...judged, ...evaluationRows(line)]).join("\n")}\n`)
  return exitCodes.ok
}
