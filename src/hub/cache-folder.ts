/** Folders of the cache. */
import { makeFolder } from "../integrity/index.ts"

/**
 * Makes a folder of the cache, with those above it.
 * @throws ConfigError  when it cannot be made, naming the variables that say where the cache is
 */
export function makeCacheFolder(directory: string): void {
  makeFolder(directory, "HF_HUB_CACHE, HF_HOME")
}
