/** Files of the Hugging Face hub: those of one revision, fetched once and kept. */
import { isCommit } from "../config/index.ts"
import { DataError } from "../errors.ts"
import { HubCache, type HubFile } from "./cache.ts"
import { freeBytes, noSpace } from "./disk-space.ts"
import { bytesThere, download } from "./download.ts"
import { defaultHubCache, isOffline, type Environment } from "./environment.ts"
import { checkRepository, repositoryText, type HubRepository } from "./repository.ts"
import { HubRequests, type PatienceOptions } from "./requests.ts"

/** Which files to fetch. */
export interface HubRequest {
  readonly repository: HubRepository
  /** Branch, tag or commit. */
  readonly revision: string
  /** Default: the cache folder of huggingface_hub. */
  readonly cacheDirectory?: string | undefined
  /** Picks files out of all of the repository. May throw when they are not what is needed. */
  readonly choose: (files: readonly HubFile[]) => readonly string[]
}

/** How far the downloads of one request are. */
export interface HubProgress {
  /** Of the repository, at work. */
  readonly file: string
  /** Bytes of all files to fetch; undefined where the size of one is not known. */
  readonly totalBytes: number | undefined
  /** Bytes of them that are there, those that lay there before included. */
  readonly receivedBytes: number
}

/** Hears of downloads; of none when everything is there. */
export interface HubObserver {
  readonly onProgress?: ((progress: HubProgress) => void) | undefined
  /** A wait, a second try. */
  readonly onNote?: ((text: string) => void) | undefined
}

export interface HubOptions extends PatienceOptions, HubObserver {
  /** HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE and the cache folders are read from here. Default: those of the process. */
  readonly env?: Environment
  /** Bytes free where a folder is; for tests. */
  readonly freeBytes?: (folder: string) => Promise<number | undefined>
}

export interface FetchedFiles {
  /** What the revision is. */
  readonly commit: string
  /** Folder with the files of the commit. */
  readonly folder: string
  /** Places on disk, in the order in which they were chosen. */
  readonly paths: readonly string[]
}

/**
 * The chosen files on disk, fetched when they are not there yet. Nothing is asked of the network when HF_HUB_OFFLINE is set, or
 * when the revision is a commit whose files are all there.
 * @throws ConfigError  when there is no such repository or revision, or no access to it
 * @throws DataError    when the network fails, the disk is too small, or the files are not there offline
 */
export async function fetchHubFiles(request: HubRequest, options: HubOptions = {}): Promise<FetchedFiles> {
  const { repository, revision, choose } = request
  const { env = process.env } = options
  checkRepository(repository, revision)
  const cache = new HubCache(request.cacheDirectory ?? defaultHubCache(env), repository)
  if (isOffline(env)) return offlineFiles(cache, request)
  const known = isCommit(revision) ? await cache.listing(revision) : undefined
  if (known !== undefined) {
    const chosen = chosenFiles(repository, known, choose)
    if ((await missingOf(cache, revision, chosen)).length === 0) return fetched(cache, revision, chosen)
  }

  const requests = new HubRequests(repository, env, options)
  const commit = isCommit(revision) ? revision : await requests.commitOf(revision)
  const files = (await cache.listing(commit)) ?? (await requests.filesOf(commit))
  const chosen = chosenFiles(repository, files, choose)
  const missing = await missingOf(cache, commit, chosen)
  const present = await Promise.all(missing.map((file) => bytesThere({ cache, commit, file })))
  await checkSpace(cache, repository, missing, present, options.freeBytes ?? freeBytes)
  for (const [i, file] of missing.entries()) {
    const onBytes = (bytes: number): void => {
      present[i] = bytes
      options.onProgress?.({ file: file.path, totalBytes: totalOf(missing), receivedBytes: present.reduce((sum, one) => sum + one, 0) })
    }
    await download({ repository, cache, requests, commit, file }, { onBytes, onNote: options.onNote ?? (() => undefined) })
    present[i] = file.size ?? present[i]!
  }
  await cache.remember(revision, commit, files)
  return fetched(cache, commit, chosen)
}

function fetched(cache: HubCache, commit: string, files: readonly HubFile[]): FetchedFiles {
  return { commit, folder: cache.snapshot(commit), paths: files.map(({ path }) => cache.pathOf(commit, path)) }
}

function chosenFiles(repository: HubRepository, files: readonly HubFile[], choose: HubRequest["choose"]): HubFile[] {
  return choose(files).map((path) => {
    checkPath(repository, path)
    return files.find((file) => file.path === path)!
  })
}

/** Paths come from a server: one that leaves the folder is refused. */
function checkPath(repository: HubRepository, path: string): void {
  const parts = path.split("/")
  if (parts.every((part) => part !== "" && part !== "." && part !== "..") && !/[\\:\0]/.test(path)) return
  const what = repositoryText(repository)
  throw new DataError(`hub: expected paths inside ${what}, got ${JSON.stringify(path)}. Do not use ${what}.`)
}

async function missingOf(cache: HubCache, commit: string, files: readonly HubFile[]): Promise<HubFile[]> {
  const there = await Promise.all(files.map((file) => cache.has(commit, file)))
  return files.filter((_, i) => !there[i])
}

function totalOf(files: readonly HubFile[]): number | undefined {
  return files.reduce<number | undefined>((sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size), 0)
}

async function checkSpace(
  cache: HubCache,
  repository: HubRepository,
  missing: readonly HubFile[],
  present: readonly number[],
  measure: (folder: string) => Promise<number | undefined>,
): Promise<void> {
  const needed = missing.reduce((sum, { size = 0 }, i) => sum + Math.max(0, size - present[i]!), 0)
  if (needed === 0) return
  const free = await measure(cache.folder)
  if (free !== undefined && free < needed) throw noSpace(repositoryText(repository), cache.folder, needed, free)
}

async function offlineFiles(cache: HubCache, { repository, revision, choose }: HubRequest): Promise<FetchedFiles> {
  const fix = "Fetch it once without HF_HUB_OFFLINE."
  const commit = await cache.commitOf(revision)
  const files = commit === undefined ? [] : await cache.filesOf(commit)
  if (commit === undefined || files.length === 0) {
    throw new DataError(`hub: expected ${repositoryText(repository)} (${revision}) in ${cache.folder}, got nothing there. ${fix}`)
  }
  const chosen = chosenFiles(repository, files, choose)
  const [missing] = await missingOf(cache, commit, chosen)
  if (missing === undefined) return fetched(cache, commit, chosen)
  throw new DataError(
    `hub: expected the file ${missing.path} of ${repositoryText(repository)} in ${cache.folder}, got none or a part of it. ${fix}`,
  )
}
