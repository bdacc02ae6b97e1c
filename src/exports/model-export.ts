/**
 * A trained model as a folder for other programs: transformers, transformers.js, llama.cpp's converter, PEFT.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { EvaluationPoint } from "../analysis/index.ts"
import { CheckpointError, ConfigError } from "../errors.ts"
import { savedModelPath } from "../hub/configured-model.ts"
import { loadAdapter, mergeAdapter } from "../model/adapter.ts"
import { isAdapterFolder } from "../model/adapter-folder.ts"
import type { ModelConfig, WeightType } from "../model/config.ts"
import { saveModelDescription, saveModelFolder } from "../model/folder.ts"
import type { GenerationDefaults } from "../model/generation-config.ts"
import type { GgufWeightType } from "../model/gguf/config-to-gguf.ts"
import { openModel } from "../model/open-model.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { Weights } from "../model/weights.ts"
import { compareSaved, savedWarning, type SavedAccuracy } from "../runs/index.ts"
import { planGgufFolder } from "./gguf-folder.ts"
import { ggufReadiness, tokenizerFingerprint } from "./gguf-readiness.ts"
import { nameOfPath } from "./card-paths.ts"
import { modelCard, type CardFacts, type ModelFormat } from "./model-card.ts"
import { inlineLimit, writeOnnxModel } from "./onnx-model.ts"
import { writeOutputFolder } from "./output-folder.ts"

/** Where the weights come from. */
export interface ExportSource {
  /** A model folder, a folder of adapters, the path of a GGUF file, or a checkpoint of a run. */
  readonly directory: string
  /** Model that a folder of adapters belongs to, in place of the one that it names. */
  readonly base?: string | undefined
  /** The run that the checkpoint belongs to. */
  readonly training: Training | undefined
}

type Training = NonNullable<CardFacts["training"]>

/** What weights are stored as; q8_0 is GGUF's. */
export type ExportWeightType = WeightType | GgufWeightType

/** Types of each format, the default first. */
const folderTypes: Readonly<Record<Exclude<ModelFormat, "gguf">, readonly WeightType[]>> = {
  hf: ["f32", "bf16", "f16"],
  onnx: ["f32"],
  "gguf-ready-hf": ["f32", "bf16", "f16"],
  adapter: ["f32"],
}
const ggufTypes: readonly GgufWeightType[] = ["f16", "q8_0", "f32"]

/** How a model is exported. */
export interface ModelExportOptions {
  readonly source: ExportSource
  readonly format: ModelFormat
  /** New or empty folder. */
  readonly out: string
  /** What the card calls it. */
  readonly name: string
  readonly license?: string | undefined
  /** One of the format's; when absent that of the run's model.dtype, or the format's default. */
  readonly dtype?: ExportWeightType | undefined
  /** Versions for the card, by program. */
  readonly versions: Readonly<Record<string, string>>
  /**
   * Measures the exported model on the held-out problems of its run: a folder, or a GGUF file. Called where the weights are not
   * those of the checkpoint bit for bit, or the checkpoint was not measured. Undefined when there is nothing to measure it on.
   */
  readonly measure?: ((path: string) => Promise<EvaluationPoint | undefined>) | undefined
  /** Bytes of weights inside an ONNX file. */
  readonly inlineLimit?: number
}

