/**
 * `pirl export`: a trained model for other programs, or the logs of runs for other trackers.
 */
import { basename, join, resolve } from "node:path"
import type { EvaluationPoint } from "../analysis/index.ts"
import type { ResolvedConfig } from "../config/index.ts"
import { ConfigError, PirlError } from "../errors.ts"
import { writeCsvTables } from "../exports/csv-tables.ts"
import { exportModel, type ExportWeightType } from "../exports/model-export.ts"
import { writeOutputFolder } from "../exports/output-folder.ts"
import { writeTensorBoard } from "../exports/tensorboard.ts"
import { writeWandb } from "../exports/wandb.ts"
import { readRun, type SavedAccuracy } from "../runs/index.ts"
import { packageVersion } from "../version.ts"
import { progressStream } from "./command.ts"
import type { CliContext, Command, CommandArguments } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { findModel } from "./find-model.ts"
import { counted, formatShare } from "./format.ts"
import { namedRuns } from "./named-runs.ts"

const modelFormats = ["hf", "onnx", "gguf", "gguf-ready-hf", "adapter"] as const
const logFormats = ["tensorboard", "wandb", "csv"] as const
const weightTypes = ["f32", "bf16", "f16", "q8_0"] as const

type LogFormat = (typeof logFormats)[number]

/** Options that only models have. */
const modelOptions = ["base", "checkpoint", "dtype", "eval-problems", "license", "name", "no-eval"]

/** What this command needs of the layers below. */
export interface ExportBackend {
  /**
   * Measures an exported model on the held-out problems of its run.
   * @returns undefined when the task has none
   * @throws PirlError  when the task cannot be opened
   */
  measure(path: string, config: ResolvedConfig, options: MeasureOptions): Promise<EvaluationPoint | undefined>
}

export interface MeasureOptions {
  /** Problems, from the first; those of the run's evaluations when undefined. */
  readonly problems: number | undefined
  /** Hears what is done and how long it has taken. */
  readonly onNote: (text: string) => void
}

/** The command, on an evaluation. */
export function exportCommand(backend: ExportBackend): Command {
  return { ...command, run: (args, context) => runExport(backend, args, context) }
}

const command: Omit<Command, "run"> = {
  name: "export",
  summary: "Write a trained model or the logs of runs for other programs",
  positionals: "RUN...",
  positionalCount: { min: 1, max: 1000 },
  options: [
    { name: "to", kind: "text", placeholder: "FORMAT", help: `Model: ${modelFormats.join(", ")}; logs: ${logFormats.join(", ")}` },
    { name: "out", kind: "text", placeholder: "DIR", help: "New or empty folder (default for models: NAME-FORMAT)" },
    { name: "checkpoint", kind: "integer", placeholder: "STEP", help: "Checkpoint of the run (default the newest)" },
    { name: "base", kind: "text", placeholder: "MODEL", help: "Base of a folder of adapters (default the one that it names)" },
    { name: "dtype", kind: "text", placeholder: "TYPE", help: "f32, bf16 or f16 (default model.dtype of the run); gguf: f16, q8_0 or f32" },
    { name: "no-eval", kind: "flag", help: "Do not measure the exported model on the run's held-out problems" },
    { name: "eval-problems", kind: "integer", placeholder: "N", help: "Measure it on the first N (default as the run's evaluations)" },
    { name: "license", kind: "text", placeholder: "ID", help: "Licence of the weights for the README, e.g. apache-2.0" },
    { name: "name", kind: "text", placeholder: "NAME", help: "Name of the model in the README (default that of the folder)" },
    { name: "project", kind: "text", placeholder: "NAME", help: "Project for wandb (default pirl)" },
  ],
  description:
    "The model of a run (or a folder, a .gguf file, PEFT adapters, hub:owner/name): hf is for transformers and vLLM, onnx for\n" +
    "transformers.js; gguf is one file for llama.cpp, with a Modelfile for Ollama; gguf-ready-hf is hf, checked for llama.cpp's\n" +
    "convert_hf_to_gguf.py; adapter is PEFT's, other formats merge adapters.\n" +
    "The README tells how it was trained and what was measured.\n" +
    "The logs of runs, or of all runs below a folder: tensorboard writes event files, wandb an offline run for\n" +
    "`wandb sync`, csv one file per table.",
  examples: [
    ["pirl export runs/quickstart --to onnx --out quickstart-onnx --license mit", "For transformers.js"],
    ["pirl export runs/math --to hf --dtype bf16 --out math-model", "For transformers and vLLM"],
    ["pirl export runs/math --to gguf --dtype q8_0 --out math-gguf", "Then: ollama create math -f math-gguf/Modelfile"],
    ["pirl export runs --to tensorboard --out events", "Then: tensorboard --logdir events"],
    ["pirl export runs/math --to wandb --project math --out wandb-math", "Then: wandb sync wandb-math/offline-run-*"],
  ],
}

