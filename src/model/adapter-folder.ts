/**
 * Folders of LoRA adapters that PEFT (or this program) saved, to be added into the weights of their base. What a folder
 * asks for beyond W + scale B A is refused by its name.
 */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { isHubName } from "../config/index.ts"
import { CheckpointError } from "../errors.ts"
import { checkModelFolder } from "../integrity/index.ts"
import { cachedModelPath } from "../hub/fetch-model.ts"
import { addLowRank, adapterConfigFile, adapterWeightFile, peftPrefix } from "./adapter.ts"
import type { ModelConfig } from "./config.ts"
import type { JsonObject } from "./json-file.ts"
import { isJsonObject, parseJsonObject, readOptionalFile, showValue } from "./json-file.ts"
import type { TensorEntry } from "./safetensors.ts"
import { isReadableType, readSafetensorsHeader, readTensors } from "./safetensors.ts"
import type { ParameterSpec, Weights } from "./weights.ts"
import { parameterSpecs } from "./weights.ts"

/** The adapter of one weight matrix. */
interface AdapterPlan {
  /** Parameter that it belongs to. */
  readonly weight: string
  readonly a: string
  readonly b: string
  readonly columns: number
  readonly rank: number
  readonly scale: number
}

/** Whether a folder holds adapters. transformers looks at the same file, and before config.json. */
export function isAdapterFolder(directory: string): boolean {
  return existsSync(join(directory, adapterConfigFile))
}

/** Settings of PEFT whose only value is that of a plain LoRA: absent, null, false, zero, or nothing in a list. */
const refusedSettings = [
  "use_dora",
  "modules_to_save",
  "fan_in_fan_out",
  "alpha_pattern",
  "lora_bias",
  "layer_replication",
  "trainable_token_indices",
  "target_parameters",
  "use_qalora",
  "alora_invocation_tokens",
  "use_bdlora",
  "arrow_config",
  "kasa_config",
  "velora_config",
  "monteclora_config",
]

/** Adding an adapter takes time with its rank; those of use have up to a few hundred. */
const maximumRank = 8192

/** Ways of starting an adapter that leave the base as it is; others (PiSSA, OLoRA, LoftQ, CorDA) change it. */
const harmlessStarts: ReadonlySet<unknown> = new Set([undefined, null, true, false, "gaussian", "orthogonal", "eva"])

/**
 * The model that the adapters of a folder belong to: an existing path, which adapter_config.json may give from the
 * folder or from where the command runs, or a model that the cache of the Hugging Face hub has.
 * @param base  in place of the one that the folder names
 * @throws CheckpointError  when there is none
 */
export async function findAdapterBase(directory: string, base?: string): Promise<string> {
  const path = join(directory, adapterConfigFile)
  const remedy = "Name the base by model.base (pirl export: --base): a folder or a .gguf file."
  if (base !== undefined) {
    if (existsSync(base)) return base
    const expected = `expected the base of these adapters at ${base}`
    throw new CheckpointError(`${directory}: ${expected}, got no such path. ${remedy}`)
  }
  const named = (await readAdapterConfig(directory))["base_model_name_or_path"]
  if (typeof named !== "string" || named === "") {
    const expected = "expected base_model_name_or_path, the model that the adapters belong to"
    throw new CheckpointError(`${path}: ${expected}, got ${showValue(named)}. ${remedy}`)
  }
  const found =
    [resolve(directory, named), named].find((candidate) => existsSync(candidate)) ?? (await cachedModelPath(named))
  if (found === undefined) {
    const expected = `expected the model ${named} that the adapters belong to`
    const hub = isHubName(named)
      ? ` If it is one of the Hugging Face hub, fetch it once: pirl sample hub:${named} --prompt hello.`
      : ""
    const got = `no such path beside them or here${hub === "" ? "" : ", and no such model in the cache of the hub"}`
    throw new CheckpointError(`${path}: ${expected}, got ${got}. ${remedy}${hub}`)
  }
  return found
}

/**
 * Checks that the adapters are such as are computed, and fit the model.
 * @throws CheckpointError  naming every setting and tensor that is not computed
 */
export async function checkAdapterFolder(directory: string, config: ModelConfig): Promise<void> {
  checkModelFolder(directory)
  await planAdapters(directory, config)
}

/** Base weights with the adapters added in. Weights without an adapter are shared, others are new arrays. */
export async function mergeAdapterFolder(directory: string, config: ModelConfig, weights: Weights): Promise<Weights> {
  const plans = await planAdapters(directory, config)
  const tensors = await readTensors(join(directory, adapterWeightFile), plans.flatMap(({ a, b }) => [a, b]))
  const merged = new Map(weights)
  for (const { weight, a, b, columns, rank, scale } of plans) {
    const values = weights.get(weight)!.slice()
    addLowRank(values, columns, { a: tensors.get(a)!, b: tensors.get(b)!, rank, scale })
    merged.set(weight, values)
  }
  return merged
}

