/** What the environment says about the Hugging Face hub: the variables of huggingface_hub. */
import { homedir } from "node:os"
import { join } from "node:path"
import { ConfigError } from "../errors.ts"
import { keepSecret } from "../secrets.ts"

export type Environment = Readonly<Record<string, string | undefined>>

const HUB = "https://huggingface.co"

/** HF_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache folder. */
export function defaultHubCache(env: Environment): string {
  const caches = env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache")
  return (
    env["HF_HUB_CACHE"] ?? env["HUGGINGFACE_HUB_CACHE"] ?? join(env["HF_HOME"] ?? join(caches, "huggingface"), "hub")
  )
}

/** HF_HUB_OFFLINE: true unless the variable is unset, 0, false, no or off. */
export function isOffline(env: Environment): boolean {
  return !["", "0", "false", "no", "off"].includes((env["HF_HUB_OFFLINE"] ?? "").trim().toLowerCase())
}

/** HF_ENDPOINT without a slash at its end; the public hub when unset. @throws ConfigError  when it is no address */
export function hubEndpoint(env: Environment): string {
  const given = env["HF_ENDPOINT"]?.trim() ?? ""
  if (given === "") return HUB
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return given.replace(/\/+$/, "")
  const message = "expected an address that begins with https:// or http://, got something else. Correct the variable or unset it."
  throw new ConfigError([{ path: "HF_ENDPOINT", message }])
}

/** HF_TOKEN; undefined when unset. @throws ConfigError  when it cannot be a token of the hub; it does not show the value */
export function hubToken(env: Environment): string | undefined {
  const token = env["HF_TOKEN"]?.trim() ?? ""
  if (token === "") return undefined
  // Nothing else may go into a header: its refusal would quote the token.
  if (/^hf_[\x21-\x7e]+$/.test(token)) {
    keepSecret(token)
    return token
  }
  const message = "expected a token that begins with hf_ and has no blanks, got something else. Correct the variable or unset it."
  throw new ConfigError([{ path: "HF_TOKEN", message }])
}
