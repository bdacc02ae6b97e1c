/**
 * `pirl bench`: speed of the embedded engine, alone or against PyTorch in the same run.
 */
import { existsSync } from "node:fs"
import type { SamplingPrecision } from "../engine/engine.ts"
import { ConfigError } from "../errors.ts"
import { progressStream } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { findModel } from "./find-model.ts"
import { formatCount, formatTable } from "./format.ts"

/** Speed of one workload. */
export interface BenchMeasurement {
  /** Median over the repetitions. */
  readonly tokensPerSecond: number
  /** The same workload in PyTorch; null when it was not run. */
  readonly reference: number | null
  /** Ours over the reference. */
  readonly ratio: number | null
}

/** The workloads of `bench/pytorch_baseline.py`. */
export type BenchReport = Readonly<Record<"train" | "sample" | "ragged", BenchMeasurement>>

/** Work on a model of the user's. */
export interface TimedWork {
  /** Median over the repetitions. */
  readonly seconds: number
  /** Over all repetitions. */
  readonly tokensPerSecond: number
  /** Tokens per second of the reference; null when it was not run. */
  readonly reference: number | null
  /** Ours over the reference. */
  readonly ratio: number | null
}

/**
 * `sample`: real new tokens, against `generate` of transformers. `train`: forward, backward and AdamW on the same
 * sequences, all of them, each counted with its prompt, against transformers. `step`: whole GRPO steps, in sampled
 * tokens, against TRL. `stepAllSignal`: the same, every response trained.
 */
export interface ModelBenchReport extends Readonly<Record<"sample" | "train" | "step" | "stepAllSignal", TimedWork>> {
  /** Share of the groups of `step` whose rewards differ. */
  readonly signalShare: number
}

export interface BenchRequest {
  readonly threads: number | undefined
  /** Python with torch; both engines then take turns, so that they meet the same machine. */
  readonly python: string | undefined
  readonly onNote: (text: string) => void
}

export interface ModelBenchRequest extends BenchRequest {
  readonly model: string
  /** Of rollouts. */
  readonly precision: SamplingPrecision
}

/** What this command needs of the layers below. */
export interface BenchBackend {
  bench(request: BenchRequest): Promise<BenchReport>
  benchModel(request: ModelBenchRequest): Promise<ModelBenchReport>
}

/** The command, on an engine. */
export function benchCommand(backend: BenchBackend): Command {
  return {
    name: "bench",
    summary: "Measure the speed of training and sampling",
    positionals: "",
    positionalCount: { min: 0, max: 0 },
    options: [
      {
        name: "model",
        kind: "text",
        placeholder: "MODEL",
        help: "A model of yours: folder, .gguf file or hub:owner/name",
      },
      { name: "threads", kind: "integer", placeholder: "N", help: "Threads of the engine (default: every core)" },
      {
        name: "python",
        kind: "text",
        placeholder: "PATH",
        help: "Python with torch (and trl), measured in turns with us",
      },
      {
        name: "precision",
        kind: "text",
        placeholder: "f32|int8",
        help: "With --model, what rollouts are computed in (default f32)",
      },
      { name: "json", kind: "flag", help: "One JSON object and nothing else" },
    ],
    description:
      "Measures a Qwen3-shaped model of 4.85 M parameters: training with AdamW (32 x 128 tokens), sampling (128\n" +
      "sequences, 32 + 64 tokens) and ragged sampling (16 prompts x 8 responses of 8 to 64 tokens).\n\n" +
      "With --model, that model on sums of two or three numbers (16 prompts x 8 responses of at most 64 tokens, full\n" +
      "fine-tuning): sampling, training on every response, three GRPO steps as they are, and three with every response\n" +
      "trained. The references are transformers (generate; forward, backward and AdamW) and TRL (GRPOTrainer).",
    examples: [
      ["pirl bench", "Our engine alone"],
      ["pirl bench --json --python /usr/bin/python3", "Ours and PyTorch in turns, for machines"],
      ["pirl bench --model SmolLM2-135M-Instruct.gguf --python venv/bin/python", "A real model, transformers and TRL"],
    ],
    run: (args, context) => runBench(backend, args, context),
  }
}

async function runBench(backend: BenchBackend, args: CommandArguments, context: CliContext): Promise<number> {
  const { out } = context
  const python = args.text("python")
  if (python !== undefined && !existsSync(python)) {
    const message = `pirl bench: expected --python with the path of a Python, got ${python}, which is not there.`
    throw new ConfigError([{ path: "", message: `${message} Give the whole path, e.g. /usr/bin/python3.` }])
  }
  const request: BenchRequest = {
    threads: args.number("threads"),
    python,
    onNote: (text) => progressStream(context).write(`${text}\n`),
  }
  const model = args.text("model")
  const precision = args.text("precision") ?? "f32"
  if (precision !== "f32" && precision !== "int8") {
    throw new ConfigError([
      { path: "", message: `pirl bench: expected --precision f32 or int8, got ${precision}. Correct it.` },
    ])
  }
  if (precision === "int8" && model === undefined) {
    throw new ConfigError([
      { path: "", message: "pirl bench: expected --model beside --precision, got none. Name a model." },
    ])
  }
  const report =
    model === undefined ? await backend.bench(request) : await benchModel(backend, request, model, precision, context)
  if (args.flag("json")) out.write(`${JSON.stringify(report)}\n`)
  else out.write("signalShare" in report ? modelTable(report) : presetTable(report))
  return exitCodes.ok
}

async function benchModel(
  backend: BenchBackend,
  request: BenchRequest,
  word: string,
  precision: SamplingPrecision,
  context: CliContext,
): Promise<ModelBenchReport> {
  const { path, config } = await findModel(word, undefined, context)
  if (config?.lora.enabled !== true) return backend.benchModel({ ...request, model: path, precision })
  const message =
    `pirl bench: expected --model with a whole model, got the adapters of ${word}. Export them ` +
    `first: pirl export ${word} --to hf.`
  throw new ConfigError([{ path: "", message }])
}

function presetTable(report: BenchReport): string {
  const rows = Object.entries(report).map(([name, { tokensPerSecond, reference, ratio }]) => [
    name,
    formatCount(tokensPerSecond),
    reference === null ? "-" : formatCount(reference),
    ratio === null ? "-" : ratio.toFixed(2),
  ])
  return formatTable([["workload", "tokens/s", "PyTorch", "ratio"], ...rows])
}

function modelTable({ signalShare, ...works }: ModelBenchReport): string {
  const row = (name: string, { seconds, tokensPerSecond, reference, ratio }: TimedWork, other: string): string[] => [
    name,
    seconds.toFixed(1),
    tokensPerSecond.toFixed(1),
    reference === null ? "-" : `${reference.toFixed(1)} (${other})`,
    ratio === null ? "-" : ratio.toFixed(2),
  ]
  const table = formatTable([
    ["workload", "seconds", "tokens/s", "reference", "ratio"],
    row("sample", works.sample, "transformers"),
    row("train", works.train, "transformers"),
    row("step", works.step, "TRL"),
    row("step, all trained", works.stepAllSignal, "TRL"),
  ])
  return (
    `${table}${(100 * signalShare).toFixed(0)} % of the groups had a signal. train counts prompts ` +
    `and responses, the others sampled tokens.\n`
  )
}
