/**
 * Which folder a run, or a model trained on solutions, is written to when nobody says so: runs/<name of the config file>, models/<name>,
 * then -2, -3, ... A model is no run: `pirl runs` and --resume look under runs/, and `model.path` names what lies under models/.
 */
import { existsSync, readdirSync } from "node:fs"
import { basename, extname, join } from "node:path"
import { ConfigError } from "../errors.ts"
import { isRunFolder } from "../runs/index.ts"

/** Folder of the runs that nobody gave a place. */
export const runsRoot = "runs"
/** Folder of the models that nobody gave a place. */
export const modelsRoot = "models"

/** Folder for a new run or model: the first of its name that is free. */
export function newDirectory(configFile: string, under: string): string {
  const name = basename(configFile, extname(configFile))
  const isFree = (path: string): boolean => !existsSync(path) || readdirSync(path).length === 0
  for (let number = 1; ; number++) {
    const path = join(under, number === 1 ? name : `${name}-${number}`)
    if (isFree(path)) return path
  }
}

/**
 * The run to go on with: the one of the config file that was started last.
 * @throws ConfigError  when there is none
 */
export function lastRunDirectory(configFile: string, under: string = runsRoot): string {
  const name = basename(configFile, extname(configFile))
  const numberOf = (folder: string): number => {
    if (folder === name) return 1
    const suffix = folder.startsWith(`${name}-`) ? folder.slice(name.length + 1) : ""
    return /^\d+$/.test(suffix) ? Number(suffix) : 0
  }
  const runs = (existsSync(under) ? readdirSync(under) : [])
    .filter((folder) => numberOf(folder) > 0 && isRunFolder(join(under, folder)))
    .sort((a, b) => numberOf(a) - numberOf(b))
  const last = runs.at(-1)
  if (last !== undefined) return join(under, last)
  throw new ConfigError([
    {
      path: "",
      message: `--resume: expected a run of ${configFile} under ${under}, got none. Say which by --run-dir DIR.`,
    },
  ])
}