async function runExport(backend: ExportBackend, args: CommandArguments, context: CliContext): Promise<number> {
  const format = args.text("to")
  const given = args.text("out")
  const issues: string[] = []
  const known: readonly string[] = [...modelFormats, ...logFormats]
  if (format === undefined || !known.includes(format)) issues.push(`expected --to with one of ${known.join(", ")}, got ${format ?? "nothing"}.`)
  const ofModel = modelFormats.some((other) => other === format)
  const out = given ?? (ofModel ? `${basename(resolve(args.positionals[0]!))}-${format}` : undefined)
  if (out === undefined) issues.push("expected --out DIR, got nothing.")
  if (ofModel && args.positionals.length > 1) issues.push(`expected one run with --to ${format}, got ${args.positionals.length}.`)
  const foreign = ofModel ? ["project"] : format === "wandb" ? modelOptions : ["project", ...modelOptions]
  for (const option of foreign) if ((args.text(option) !== undefined || args.flag(option)) && format !== undefined) issues.push(`expected no --${option} with --to ${format}. Leave it out.`)
  const dtype = args.text("dtype")
  if (dtype !== undefined && !weightTypes.some((type) => type === dtype)) issues.push(`expected --dtype with one of ${weightTypes.join(", ")}, got ${dtype}.`)
  if (issues.length > 0) throw new ConfigError(issues.map((issue) => ({ path: "", message: `pirl export: ${issue}` })))
  await (ofModel ? exportOneModel(backend, args, out!, context) : exportLogs(format as LogFormat, args, out!, context))
  return exitCodes.ok
}

async function exportOneModel(backend: ExportBackend, args: CommandArguments, out: string, context: CliContext): Promise<void> {
  const path = args.positionals[0]!
  const { path: model, config, step } = await findModel(path, args.number("checkpoint"), context)
  const onNote = (text: string): void => void progressStream(context).write(`${text}\n`)
  const measure = async (exported: string): Promise<EvaluationPoint | undefined> => {
    try {
      return await backend.measure(exported, config!, { problems: args.number("eval-problems"), onNote })
    } catch (error) {
      if (!(error instanceof PirlError)) throw error
      onNote(`The exported model was not measured: ${error.message}`)
      return undefined
    }
  }
  const { notes, saved } = await exportModel({
    source: { directory: model, base: args.text("base"), training: config === undefined ? undefined : { config, run: readRun(path), step: step! } },
    format: args.text("to") as (typeof modelFormats)[number],
    out,
    name: args.text("name") ?? basename(resolve(path)),
    license: args.text("license"),
    dtype: args.text("dtype") as ExportWeightType | undefined,
    versions: { pirl: packageVersion(), node: process.versions.node },
    measure: config === undefined || args.flag("no-eval") ? undefined : measure,
  })
  context.out.write(`${out}: the model ${step === undefined ? `of ${path}` : `of step ${step} of ${path}`}\n`)
  if (saved !== undefined) context.out.write(`${savedLine(saved)}\n`)
  for (const note of notes) context.out.write(`${note}\n`)
  if (args.text("license") === undefined) context.out.write("No licence was chosen: the README says so. Name one by --license.\n")
}

/** The exported model beside the trained policy, on one line. */
function savedLine({ dtype, asTrained, size, greedy, expected }: SavedAccuracy): string {
  const measure = greedy ?? expected
  const kind = greedy === null ? "expected" : "greedy"
  if (asTrained && (measure === null || measure.trained !== null)) return `Weights in ${dtype}: those of the checkpoint, bit for bit.`
  if (measure === null) return `Weights in ${dtype}: not measured as they are stored.`
  const trained = measure.trained === null ? "" : `; ${formatShare(measure.trained)} in training`
  return `Weights in ${dtype}: held-out accuracy (${kind}) ${formatShare(measure.accuracy)} on ${counted(size ?? 0, "problem")}${trained}.`
}

async function exportLogs(format: LogFormat, args: CommandArguments, out: string, context: CliContext): Promise<void> {
  const runs = namedRuns("pirl export", args.positionals, "Check the path.")
  const written = await writeOutputFolder(out, async (directory) => {
    if (format === "csv") await writeCsvTables(directory, runs)
    const folders = new Set<string>()
    for (const { name, directory: run } of format === "csv" ? [] : runs) {
      if (format === "tensorboard") writeTensorBoard(join(directory, ...name.split("/")), readRun(run))
      else folders.add(basename(writeWandb(directory, readRun(run), { project: args.text("project") ?? "pirl", name })))
    }
    return folders
  })
  const next = { csv: "", tensorboard: ` Show them by: tensorboard --logdir ${out}`, wandb: ` Send them by: wandb sync ${[...written].map((name) => join(out, name)).join(" ")}` }[format]
  context.out.write(`${out}: the logs of ${counted(runs.length, "run")}.${next}\n`)
}
