/** Which files of a folder belong to a split, by the names that data sets give them. */
import { ConfigError } from "../errors.ts"
import { dataEnding, dataEndingsText, refusedForm, withoutEnding } from "./data-endings.ts"

const SYNONYMS: Readonly<Record<string, string>> = {
  train: "train",
  training: "train",
  test: "test",
  testing: "test",
  eval: "test",
  evaluation: "test",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
}

/** One name for what people call `dev`, `val`, `valid`; other names stay as they are. */
export function splitName(name: string): string {
  const known = name.toLowerCase()
  return Object.hasOwn(SYNONYMS, known) ? SYNONYMS[known] : name
}

/**
 * The split that a path names: `data/train-00000-of-00002.parquet`, `test/0.jsonl`, `gsm8k_dev.csv`; undefined when none.
 * A sharded file may have a split of any name. The file's own name goes before those of its folders.
 * @param path  relative to the data set's folder, with forward slashes
 */
export function splitOfPath(path: string): string | undefined {
  const segments = path.split("/")
  const file = withoutEnding(segments[segments.length - 1])
  const sharded = /^(.+)-\d{5}-of-\d{5}$/.exec(file)?.[1]
  for (const segment of [file, ...segments.slice(0, -1).toReversed()]) {
    const word = segment.split(/[^A-Za-z]+/).find((part) => Object.hasOwn(SYNONYMS, part.toLowerCase()))
    if (word !== undefined) return splitName(word)
  }
  return sharded
}

/** As a split: every file, whatever split it is of. */
export const ALL_SPLITS = "*"

/** What decides which files are read. */
export interface FileChoice {
  /** For messages: the folder or the repository. */
  readonly name: string
  /** Split to read, or `ALL_SPLITS`; `train`, or else the files that name no split, when undefined. */
  readonly split: string | undefined
  /** Only files below this folder. */
  readonly subset: string | undefined
  /** Place of the split's setting in the config. */
  readonly path: string
}

function inFolder(paths: readonly string[], folder: string | undefined): string[] {
  const prefix = folder === undefined ? "" : `${folder.replace(/^\/+|\/+$/g, "")}/`
  return paths.filter((path) => path.startsWith(prefix))
}

/** Folders of the paths that name neither a split nor `data`: the configurations of a data set with several. */
export function subsetsOf(paths: readonly string[]): string[] {
  const folders = paths.map((path) => path.slice(0, Math.max(path.lastIndexOf("/"), 0)))
  const named = folders.map((folder) =>
    folder.split("/").filter((part) => part !== "data" && splitOfPath(`${part}/x`) === undefined),
  )
  return [...new Set(named.map((parts) => parts.join("/")))]
}

/** The same rows as CSV and as parquet would count twice. */
function checkForms(files: readonly string[], where: string, path: string): void {
  const byStem = new Map<string, string>()
  for (const file of files) {
    const stem = withoutEnding(file)
    const other = byStem.get(stem)
    if (other !== undefined) {
      const message = `data set ${where}: expected the rows in one form, got ${other} and ${file}. Remove one of them, or name a file.`
      throw new ConfigError([{ path, message }])
    }
    byStem.set(stem, file)
  }
}

/**
 * The data files of a split, sorted by name.
 * @param paths  every file of the folder, relative, with forward slashes
 * @throws ConfigError  when there is none; lists the splits there are
 */
export function chooseFiles(paths: readonly string[], { name, split, subset, path }: FileChoice): string[] {
  const hidden = (file: string): boolean => file.split("/").some((part) => part.startsWith("."))
  const shown = inFolder(paths, subset).filter((file) => !hidden(file))
  const data = shown.filter((file) => dataEnding(file) !== undefined).sort()
  const where = subset === undefined ? name : `${name} (${subset})`
  if (data.length === 0) {
    const other = shown.find((file) => refusedForm(file) !== undefined)
    const got = other === undefined ? "none. Check the folder." : `${other}. ${refusedForm(other)}`
    const message = `data set ${where}: expected files that end in ${dataEndingsText}, got ${got}`
    throw new ConfigError([{ path, message }])
  }
  const bySplit = new Map<string | undefined, string[]>()
  const known = subset === undefined ? 0 : subset.replace(/^\/+|\/+$/g, "").length + 1
  for (const file of data) {
    const key = splitOfPath(file.slice(known))
    bySplit.set(key, [...(bySplit.get(key) ?? []), file])
  }
  const chosen =
    split === ALL_SPLITS
      ? data
      : split === undefined
        ? (bySplit.get("train") ?? bySplit.get(undefined))
        : bySplit.get(splitName(split))
  if (chosen !== undefined) {
    checkForms(chosen, where, path)
    return chosen
  }
  const names = [...bySplit.keys()].map((key) => key ?? "(files that name no split)").join(", ")
  const message = `data set ${where}: expected files of the split ${JSON.stringify(split ?? "train")}, got ${names}. Set ${path} to one of them.`
  throw new ConfigError([{ path, message }])
}
