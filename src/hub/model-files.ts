/** Which files of a repository make the model. */
import { nearestName } from "../config/index.ts"
import { CheckpointError, ConfigError } from "../errors.ts"
import { formatSize } from "../amounts.ts"
import type { HubFile } from "./cache.ts"
import { repositoryText, type HubRepository } from "./repository.ts"

/** Config and tokenizer: what lies beside weights. */
const DESCRIPTION: ReadonlySet<string> = new Set([
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
])
const WEIGHTS = "model.safetensors"
export const weightIndex = "model.safetensors.index.json"
export const adapterConfig = "adapter_config.json"
const ADAPTER_WEIGHTS = "adapter_model.safetensors"

/** What a repository holds that can be opened. */
export type ModelForm = "folder" | "gguf" | "adapter"

export interface ModelFiles {
  readonly form: ModelForm
  /** Paths in the repository, the largest last; shards are not among them, since the index names them. */
  readonly paths: readonly string[]
}

export interface ModelChoice {
  readonly repository: HubRepository
  /** A GGUF file that was asked for. */
  readonly file: string | undefined
  /** False for config and tokenizer alone. */
  readonly weights: boolean
}

/**
 * Chooses them: the file that was named, else adapters, else a folder in the layout of transformers, else the one GGUF file.
 * @throws ConfigError  when the repository holds nothing that can be opened, or several GGUF files
 */
export function chooseModelFiles(files: readonly HubFile[], { repository, file, weights }: ModelChoice): ModelFiles {
  if (file !== undefined) return { form: "gguf", paths: [namedFile(files, file, repository)] }
  const names = new Set(files.map(({ path }) => path))
  const description = [...DESCRIPTION].filter((name) => names.has(name))
  if (!weights) return { form: "folder", paths: withTokenizer(description, repository) }
  const whole = [WEIGHTS, weightIndex].find((name) => names.has(name))
  if (names.has(adapterConfig) && (whole === undefined || names.has(ADAPTER_WEIGHTS))) {
    if (!names.has(ADAPTER_WEIGHTS)) throw refused(repository, `${ADAPTER_WEIGHTS} beside ${adapterConfig}`, weightsOf(files), "Save the adapters with safe_serialization=True in PEFT, or choose another repository.")
    return { form: "adapter", paths: [...description, adapterConfig, ADAPTER_WEIGHTS] }
  }
  if (whole !== undefined) {
    if (!names.has("config.json")) throw refused(repository, `config.json beside ${whole}`, "none", "Choose a repository in the layout of transformers.")
    return { form: "folder", paths: [...withTokenizer(description, repository), whole] }
  }
  return { form: "gguf", paths: [onlyGguf(files, repository)] }
}

function withTokenizer(paths: readonly string[], repository: HubRepository): readonly string[] {
  if (paths.includes("tokenizer.json")) return paths
  const fix = "Write one with AutoTokenizer.from_pretrained(...).save_pretrained(...) of transformers into a folder, and name the folder by model.path."
  throw refused(repository, "a tokenizer.json", "none", fix)
}

function namedFile(files: readonly HubFile[], wanted: string, repository: HubRepository): string {
  const there = files.find(({ path }) => path === wanted)
  if (there !== undefined) return oneOfOne(there.path, repository)
  const ggufs = files.filter(({ path }) => path.endsWith(".gguf"))
  const nearest = nearestName(wanted, ggufs.map(({ path }) => path))
  const got = ggufs.length === 0 ? "no .gguf file at all" : listed(ggufs)
  throw refused(repository, `the file ${wanted}`, got, nearest === undefined ? "Name one of those there." : `Did you mean ${nearest}?`)
}

function onlyGguf(files: readonly HubFile[], repository: HubRepository): string {
  // The part of a vision model that reads pictures is no model by itself.
  const ggufs = files.filter(({ path }) => path.endsWith(".gguf") && !/(?:^|\/)mmproj/.test(path))
  if (ggufs.length === 1) return oneOfOne(ggufs[0]!.path, repository)
  if (ggufs.length > 1) {
    const example = ggufs.find(({ path }) => /q8_0/i.test(path)) ?? ggufs[0]!
    throw refused(repository, "one .gguf file", listed(ggufs), `Name one: model.file: ${example.path}, or hub:${repository.name}/${example.path} on the command line.`)
  }
  const other = weightsOf(files)
  const old = files.some(({ path }) => /\.(?:bin|pth|pt)$/.test(path))
  const convert = "Convert it with transformers, AutoModelForCausalLM.from_pretrained(...).save_pretrained(FOLDER, safe_serialization=True) and the same for AutoTokenizer, and name the folder by model.path; or choose a repository with safetensors."
  throw refused(repository, `${WEIGHTS}, shards of it or a .gguf file`, other, old ? `Pickled weights are not read, since reading them may run code. ${convert}` : "Choose another repository.")
}

function oneOfOne(path: string, repository: HubRepository): string {
  if (!/-\d{5}-of-\d{5}\.gguf$/.test(path)) return path
  throw refused(repository, "a model in one .gguf file", path, "Download the parts, join them with `llama-gguf-split --merge`, and name the result by model.path; or choose a smaller file.")
}

function weightsOf(files: readonly HubFile[]): string {
  const others = files.filter(({ path }) => /\.(?:bin|pth|pt|ckpt|h5|msgpack|onnx|safetensors)$/.test(path))
  return others.length === 0 ? "no weights" : `only ${listed(others)}`
}

function listed(files: readonly HubFile[]): string {
  const shown = files.slice(0, 12).map(({ path, size }) => (size === undefined ? path : `${path} (${formatSize(size)})`))
  return shown.join(", ") + (files.length > shown.length ? ` and ${files.length - shown.length} more` : "")
}

function refused(repository: HubRepository, expected: string, got: string, fix: string): ConfigError {
  return new ConfigError([{ path: repository.setting, message: `hub: expected ${expected} in ${repositoryText(repository)}, got ${got}. ${fix}` }])
}

/**
 * The shards that an index names.
 * @param index  text of model.safetensors.index.json
 * @throws CheckpointError  when it is no index, or the repository lacks a shard
 */
export function shardsOf(index: string, files: readonly HubFile[], repository: HubRepository): string[] {
  const where = `hub: ${weightIndex} of ${repositoryText(repository)}`
  const shards = [...new Set(Object.values(weightMapOf(index, where)))].sort()
  const there = new Set(files.map(({ path }) => path))
  const missing = shards.filter((shard) => !there.has(shard))
  if (missing.length === 0) return shards
  throw new CheckpointError(`${where}: expected the shards ${shards.join(", ")} beside it, got no ${missing.join(", ")}. The repository is not complete: choose another revision or repository.`)
}

function weightMapOf(index: string, where: string): Record<string, string> {
  const fix = "Choose another revision or repository."
  let value: unknown
  try {
    value = (JSON.parse(index) as { readonly weight_map?: unknown } | null)?.weight_map
  } catch (cause) {
    throw new CheckpointError(`${where}: expected JSON, got a syntax error. ${fix}`, { cause })
  }
  const entries: [string, unknown][] = typeof value === "object" && value !== null ? Object.entries(value) : []
  const good = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string" && /^[^/\\]+\.safetensors$/.test(entry[1]))
  if (good.length > 0 && good.length === entries.length) return Object.fromEntries(good)
  throw new CheckpointError(`${where}: expected weight_map with names of safetensors files, got something else. ${fix}`)
}
