/**
 * The runs that a command line names: run folders, and folders that hold some.
 */
import { statSync } from "node:fs"
import { resolve } from "node:path"
import { ConfigError } from "../errors.ts"
import { listRunFolders, nameRuns } from "../runs/index.ts"
import type { NamedRun } from "../runs/index.ts"

/**
 * Every run at or below the paths, once, with a name of its own.
 * @param command  e.g. `pirl query`, for messages
 * @param hint  what a person can do about a path without a run
 * @throws ConfigError  with every path that is no run and holds none
 */
export function namedRuns(command: string, paths: readonly string[], hint: string): NamedRun[] {
  const found = paths.map((path) => ({ path, folders: listRunFolders(path) }))
  const issues = found
    .filter(({ folders }) => folders.length === 0)
    .map(({ path }) => ({ path: "", message: `${command}: expected a run or a folder of runs, got ${path}, ${what(path)}. ${hint}` }))
  if (issues.length > 0) throw new ConfigError(issues)
  // By where it lies: a path can be written in many ways.
  const byPlace = new Map(found.flatMap(({ folders }) => folders.map((folder) => [resolve(folder), folder] as const)))
  return nameRuns([...byPlace.values()])
}

function what(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return "which is not there"
  return found.isDirectory() ? "which holds no run (no config.yaml)" : "which is a file"
}
