/** From what a config says about the place of a data set to files on disk. */
import { readdir, stat } from "node:fs/promises"
import { join, sep } from "node:path"
import { ConfigError } from "../errors.ts"
import type { HubFile } from "../hub/cache.ts"
import { fetchHubFiles } from "../hub/fetch-files.ts"
import { ALL_SPLITS, chooseFiles, splitName, subsetsOf } from "./file-splits.ts"

/** Place of a data set: `path` (a file or folder) or `hub`. */
export interface DatasetLocation {
  readonly path?: string | undefined
  readonly hub?: string | undefined
  readonly revision?: string | undefined
  readonly cacheDir?: string | undefined
  readonly subset?: string | undefined
}

/** `subset` for all parts of a data set. */
const ALL_SUBSETS = "*"

/** Files of one split. */
export interface LocatedFiles {
  /** For messages. */
  readonly name: string
  /** Place in the config. */
  readonly path: string
  readonly files: readonly string[]
}

async function listFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink())
  return files.map((entry) => join(entry.parentPath, entry.name).slice(join(folder, sep).length).split(sep).join("/"))
}

/**
 * Files of a path: itself, or those of a split of a folder.
 * @param path    place in the config
 * @param splits  place of the split's setting
 * @throws ConfigError  when a folder has no such split, or a file is asked for one
 */
async function locatePath(
  file: string,
  path: string,
  split: string | undefined,
  subset?: string,
  splits: string = "task.split",
): Promise<LocatedFiles> {
  const isFolder = (await stat(file).catch(() => undefined))?.isDirectory() === true
  if (!isFolder) {
    // A file that is not there is reported by its reader.
    if (split === undefined && subset === undefined) return { name: file, path, files: [file] }
    const [setting, value] = split === undefined ? ["task.subset", subset] : [splits, split]
    const message = `data set: expected a folder for the ${setting.slice(5)} ${JSON.stringify(value)}, got ${file}, which is none. Leave ${setting} out.`
    throw new ConfigError([{ path: setting, message }])
  }
  const chosen = chooseFiles(await listFolder(file), { name: file, split, subset, path: splits })
  return {
    name: split === undefined ? file : `${file} (${split})`,
    path,
    files: chosen.map((relative) => join(file, ...relative.split("/"))),
  }
}

async function locateHub(
  location: DatasetLocation & { readonly hub: string },
  split: string | undefined,
  splits: string,
): Promise<LocatedFiles> {
  const { hub, revision = "main", cacheDir, subset } = location
  const choose = (listed: readonly HubFile[]): string[] => {
    const chosen = chooseFiles(listed.map(({ path }) => path), {
      name: hub,
      split,
      subset: subset === ALL_SUBSETS ? undefined : subset,
      path: splits,
    })
    const subsets = subset === undefined ? subsetsOf(chosen) : []
    if (subsets.length <= 1) return chosen
    const message = `data set ${hub}: expected one of its parts, got ${subsets.map((one) => one || "(top)").join(", ")}. Set task.subset to one of them, or to "*" for all.`
    throw new ConfigError([{ path: "task.subset", message }])
  }
  const repository = { kind: "dataset", name: hub, setting: "task.hub" } as const
  const { paths } = await fetchHubFiles({ repository, revision, cacheDirectory: cacheDir, choose })
  return { name: split === undefined ? hub : `${hub} (${split})`, path: "task.hub", files: paths }
}

/** A file, or every file of a folder. */
export async function locateAll(file: string, path: string): Promise<LocatedFiles> {
  const isFolder = (await stat(file).catch(() => undefined))?.isDirectory() === true
  return { ...(await locatePath(file, path, isFolder ? ALL_SPLITS : undefined, undefined, path)), name: file }
}

/** Files with the training problems; for the hub they are fetched. */
export function locateTraining(location: DatasetLocation, split: string | undefined): Promise<LocatedFiles> {
  return locateSplit(location, split, "task.split")
}

/** Files of another split of the same place. */
export async function locateHeldOut(
  location: DatasetLocation,
  split: string,
  trained: string | undefined,
): Promise<LocatedFiles> {
  if (splitName(split) === splitName(trained ?? "train")) {
    const message = `data set: expected another split than the one trained on, got ${JSON.stringify(split)}. Leave it out and set task.heldOutSize.`
    throw new ConfigError([{ path: "task.heldOutSplit", message }])
  }
  return locateSplit(location, split, "task.heldOutSplit")
}

function locateSplit(location: DatasetLocation, split: string | undefined, splits: string): Promise<LocatedFiles> {
  const { path, hub, subset } = location
  if (hub !== undefined) return locateHub({ ...location, hub }, split, splits)
  return locatePath(path!, "task.path", split, subset === ALL_SUBSETS ? undefined : subset, splits)
}
