/** Folders that a command writes to, made one level at a time. */
import { mkdirSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { ConfigError } from "../errors.ts"

/** The folder and those above it that are not there, the uppermost first. */
function missingFolders(directory: string): string[] {
  const missing: string[] = []
  for (let path = resolve(directory); statSync(path, { throwIfNoEntry: false }) === undefined; path = dirname(path)) {
    missing.unshift(path)
    if (dirname(path) === path) break
  }
  return missing
}

/**
 * Makes a folder, with those above it. Node's own recursive way tries for ever in /proc, where there is no such folder
 * and none can be made, and says ENOENT on a file system that can only be read.
 * @param setting  what names the folder, for the error
 * @throws ConfigError  when it cannot be made, or something else has its name
 */
export function makeFolder(directory: string, setting: string = "train.runDir"): void {
  try {
    for (const path of missingFolders(directory)) {
      try {
        mkdirSync(path)
      } catch (error) {
        // Another process may have made it by now.
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
      }
    }
    if (statSync(directory).isDirectory()) return
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `expected a folder that can be made, got ${directory}: ${reason}. Choose another.`
    throw new ConfigError([{ path: setting, message }], { cause })
  }
  throw new ConfigError([{ path: setting, message: `expected a folder, got the file ${directory}. Choose another.` }])
}