async function readAdapterConfig(directory: string): Promise<JsonObject> {
  const path = join(directory, adapterConfigFile)
  const content = await readOptionalFile(path)
  if (content === undefined) {
    const message = "expected the settings of adapters, got no such file. Give a folder that PEFT saved."
    throw new CheckpointError(`${path}: ${message}`)
  }
  return parseJsonObject(Buffer.from(content).toString("utf8"), path)
}

async function planAdapters(directory: string, config: ModelConfig): Promise<AdapterPlan[]> {
  const settings = await readAdapterConfig(directory)
  const problems = settingProblems(settings)
  const alpha = settings["lora_alpha"]
  if (typeof alpha !== "number") problems.push(`lora_alpha: expected a number, got ${showValue(alpha)}`)
  const divisor = settings["use_rslora"] === true ? Math.sqrt : (rank: number): number => rank
  const scaleOf = (rank: number): number => (typeof alpha === "number" ? alpha : 0) / divisor(rank)
  const plans = pairTensors(await adapterTensors(directory), config, scaleOf, problems)
  if (problems.length === 0 && plans.length === 0) problems.push(`${adapterWeightFile}: expected adapters, got none`)
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  ${problem}`).join("")
    throw new CheckpointError(
      `${directory}: expected plain LoRA adapters of this model, got ${problems.length} that differ:${list}\n` +
        "Merge the adapters by PEFT (merge_and_unload, save_pretrained) and give that folder, or check their base.",
    )
  }
  return plans
}

function settingProblems(settings: JsonObject): string[] {
  const problems: string[] = []
  const refuse = (key: string): void => void problems.push(`${key}: ${showValue(settings[key])} is not computed`)
  if (settings["peft_type"] !== "LORA") refuse("peft_type")
  for (const key of refusedSettings) if (isSet(settings[key])) refuse(key)
  if (isSet(settings["bias"]) && settings["bias"] !== "none") refuse("bias")
  if (!harmlessStarts.has(settings["init_lora_weights"])) refuse("init_lora_weights")
  return problems
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isJsonObject(value)) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== ""
}

async function adapterTensors(directory: string): Promise<ReadonlyMap<string, TensorEntry>> {
  const path = join(directory, adapterWeightFile)
  if (existsSync(path)) return (await readSafetensorsHeader(path)).tensors
  const pickled = existsSync(join(directory, "adapter_model.bin"))
  const got = pickled ? "adapter_model.bin, which is a Python pickle" : "no such file"
  const remedy = "Save the adapters by save_pretrained of a current PEFT."
  throw new CheckpointError(`${path}: expected the weights of adapters, got ${got}. ${remedy}`)
}

/** Pairs A [rank, in] and B [out, rank] of each weight; what does not pair or fit goes into `problems`. */
function pairTensors(
  tensors: ReadonlyMap<string, TensorEntry>,
  config: ModelConfig,
  scaleOf: (rank: number) => number,
  problems: string[],
): AdapterPlan[] {
  const shapes = new Map(projections(config).map(({ name, shape }) => [name, shape]))
  const plans: AdapterPlan[] = []
  for (const [name, { shape, type }] of tensors) {
    const [, module = "", part] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? []
    const weight = `${module}.weight`
    const expected = shapes.get(weight)
    if (expected === undefined) {
      problems.push(`${name} [${shape.join(", ")}]: no adapter of a projection of this model`)
      continue
    }
    if (!isReadableType(type)) problems.push(`${name}: expected F32, BF16 or F16, got ${type}`)
    const other = `${peftPrefix}${module}.lora_${part === "A" ? "B" : "A"}.weight`
    const pair = tensors.get(other)
    if (pair === undefined) problems.push(`missing: ${other}`)
    // A pair is looked at once, from its A.
    if (pair === undefined || part !== "A") continue
    const [rows, columns] = [expected[0]!, expected[1]!]
    const rank = shape[0] ?? 0
    if (rank > maximumRank) {
      problems.push(`${name}: expected a rank of at most ${maximumRank}, got ${rank}`)
    } else if (shape.join() === [rank, columns].join() && pair.shape.join() === [rows, rank].join()) {
      plans.push({ weight, a: name, b: other, columns, rank, scale: scaleOf(rank) })
    } else {
      const got = `[${shape.join(", ")}] and [${pair.shape.join(", ")}]`
      problems.push(`${weight}: expected A [rank, ${columns}] and B [${rows}, rank], got ${got}`)
    }
  }
  return plans
}

/** The matrices that can carry an adapter. */
function projections(config: ModelConfig): ParameterSpec[] {
  return parameterSpecs(config).filter(({ name, shape }) => shape.length === 2 && name !== "model.embed_tokens.weight")
}
