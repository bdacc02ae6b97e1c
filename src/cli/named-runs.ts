/**
 * The runs that a command line names: run folders, and folders that hold some.
 */
import { resolve } from "node:path"
import { ConfigError } from "../errors.ts"
import { listRunFolders, nameRuns } from "../runs/index.ts"
import type { NamedRun } from "../runs/index.ts"
import { describeNoFolder } from "./path-words.ts"

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
    .map(({ path }) => ({ path: "", message: `${command}: expected a run or a folder of runs, got ${describeNoFolder(path) ?? `${path}, which holds no run (no config.yaml)`}. ${hint}` }))
  if (issues.length > 0) throw new ConfigError(issues)
  // By where it lies: a path can be written in many ways.
  const byPlace = new Map(found.flatMap(({ folders }) => folders.map((folder) => [resolve(folder), folder] as const)))
  return nameRuns([...byPlace.values()])
}
