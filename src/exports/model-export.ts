/**
 * A trained model as a folder for other programs: transformers, transformers.js, llama.cpp's converter, PEFT.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ResolvedConfig } from "../config/index.ts"
import { CheckpointError, ConfigError } from "../errors.ts"
import { savedModelPath } from "../hub/configured-model.ts"
import { loadAdapter, mergeAdapter } from "../model/adapter.ts"
import type { ModelConfig, WeightType } from "../model/config.ts"
import { loadModelFolder, saveModelDescription, saveModelFolder } from "../model/folder.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { Weights } from "../model/weights.ts"
import type { RunRecord } from "../runs/index.ts"
import { ggufReadiness, tokenizerFingerprint } from "./gguf-readiness.ts"
import { modelCard, type ModelFormat } from "./model-card.ts"
import { inlineLimit, writeOnnxModel } from "./onnx-model.ts"
import { writeOutputFolder } from "./output-folder.ts"

/** Where the weights come from. */
export interface ExportSource {
  /** A model folder, or a checkpoint of a run. */
  readonly directory: string
  /** The run that the checkpoint belongs to. */
  readonly training: { readonly config: ResolvedConfig; readonly run: RunRecord; readonly step: number } | undefined
}

/** How a model is exported. */
export interface ModelExportOptions {
  readonly source: ExportSource
  readonly format: ModelFormat
  /** New or empty folder. */
  readonly out: string
  /** What the card calls it. */
  readonly name: string
  readonly license?: string | undefined
  /** Storage type; that of the run's model.dtype when absent. ONNX is written in f32. */
  readonly dtype?: WeightType | undefined
  /** Versions for the card, by program. */
  readonly versions: Readonly<Record<string, string>>
  /** Bytes of weights inside an ONNX file. */
  readonly inlineLimit?: number
}

/** The model that is exported. */
interface LoadedModel {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer
  readonly generation: GenerationDefaults
  readonly weights: () => Promise<Weights>
}

/**
 * Writes the folder: weights, tokenizer, generation_config.json and a README.
 * @returns what should be known about it, a sentence each
 * @throws ConfigError      when the folder is taken, or the format does not fit the model
 * @throws CheckpointError  when the model cannot be read
 */
export async function exportModel(options: ModelExportOptions): Promise<readonly string[]> {
  const { source, format, out, training } = { ...options, training: options.source.training }
  const model = await loadModel(source)
  const dtype = format === "onnx" ? "f32" : (options.dtype ?? training?.config.model.dtype ?? "f32")
  if (format === "onnx" && options.dtype !== undefined && options.dtype !== "f32") throw refused(`--dtype: expected f32 with --to onnx, got ${options.dtype}. Leave it out.`)
  if (format === "adapter" && (options.dtype ?? "f32") !== "f32") throw refused(`--dtype: expected f32 with --to adapter, got ${options.dtype}. Leave it out.`)
  const notes = format === "gguf-ready-hf" ? [ggufNote(model)] : []
  if (format !== "adapter" && tokenizerFingerprint(model.tokenizer) === undefined) {
    notes.push("The tokenizer knows the characters of its task only. transformers and transformers.js drop all others without a word.")
  }
  return writeOutputFolder(out, async (directory) => {
    if (format === "adapter") copyAdapter(source, directory)
    else if (format === "onnx") notes.push(...(await writeOnnxFolder(directory, model, options.inlineLimit ?? inlineLimit)))
    else await saveModelFolder(directory, { ...model, weights: await model.weights(), dtype })
    const card = { name: options.name, format, license: options.license, model: model.config, dtype: format === "adapter" ? "f32" : dtype, versions: options.versions, training, notes }
    writeFileSync(join(directory, "README.md"), modelCard(card))
    return notes
  })
}

function refused(message: string): ConfigError {
  return new ConfigError([{ path: "", message }])
}

/** Adapters are merged into the model that they belong to. */
async function loadModel({ directory, training }: ExportSource): Promise<LoadedModel> {
  const lora = training?.config.lora
  if (lora?.enabled !== true) {
    const { config, tokenizer, generation, readWeights } = await loadModelFolder(directory)
    return { config, tokenizer, generation, weights: readWeights }
  }
  const base = (await savedModelPath(training!.config.model))!
  if (!existsSync(base)) throw new CheckpointError(`${directory}: expected the model ${base} that its adapters belong to, got no such folder. Run the command where that path leads to it.`)
  const { config, tokenizer, generation, readWeights } = await loadModelFolder(base)
  const weights = async (): Promise<Weights> => mergeAdapter(config, lora, new Map([...(await readWeights()), ...(await loadAdapter(directory, config, lora))]))
  return { config, tokenizer, generation, weights }
}

function copyAdapter({ directory, training }: ExportSource, out: string): void {
  if (training?.config.lora.enabled !== true) throw refused("--to adapter: expected a run with lora.enabled, got one that trains all weights. Use --to hf.")
  for (const name of ["adapter_config.json", "adapter_model.safetensors"]) copyFileSync(join(directory, name), join(out, name))
}

async function writeOnnxFolder(directory: string, model: LoadedModel, limit: number): Promise<string[]> {
  const { config, tokenizer, generation } = model
  mkdirSync(join(directory, "onnx"))
  const external = await writeOnnxModel(join(directory, "onnx", "model.onnx"), config, await model.weights(), limit)
  const settings = { dtype: "fp32", ...(external ? { use_external_data_format: { "model.onnx": true } } : {}) }
  await saveModelDescription(directory, { config, tokenizer, generation }, { "transformers.js_config": settings })
  return external ? ["The weights are in onnx/model.onnx_data: a protocol buffer holds less than two gigabytes."] : []
}

/** @throws ConfigError  when the converter is known to refuse the model */
function ggufNote({ config, tokenizer }: LoadedModel): string {
  const readiness = ggufReadiness(config, tokenizer)
  if (readiness.ready === true) return `Checked for llama.cpp's convert_hf_to_gguf.py: architecture and tokenizer (${readiness.tokenizer}) are ones that it knows. The conversion itself was not run.`
  if (readiness.ready === "unknown") {
    return `Not known to convert: llama.cpp's convert_hf_to_gguf.py recognises byte-level tokenizers by a fingerprint, and this one's (${readiness.fingerprint}) is none of those known here. A later converter may know it.`
  }
  throw refused(`--to gguf-ready-hf: expected a model that llama.cpp's converter takes, got ${readiness.reason}. Use --to hf or --to onnx.`)
}
