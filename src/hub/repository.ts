/** Names on the Hugging Face hub. */
import { existsSync } from "node:fs"
import { isHubName } from "../config/index.ts"
import { ConfigError } from "../errors.ts"

/** A repository of the hub. */
export interface HubRepository {
  readonly kind: "model" | "dataset"
  /** `owner/name`. */
  readonly name: string
  /** What named it, for messages: a setting of the config, e.g. `model.hub`, or an argument. */
  readonly setting: string
}

/** A model of the hub as the command line names it. */
export interface HubReference {
  readonly name: string
  readonly revision: string | undefined
  readonly file: string | undefined
}

/** The repository in words: `the model owner/name`. */
export function repositoryText({ kind, name }: HubRepository): string {
  return `the ${kind === "model" ? "model" : "data set"} ${name}`
}

/** @throws ConfigError  when name or revision could lead out of the cache or to another address */
export function checkRepository(repository: HubRepository, revision: string): void {
  const { name, setting } = repository
  if (!isHubName(name)) throw refused(setting, `hub: expected owner/name, got ${JSON.stringify(name)}. Copy the name from the top of the model's page.`)
  const parts = revision.split("/")
  if (/^[\w./+-]+$/.test(revision) && parts.every((part) => part !== "" && !/^\.+$/.test(part))) return
  throw refused(setting, `hub: expected a branch, tag or commit of ${name}, got ${JSON.stringify(revision)}. Correct the revision.`)
}

function refused(path: string, message: string): ConfigError {
  return new ConfigError([{ path, message }])
}

const PREFIX = "hub:"

/**
 * `hub:owner/name`, `hub:owner/name@revision`, either followed by `/file.gguf`.
 * @param argument  what the command calls it, for the message
 * @returns undefined for a text without the prefix
 * @throws ConfigError  when what follows the prefix is none of these
 */
export function parseHubReference(text: string, argument: string): HubReference | undefined {
  if (!text.startsWith(PREFIX)) return undefined
  const found = /^([^/@]+\/[^/@]+)(?:@(.+?))?(?:\/([^@]+\.gguf))?$/.exec(text.slice(PREFIX.length))
  const [, name, revision, file] = found ?? []
  if (name !== undefined && isHubName(name)) return { name, revision, file }
  throw refused("", `${argument}: expected hub:owner/name, hub:owner/name@revision or hub:owner/name/FILE.gguf, got ${text}. Correct it.`)
}

/**
 * The name of the hub that somebody may have meant by a path that is not there.
 * @returns undefined when something is there, the text has another form, or its first part is a folder here
 */
export function hubNameIn(path: string): string | undefined {
  if (existsSync(path)) return undefined
  const short = path.replace(/^(?:hub:|hf:\/\/|https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/)/, "").replace(/\/+$/, "")
  if (!isHubName(short)) return undefined
  return short === path && existsSync(short.split("/")[0]!) ? undefined : short
}
