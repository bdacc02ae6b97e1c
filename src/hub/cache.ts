/**
 * Where files of the Hugging Face hub lie on disk: the layout of huggingface_hub, so that both find each other's. Contents lie
 * in `blobs` under their checksum, `snapshots` of commits link to them, `refs` say which commit a branch was.
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises"
import { dirname, join, relative, sep } from "node:path"
import { isCommit } from "../config/index.ts"
import type { HubRepository } from "./repository.ts"
import { makeCacheFolder } from "./cache-folder.ts"

/** A file of a repository. */
export interface HubFile {
  readonly path: string
  /** Bytes; undefined where it is not known. */
  readonly size: number | undefined
  /** SHA-256 of the content (64 digits), or Git's SHA-1 of it (40 digits); undefined where it is not known. */
  readonly checksum?: string | undefined
}

/** The cached files of one repository. */
export class HubCache {
  readonly folder: string

  constructor(cacheDirectory: string, { kind, name }: HubRepository) {
    this.folder = join(cacheDirectory, [`${kind}s`, ...name.split("/")].join("--"))
  }

  /** Folder with the files of a commit. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit)
  }

  /** Where a file of a commit lies. */
  pathOf(commit: string, file: string): string {
    return join(this.snapshot(commit), ...file.split("/"))
  }

  /** Folder for what pirl adds to the layout. */
  get own(): string {
    return join(this.folder, "pirl")
  }

  /** Where the content of a file lies; its name is made of commit and path where no checksum is known. */
  blobOf(commit: string, { path, checksum }: HubFile): string {
    return join(this.folder, "blobs", checksum ?? createHash("sha256").update(`${commit}/${path}`).digest("hex"))
  }

  /** True when the file is there, whole. */
  async has(commit: string, file: HubFile): Promise<boolean> {
    return isWhole(this.pathOf(commit, file.path), file)
  }

  /** Makes a whole blob the file of a commit. */
  async link(commit: string, file: HubFile): Promise<void> {
    const blob = this.blobOf(commit, file)
    const place = this.pathOf(commit, file.path)
    const temporary = `${place}.link-${process.pid}`
    makeCacheFolder(dirname(place))
    try {
      await symlink(relative(dirname(place), blob), temporary)
      await rename(temporary, place)
    } catch {
      // Where links are not to be had (Windows, some file systems) the blob itself becomes the file, as in huggingface_hub.
      await rm(temporary, { force: true })
      await rename(blob, place)
    }
  }

  /** The commit that a revision was when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await readFile(join(this.folder, "refs", ...revision.split("/")), "utf8").catch(() => undefined)
    return text !== undefined && isCommit(text.trim()) ? text.trim() : undefined
  }

  /** Remembers what a revision is and which files the commit has, so that it can be used offline. */
  async remember(revision: string, commit: string, files: readonly HubFile[]): Promise<void> {
    if (!isCommit(revision)) await replaceFile(join(this.folder, "refs", ...revision.split("/")), commit)
    await replaceFile(this.#listing(commit), JSON.stringify(files))
  }

  /** Every file of a commit as the hub listed it; undefined when that was never asked, or by another program. */
  async listing(commit: string): Promise<HubFile[] | undefined> {
    const text = await readFile(this.#listing(commit), "utf8").catch(() => undefined)
    return text === undefined ? undefined : (JSON.parse(text) as HubFile[])
  }

  /** Every file of a commit; those on disk when the list of all was never fetched. */
  async filesOf(commit: string): Promise<HubFile[]> {
    const listed = await this.listing(commit)
    if (listed !== undefined) return listed
    const entries = await readdir(this.snapshot(commit), { recursive: true }).catch(() => [])
    return entries.map((entry) => ({ path: entry.split(sep).join("/"), size: undefined }))
  }

  #listing(commit: string): string {
    return join(this.own, `${commit}.json`)
  }
}

/** True when a file is there and as long as it should be. */
export async function isWhole(path: string, { size }: HubFile): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && found.isFile() && (size === undefined || found.size === size)
}

/** The checksum of a file on disk, of the kind that `expected` is. */
export async function checksumOf(path: string, expected: string): Promise<string> {
  const { size } = await stat(path)
  // Git hashes a header before the content.
  const hash = expected.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`)
  for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array)
  return hash.digest("hex")
}

/** Writes a file whole or not at all. */
export async function replaceFile(file: string, content: string): Promise<void> {
  makeCacheFolder(dirname(file))
  const part = `${file}.part-${process.pid}`
  try {
    await writeFile(part, content)
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
}