/** What came of an export. */
export interface ModelExport {
  /** What should be known about it, a sentence each. */
  readonly notes: readonly string[]
  /** The exported model beside the trained policy; undefined for a model that no run of ours made. */
  readonly saved: SavedAccuracy | undefined
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
 * @throws ConfigError      when the folder is taken, or the format does not fit the model
 * @throws CheckpointError  when the model cannot be read
 */
export async function exportModel(options: ModelExportOptions): Promise<ModelExport> {
  const { source, format, out, training } = { ...options, training: options.source.training }
  const ggufType = format === "gguf" ? chosenType(options, ggufTypes) : undefined
  const folderType = format === "gguf" ? undefined : chosenType(options, folderTypes[format], training?.config.model.dtype)
  const dtype = ggufType ?? folderType ?? "f32"
  const model = await loadModel(source)
  const gguf = ggufType === undefined ? undefined : planGgufFolder(model, { name: options.name, license: options.license, dtype: ggufType })
  const notes = format === "gguf-ready-hf" ? [ggufNote(model)] : [...(gguf?.notes ?? [])]
  if (format !== "adapter" && gguf === undefined && tokenizerFingerprint(model.tokenizer) === undefined) {
    notes.push("The tokenizer knows the characters of its task only. transformers and transformers.js drop all others without a word.")
  }
  return writeOutputFolder(out, async (directory) => {
    if (format === "adapter") copyAdapter(source, directory)
    else if (gguf !== undefined) await gguf.write(directory)
    else if (format === "onnx") notes.push(...(await writeOnnxFolder(directory, model, options.inlineLimit ?? inlineLimit)))
    else await saveModelFolder(directory, { ...model, weights: await model.weights(), dtype: folderType, roundingSeed: training?.config.seed })
    const readable = format === "hf" || format === "gguf-ready-hf" ? directory : gguf === undefined ? undefined : join(directory, gguf.file)
    const saved = training === undefined ? undefined : await savedAccuracy(options, training, dtype, readable)
    const warning = saved === undefined ? undefined : savedWarning(saved)
    if (warning !== undefined) notes.push(warning)
    const card: CardFacts = {
      name: options.name,
      format,
      license: options.license,
      model: model.config,
      chatTemplate: model.tokenizer.chatTemplate !== undefined,
      baseName: source.base === undefined ? undefined : nameOfPath(source.base),
      file: gguf?.file,
      dtype,
      versions: options.versions,
      training,
      saved,
      notes,
    }
    writeFileSync(join(directory, "README.md"), modelCard(card))
    return { notes, saved }
  })
}

/** @param readable  what our own engine opens of the export; undefined for the formats of others */
async function savedAccuracy({ format, measure }: ModelExportOptions, training: Training, dtype: string, readable: string | undefined): Promise<SavedAccuracy> {
  const { config, run, step } = training
  const trained = run.evaluations.findLast((line) => line.step === step)
  const asTrained = dtype === "f32" && (!config.lora.enabled || format === "adapter")
  const needed = readable !== undefined && (!asTrained || trained === undefined)
  return compareSaved({ dtype, trained, asTrained, saved: needed ? await measure?.(readable) : undefined })
}

/**
 * @param ofRun  taken where the format has it and the command names none
 * @throws ConfigError when the format has no such type
 */
function chosenType<T extends ExportWeightType>({ format, dtype }: ModelExportOptions, types: readonly T[], ofRun?: ExportWeightType): T {
  const chosen = types.find((type) => type === dtype)
  if (chosen !== undefined) return chosen
  if (dtype !== undefined) throw refused(`--dtype: expected ${types.join(" or ")} with --to ${format}, got ${dtype}. Leave it out, or name one of these.`)
  return types.find((type) => type === ofRun) ?? types[0]!
}

function refused(message: string): ConfigError {
  return new ConfigError([{ path: "", message }])
}

/** Adapters are merged into the model that they belong to. */
async function loadModel({ directory, base: named, training }: ExportSource): Promise<LoadedModel> {
  const lora = training?.config.lora
  if (lora?.enabled !== true) {
    const { config, tokenizer, generation, readWeights } = await openModel(directory, { base: named })
    return { config, tokenizer, generation, weights: readWeights }
  }
  const base = (await savedModelPath(training!.config.model))!
  if (!existsSync(base)) throw new CheckpointError(`${directory}: expected the model ${base} that its adapters belong to, got no such path. Run the command where that path leads to it.`)
  const { config, tokenizer, generation, readWeights } = await openModel(base, { base: training!.config.model.base })
  const weights = async (): Promise<Weights> => mergeAdapter(config, lora, new Map([...(await readWeights()), ...(await loadAdapter(directory, config, lora))]))
  return { config, tokenizer, generation, weights }
}

function copyAdapter({ directory, training }: ExportSource, out: string): void {
  if (training?.config.lora.enabled !== true && !isAdapterFolder(directory)) throw refused("--to adapter: expected a run with lora.enabled, got a model without adapters. Use --to hf.")
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
