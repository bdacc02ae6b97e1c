/** Where files of the Hugging Face hub lie on disk: the layout of huggingface_hub, so that both find each other's. */
import { mkdir, readFile, readdir, rename, stat, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join, sep } from "node:path"

export type Environment = Readonly<Record<string, string | undefined>>

/** A file of a repository. */
export interface HubFile {
  readonly path: string
  /** Bytes; undefined where it is not known. */
  readonly size: number | undefined
}

/** HF_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache folder. */
export function defaultHubCache(env: Environment): string {
  const caches = env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache")
  return (
    env["HF_HUB_CACHE"] ?? env["HUGGINGFACE_HUB_CACHE"] ?? join(env["HF_HOME"] ?? join(caches, "huggingface"), "hub")
  )
}

const COMMIT = /^[0-9a-f]{40}$/

/** The cached files of one data set. */
export class HubCache {
  readonly folder: string

  constructor(cacheDirectory: string, name: string) {
    this.folder = join(cacheDirectory, ["datasets", ...name.split("/")].join("--"))
  }

  /** Where a file of a commit lies. */
  pathOf(commit: string, file: string): string {
    return join(this.folder, "snapshots", commit, ...file.split("/"))
  }

  /** True when the file is there, whole. */
  async has(commit: string, { path, size }: HubFile): Promise<boolean> {
    const found = await stat(this.pathOf(commit, path)).catch(() => undefined)
    return found !== undefined && found.isFile() && (size === undefined || found.size === size)
  }

  /** The commit that a revision was when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision
    const text = await readFile(join(this.folder, "refs", ...revision.split("/")), "utf8").catch(() => undefined)
    return text?.trim()
  }

  /** Remembers what a revision is and which files the commit has, so that it can be used offline. */
  async remember(revision: string, commit: string, files: readonly HubFile[]): Promise<void> {
    if (!COMMIT.test(revision)) await replaceFile(join(this.folder, "refs", ...revision.split("/")), commit)
    await replaceFile(this.#listing(commit), JSON.stringify(files))
  }

  /** Every file of a commit; those on disk when the list of all was never fetched. */
  async filesOf(commit: string): Promise<HubFile[]> {
    const listing = await readFile(this.#listing(commit), "utf8").catch(() => undefined)
    if (listing !== undefined) return JSON.parse(listing) as HubFile[]
    const snapshot = join(this.folder, "snapshots", commit)
    const entries = await readdir(snapshot, { recursive: true }).catch(() => [])
    return entries.map((entry) => ({ path: entry.split(sep).join("/"), size: undefined }))
  }

  #listing(commit: string): string {
    return join(this.folder, "pirl", `${commit}.json`)
  }
}

async function replaceFile(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const part = `${file}.part-${process.pid}`
  await writeFile(part, content)
  await rename(part, file)
}
