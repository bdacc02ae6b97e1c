/**
 * One file into the cache: under another name until it is whole and its checksum is right. What an interrupted download left is
 * gone on with, where the server knows ranges.
 */
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import { DataError } from "../errors.ts"
import { checksumOf, isWhole, type HubCache, type HubFile } from "./cache.ts"
import { freeBytes, isDiskFull, noSpace } from "./disk-space.ts"
import { isDiskError } from "./failures.ts"
import { withFileLock } from "./file-lock.ts"
import { repositoryText, type HubRepository } from "./repository.ts"
import type { HubRequests } from "./requests.ts"
import { standInBytes, standInFor } from "./stand-in.ts"
import { makeCacheFolder } from "./cache-folder.ts"

/** Hears of a download. */
export interface DownloadObserver {
  /** @param bytes  of the file that are there */
  readonly onBytes: (bytes: number) => void
  readonly onNote: (text: string) => void
}

export interface Download {
  readonly repository: HubRepository
  readonly cache: HubCache
  readonly requests: HubRequests
  readonly commit: string
  readonly file: HubFile
}

/** As much as an attempt must bring for the next one to count as the first, bytes: a line that breaks often still gets a large file. */
const PROGRESS_BYTES = 1_000_000

type Target = Pick<Download, "cache" | "commit" | "file">

function partOf({ cache, commit, file }: Target): string {
  return `${cache.blobOf(commit, file)}.pirl-part`
}

/** Bytes of a file that need not be fetched: those of an unfinished download, or all where another commit has the same content. */
export async function bytesThere(target: Target): Promise<number> {
  const { cache, commit, file } = target
  if (!canGoOn(file)) return 0
  return (await isWhole(cache.blobOf(commit, file), file)) ? file.size : Math.min(file.size, await sizeOf(partOf(target)))
}

/** Pieces of a file are put together only where it can be checked that they belong together. */
function canGoOn(file: HubFile): file is HubFile & { readonly size: number; readonly checksum: string } {
  return file.size !== undefined && file.checksum !== undefined
}

/**
 * Fetches a file unless it is there; two processes that want the same one fetch it once.
 * @throws ConfigError  when there is no access to it
 * @throws DataError    when the network fails, the disk is full, or what came is not the file
 */
export async function download(job: Download, observer: DownloadObserver): Promise<void> {
  const { cache, commit, file } = job
  const blob = cache.blobOf(commit, file)
  const lock = `${blob}.pirl-lock`
  const onWait = (): void => observer.onNote(`another process fetches ${file.path}; waiting for it`)
  await withFileLock(
    lock,
    async () => {
      if (file.checksum === undefined || !(await isWhole(blob, file))) await fetchBlob(job, blob, observer)
      await cache.link(commit, file)
    },
    onWait,
  )
}

async function fetchBlob(job: Download, blob: string, observer: DownloadObserver): Promise<void> {
  const { requests, commit, file } = job
  const part = partOf(job)
  let wrong = 0
  for (;;) {
    await requests.patiently(`the file ${file.path}`, commit, () => receive(job, part, observer))
    const problem = await problemOf(job, part)
    if (problem === undefined) break
    await rm(part, { force: true })
    wrong += 1
    // What lay there from before may have been the fault.
    if (wrong === 2 || problem.final) throw notTheFile(job, problem)
    observer.onNote(`${file.path}: got ${problem.what}; fetching it once more`)
  }
  await rename(part, blob)
}

/** Adds to the part until the server ends; goes on in the same attempt as long as it brings much. */
async function receive(job: Download, part: string, observer: DownloadObserver): Promise<void> {
  for (;;) {
    const before = canGoOn(job.file) ? await sizeOf(part) : 0
    try {
      await receiveOnce(job, part, before, observer)
      return
    } catch (error) {
      if (isDiskFull(error)) throw await diskFull(job, part, error)
      if (isDiskError(error) || (await sizeOf(part)) - before < PROGRESS_BYTES) throw error
      observer.onNote(`${job.file.path}: the connection broke; going on from where it was`)
    }
  }
}

async function receiveOnce({ requests, commit, file }: Download, part: string, before: number, { onBytes }: DownloadObserver): Promise<void> {
  makeCacheFolder(dirname(part))
  // Too much, or all of it: the check says which.
  if (before > 0 && file.size !== undefined && before >= file.size) return
  const { start, body } = await requests.open(commit, file.path, before)
  // Another file rather than an emptied one: a process that was thought dead may still have the old one open.
  if (start === 0) await rm(part, { force: true })
  const handle = await open(part, start === 0 ? "w" : "r+")
  try {
    await write(handle, body, start, onBytes)
  } finally {
    await handle.close()
  }
  const size = await sizeOf(part)
  // Without a size only the server's word ends the file. What stands in for a file is the shorter one, and whole.
  const isShort = file.size !== undefined && size < file.size
  if (isShort && standInFor(await startOf(part)) === undefined) throw new Error(`${size} of ${file.size} bytes`)
}

async function write(handle: FileHandle, body: AsyncIterable<Uint8Array>, start: number, onBytes: (bytes: number) => void): Promise<void> {
  let position = start
  onBytes(position)
  for await (const bytes of body) {
    for (let written = 0; written < bytes.length; ) {
      written += (await handle.write(bytes, written, bytes.length - written, position + written)).bytesWritten
    }
    position += bytes.length
    onBytes(position)
  }
  await handle.sync()
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

interface Problem {
  /** For messages, after "got". */
  readonly what: string
  /** Another attempt brings the same. */
  readonly final: boolean
}

/** What is wrong with a file that was received. */
async function problemOf({ file }: Download, part: string): Promise<Problem | undefined> {
  const { size, checksum } = file
  const standIn = standInFor(await startOf(part))
  if (standIn !== undefined) return { what: standIn.what, final: true }
  const got = await sizeOf(part)
  if (size !== undefined && got !== size) return { what: `${got} bytes in place of ${size}`, final: false }
  if (checksum === undefined) return undefined
  const found = await checksumOf(part, checksum)
  return found === checksum ? undefined : { what: `a file with the checksum ${found} in place of ${checksum}`, final: false }
}

async function startOf(path: string): Promise<Uint8Array> {
  const handle = await open(path, "r")
  try {
    const start = Buffer.alloc(standInBytes)
    const { bytesRead } = await handle.read(start, 0, standInBytes, 0)
    return start.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

function notTheFile({ repository, file }: Download, { what }: Problem): DataError {
  const fix = "Nothing of it was kept. Run it again later; if it stays so, look whether a proxy or a mirror (HF_ENDPOINT) changes files."
  return new DataError(`hub: expected the file ${file.path} of ${repositoryText(repository)}, got ${what}. ${fix}`)
}

/** The part goes, since a full disk hinders more than this download. */
async function diskFull({ repository, file, cache }: Download, part: string, cause: unknown): Promise<DataError> {
  const missing = file.size ?? (await sizeOf(part))
  await rm(part, { force: true })
  return noSpace(`${file.path} of ${repositoryText(repository)}`, cache.folder, missing, await freeBytes(cache.folder), cause)
}
