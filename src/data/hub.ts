/** Data sets of the Hugging Face hub: the files of one revision, fetched once and kept. */
import { createWriteStream } from "node:fs"
import { mkdir, rename, rm, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"
import { ConfigError, DataError } from "../errors.ts"
import { HubCache, defaultHubCache } from "./hub-cache.ts"
import type { Environment, HubFile } from "./hub-cache.ts"
import { isRetryableStatus, withRetries } from "./retry.ts"

/** Which files to fetch. */
export interface HubRequest {
  /** `owner/name`. */
  readonly name: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** Default: the cache folder of huggingface_hub. */
  readonly cacheDirectory?: string | undefined
  /** Picks files out of all paths of the repository. */
  readonly choose: (paths: readonly string[]) => readonly string[]
}

/** HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE and the cache folders are read from here. */
export interface HubOptions {
  readonly env?: Environment
  /** Longest time without an answer, or without a byte of a file, milliseconds. */
  readonly timeoutMs?: number
  readonly retries?: number
  readonly retryDelayMs?: number
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_RETRIES = 4
const DEFAULT_RETRY_DELAY_MS = 1000
const MAXIMUM_RETRY_DELAY_MS = 30_000

/** True unless the variable is unset, 0, false, no or off. */
function isOffline(env: Environment): boolean {
  return !["", "0", "false", "no", "off"].includes((env["HF_HUB_OFFLINE"] ?? "").trim().toLowerCase())
}

function statusOf(error: unknown): number | undefined {
  return typeof error === "object" && error !== null && "statusCode" in error ? Number(error.statusCode) : undefined
}

function tokenOf(env: Environment): string | undefined {
  const token = env["HF_TOKEN"]?.trim() ?? ""
  if (token === "" || token.startsWith("hf_")) return token === "" ? undefined : token
  const message =
    "hub: expected a token that begins with hf_ in HF_TOKEN, got something else. Correct the variable or unset it."
  throw new ConfigError([{ path: "task.hub", message }])
}

/** What failed, without addresses, which may hold signatures. */
function describe(error: unknown): string {
  const status = statusOf(error)
  if (status !== undefined) return `status ${status}`
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time"
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ""
  return `${error.message}${cause}`
}

function hubError(name: string, what: string, error: unknown): Error {
  if (error instanceof DataError || error instanceof ConfigError) return error
  const status = statusOf(error)
  if (status === 401 || status === 403 || status === 404) {
    const fix = "Check name and revision; for a private or gated data set, ask for access and put a token in HF_TOKEN."
    const message = `hub: expected ${what} of the data set ${name}, got status ${status}. ${fix}`
    return new ConfigError([{ path: "task.hub", message }], { cause: error })
  }
  const fix = "Try again later; with HF_HUB_OFFLINE=1 files fetched before are used."
  return new DataError(`hub: expected ${what} of the data set ${name}, got ${describe(error)}. ${fix}`, {
    cause: error,
  })
}

/** Paths come from a server: one that leaves the folder is refused. */
function checkPath(name: string, path: string): void {
  const parts = path.split("/")
  if (parts.every((part) => part !== "" && part !== "." && part !== "..") && !/[\\:\0]/.test(path)) return
  throw new DataError(
    `hub: expected paths inside the data set ${name}, got ${JSON.stringify(path)}. Do not use this data set.`,
  )
}

async function offlineFiles(cache: HubCache, { name, revision, choose }: HubRequest): Promise<string[]> {
  const fix = "Fetch it once without HF_HUB_OFFLINE."
  const commit = await cache.commitOf(revision)
  const files = commit === undefined ? [] : await cache.filesOf(commit)
  if (commit === undefined || files.length === 0) {
    throw new DataError(
      `hub: expected the data set ${name} (${revision}) in ${cache.folder}, got nothing there. ${fix}`,
    )
  }
  const chosen = choose(files.map(({ path }) => path))
  for (const path of chosen) {
    const file = files.find((candidate) => candidate.path === path)!
    if (!(await cache.has(commit, file))) {
      throw new DataError(
        `hub: expected the file ${path} of the data set ${name} in ${cache.folder}, got none or a part of it. ${fix}`,
      )
    }
  }
  return chosen.map((path) => cache.pathOf(commit, path))
}

/**
 * Paths on disk of the chosen files, fetched when they are not there yet. Nothing is asked of the network when
 * HF_HUB_OFFLINE is set.
 * @throws ConfigError  when there is no such data set or revision, or no access to it
 * @throws DataError    when the network fails, or the files are not there offline
 */
export async function fetchHubFiles(request: HubRequest, options: HubOptions = {}): Promise<string[]> {
  const { name, revision, choose } = request
  const { env = process.env, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const cache = new HubCache(request.cacheDirectory ?? defaultHubCache(env), name)
  if (isOffline(env)) return offlineFiles(cache, request)

  // Loaded here, so that runs without the hub do not load its client.
  const { datasetInfo, downloadFile, listFiles } = await import("@huggingface/hub")
  const token = tokenOf(env)
  const access = {
    ...(token === undefined ? {} : { accessToken: token }),
    ...(env["HF_ENDPOINT"] === undefined ? {} : { hubUrl: env["HF_ENDPOINT"].replace(/\/+$/, "") }),
    // A deadline on the headers; `save` watches the body.
    fetch: ((input, init) => fetchWithDeadline(input, init, timeoutMs)) satisfies typeof fetch,
  }
  const patient = async <T>(what: string, attempt: () => Promise<T>): Promise<T> => {
    try {
      return await withRetries(
        attempt,
        (error) => ({ retryable: !(error instanceof DataError) && isRetryableStatus(statusOf(error) ?? 500) }),
        {
          retries: options.retries ?? DEFAULT_RETRIES,
          delayMs: options.retryDelayMs ?? DEFAULT_RETRY_DELAY_MS,
          maximumDelayMs: MAXIMUM_RETRY_DELAY_MS,
        },
      )
    } catch (error) {
      throw hubError(name, what, error)
    }
  }

  const repo = { type: "dataset", name } as const
  const { sha } = await patient(`revision ${revision}`, () =>
    datasetInfo({ name, revision, additionalFields: ["sha"], ...access }),
  )
  const files = await patient("the list of files", async () => {
    const found: HubFile[] = []
    for await (const entry of listFiles({ repo, revision: sha, recursive: true, ...access })) {
      if (entry.type === "file") found.push({ path: entry.path, size: entry.lfs?.size ?? entry.size })
    }
    return found
  })
  const chosen = choose(files.map(({ path }) => path))
  for (const path of chosen) {
    checkPath(name, path)
    const file = files.find((candidate) => candidate.path === path)!
    if (await cache.has(sha, file)) continue
    await patient(`the file ${path}`, async () => {
      const blob = await downloadFile({ repo, path, revision: sha, ...access })
      if (blob === null)
        throw new DataError(`hub: expected the file ${path} in the data set ${name}, got none. Check the data set.`)
      await save(blob, cache.pathOf(sha, path), file.size, timeoutMs)
    })
  }
  await cache.remember(revision, sha, files)
  return chosen.map((path) => cache.pathOf(sha, path))
}

async function fetchWithDeadline(
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  timeoutMs: number,
): Promise<Response> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DOMException("no answer in time", "TimeoutError")), timeoutMs)
  try {
    return await fetch(input, { ...init, signal: controller.signal })
  } finally {
    clearTimeout(timer)
  }
}

/** Writes under another name first: a file with its own name is whole. */
async function save(blob: Blob, file: string, size: number | undefined, timeoutMs: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const part = `${file}.part-${process.pid}`
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(), timeoutMs)
  const watch = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      clearTimeout(timer)
      timer = setTimeout(() => stalled.abort(), timeoutMs)
      yield bytes
    }
  }
  try {
    const body = Readable.fromWeb(blob.stream() as ReadableStream<Uint8Array>)
    await pipeline(body, watch, createWriteStream(part), { signal: stalled.signal })
    const written = (await stat(part)).size
    if (size !== undefined && written !== size) throw new Error(`${written} of ${size} bytes`)
    await rename(part, file)
  } finally {
    clearTimeout(timer)
    await rm(part, { force: true })
  }
}
