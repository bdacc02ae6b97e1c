/** A model of the Hugging Face hub on disk: a folder in the layout of transformers, a GGUF file, or adapters with their base. */
import { copyFile, readFile, rm, stat, symlink } from "node:fs/promises"
import { basename, join } from "node:path"
import { isHubName } from "../config/index.ts"
import { ConfigError, PirlError } from "../errors.ts"
import { HubCache, replaceFile } from "./cache.ts"
import { defaultHubCache, type Environment } from "./environment.ts"
import { fetchHubFiles, type FetchedFiles, type HubOptions } from "./fetch-files.ts"
import { adapterConfig, chooseModelFiles, shardsOf, weightIndex, type ModelFiles } from "./model-files.ts"
import { repositoryText, type HubRepository } from "./repository.ts"
import { makeCacheFolder } from "./cache-folder.ts"

export interface HubModelRequest {
  /** `owner/name`. */
  readonly name: string
  /** Branch, tag or commit. Default main. */
  readonly revision?: string | undefined
  /** A GGUF file of the repository, in place of what it holds else. */
  readonly file?: string | undefined
  /** False fetches config and tokenizer alone. Default true. */
  readonly weights?: boolean
  /** What named it, for messages. Default `model.hub`. */
  readonly setting?: string
}

export interface HubModel {
  /** A model folder, a GGUF file, or a folder of adapters whose config names the folder of its base. */
  readonly path: string
  /** What the revision is. */
  readonly commit: string
}

/**
 * Fetches a model unless the cache has it.
 * @throws ConfigError      when there is no such model, no access to it, or nothing in it that can be opened
 * @throws CheckpointError  when its files do not belong together
 * @throws DataError        when the network fails, the disk is too small, or the files are not there offline
 */
export async function fetchHubModel(request: HubModelRequest, options: HubOptions = {}): Promise<HubModel> {
  const { form, repository, fetched } = await fetchParts(request, options)
  const { commit, folder, paths } = fetched
  if (form === "adapter") return { commit, path: await withBase(repository, fetched, options) }
  return { commit, path: form === "gguf" ? paths[0]! : folder }
}

/**
 * A model that the cache has whole, by the commit that main was when it was fetched; undefined for any other. Nothing
 * is asked of the network.
 */
export async function cachedModelPath(name: string, env: Environment = process.env): Promise<string | undefined> {
  if (!isHubName(name)) return undefined
  try {
    return (await fetchHubModel({ name }, { env: { ...env, HF_HUB_OFFLINE: "1" } })).path
  } catch (error) {
    if (error instanceof PirlError) return undefined
    throw error
  }
}

interface FetchedModel {
  readonly form: ModelFiles["form"]
  readonly repository: HubRepository
  readonly fetched: FetchedFiles
}

async function fetchParts({ name, revision = "main", file, weights = true, setting = "model.hub" }: HubModelRequest, options: HubOptions): Promise<FetchedModel> {
  const repository: HubRepository = { kind: "model", name, setting }
  let chosen: ModelFiles | undefined
  const fetched = await fetchHubFiles(
    {
      repository,
      revision,
      choose: (files) => {
        chosen = chooseModelFiles(files, { repository, file, weights })
        return chosen.paths
      },
    },
    options,
  )
  const { form, paths } = chosen!
  if (paths.includes(weightIndex)) {
    const index = await readFile(join(fetched.folder, weightIndex), "utf8")
    await fetchHubFiles({ repository, revision: fetched.commit, choose: (files) => shardsOf(index, files, repository) }, options)
  }
  return { form, repository, fetched }
}

/** Fetches the base of adapters, and makes a folder of them whose config names the base by its place on disk. */
async function withBase(repository: HubRepository, { commit, folder, paths }: FetchedFiles, options: HubOptions): Promise<string> {
  const { env = process.env } = options
  const own = join(new HubCache(defaultHubCache(env), repository).own, `${commit}-with-base`)
  // The base stays the one that it was, also when its own revision moves on.
  const before = await readJson(join(own, adapterConfig)).catch(() => undefined)
  if (before !== undefined && (await isThere(String(before["base_model_name_or_path"])))) return own
  const config = (await readJson(join(folder, adapterConfig)).catch(() => undefined)) ?? {}
  const base = await fetchBase(repository, config, options)
  makeCacheFolder(own)
  for (const path of paths) if (basename(path) !== adapterConfig) await place(path, join(own, basename(path)))
  await replaceFile(join(own, adapterConfig), `${JSON.stringify({ ...config, base_model_name_or_path: base }, null, 2)}\n`)
  return own
}

async function fetchBase(repository: HubRepository, config: Readonly<Record<string, unknown>>, options: HubOptions): Promise<string> {
  const { base_model_name_or_path: name, revision } = config
  const refuse = (expected: string, got: string): ConfigError => {
    const fix = "Download the adapters and their base, write the folder of the base into adapter_config.json, and name the folder of the adapters by model.path."
    return new ConfigError([{ path: repository.setting, message: `hub: expected ${expected} in ${adapterConfig} of ${repositoryText(repository)}, got ${got}. ${fix}` }])
  }
  if (typeof name !== "string" || !isHubName(name)) throw refuse("owner/name of a model of the hub as base_model_name_or_path", JSON.stringify(name) ?? "nothing")
  const request = { name, setting: repository.setting, ...(typeof revision === "string" && revision !== "" ? { revision } : {}) }
  const { form, fetched } = await fetchParts(request, options)
  if (form === "folder") return fetched.folder
  throw refuse("a base in the layout of transformers", `${name}, which is ${form === "adapter" ? "adapters itself" : "a GGUF file"}`)
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await readFile(path, "utf8"))
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

async function place(from: string, to: string): Promise<void> {
  await rm(to, { force: true })
  await symlink(from, to).catch(() => copyFile(from, to))
}
