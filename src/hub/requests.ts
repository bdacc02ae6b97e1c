/** What is asked of the hub: the commit of a revision, the files of a commit, the content of a file. */
import { setTimeout as sleep } from "node:timers/promises"
import { isCommit } from "../config/index.ts"
import { ConfigError, DataError, PirlError } from "../errors.ts"
import { isRetryableStatus, retryAfterMs, withRetries } from "../retry.ts"
import type { HubFile } from "./cache.ts"
import { hubEndpoint, hubToken, type Environment } from "./environment.ts"
import { HubStatus, hubError, isDiskError, withNearest, type Wanted } from "./failures.ts"
import { repositoryText, type HubRepository } from "./repository.ts"

export interface PatienceOptions {
  /** Longest time without an answer, or without a byte of a file, milliseconds. */
  readonly timeoutMs?: number
  readonly retries?: number
  readonly retryDelayMs?: number
}

/** The content of a file, from a byte on. */
export interface FileStream {
  /** First byte that comes: the one asked for, or 0 from a server that knows no ranges. */
  readonly start: number
  /** @throws when the server falls silent */
  readonly body: AsyncIterable<Uint8Array>
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_RETRIES = 4
const DEFAULT_RETRY_DELAY_MS = 1000
const MAXIMUM_RETRY_DELAY_MS = 30_000
const CHECKSUM = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Requests about one repository. */
export class HubRequests {
  readonly #repository: HubRepository
  readonly #endpoint: string
  readonly #token: string | undefined
  readonly #patience: Required<PatienceOptions>

  constructor(repository: HubRepository, env: Environment, patience: PatienceOptions) {
    this.#repository = repository
    this.#endpoint = hubEndpoint(env)
    this.#token = hubToken(env)
    const { timeoutMs = DEFAULT_TIMEOUT_MS, retries = DEFAULT_RETRIES, retryDelayMs = DEFAULT_RETRY_DELAY_MS } = patience
    this.#patience = { timeoutMs, retries, retryDelayMs }
  }

  /** @throws ConfigError  when there is no such repository or revision, or no access to it, with the nearest name where one is near */
  async commitOf(revision: string): Promise<string> {
    // Loaded here and below, so that runs without the hub do not load its client.
    const { datasetInfo, modelInfo } = await import("@huggingface/hub")
    const { kind, name } = this.#repository
    const request = { name, revision, additionalFields: ["sha" as const], ...this.#access() }
    try {
      const { sha } = await this.patiently(`revision ${revision}`, revision, () => (kind === "model" ? modelInfo(request) : datasetInfo(request)))
      if (isCommit(sha)) return sha
    } catch (error) {
      throw error instanceof ConfigError ? await this.#suggest(error, revision) : error
    }
    throw new DataError(`hub: expected the commit of ${revision} of ${repositoryText(this.#repository)}, got none. Check HF_ENDPOINT.`)
  }

  /** Every file of a commit. */
  async filesOf(commit: string): Promise<HubFile[]> {
    const { listFiles } = await import("@huggingface/hub")
    const { kind, name } = this.#repository
    return await this.patiently("the list of files", commit, async () => {
      const found: HubFile[] = []
      for await (const { type, path, size, oid, lfs } of listFiles({ repo: { type: kind, name }, revision: commit, recursive: true, ...this.#access() })) {
        const checksum = lfs?.oid ?? oid ?? ""
        // It becomes the name of a file.
        if (type === "file") found.push({ path, size: lfs?.size ?? size, ...(CHECKSUM.test(checksum) ? { checksum } : {}) })
      }
      return found
    })
  }

  /** Opens a file of a commit at a byte. */
  async open(commit: string, path: string, start: number): Promise<FileStream> {
    const { kind, name } = this.#repository
    const address = `${this.#endpoint}/${kind === "model" ? "" : "datasets/"}${name}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`
    const silence = new Silence(this.#patience.timeoutMs)
    const response = await silence.watch(() =>
      // Ranges of a compressed file would be ranges of something else.
      this.#request(address, { signal: silence.signal, headers: { "accept-encoding": "identity", ...this.#authorization(), ...(start > 0 ? { range: `bytes=${start}-` } : {}) } }),
    )
    // Before what was fetched of the file is given up for it.
    if (/^text\/html\b/.test(response.headers.get("content-type") ?? "")) throw notTheHub(`the file ${path}`, this.#endpoint)
    const { body } = response
    const first = response.status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? -1) : 0
    if (first !== start && first !== 0) throw new Error(`bytes from ${first} in place of ${start}`)
    return { start: first, body: body === null ? nothing() : silence.each(body) }
  }

  /** Does a request again as long as that may help. */
  async patiently<T>(what: string, revision: string, attempt: () => Promise<T>): Promise<T> {
    const { retries, retryDelayMs } = this.#patience
    try {
      return await withRetries(attempt, classify, { retries, delayMs: retryDelayMs, maximumDelayMs: MAXIMUM_RETRY_DELAY_MS })
    } catch (error) {
      throw hubError(error, this.#wanted(what, revision))
    }
  }

  #wanted(what: string, revision: string): Wanted {
    const host = new URL(this.#endpoint).host
    return { repository: this.#repository, revision, what, host, withToken: this.#token !== undefined }
  }

  #authorization(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
  }

  #access(): { readonly accessToken?: string; readonly hubUrl: string; readonly fetch: typeof fetch } {
    return {
      ...(this.#token === undefined ? {} : { accessToken: this.#token }),
      hubUrl: this.#endpoint,
      fetch: async (input, init) => {
        const silence = new Silence(this.#patience.timeoutMs)
        return await silence.watch(async () => {
          const response = await this.#request(input, { ...init, signal: silence.signal })
          // Read here, within the time.
          const text = await response.text()
          if (/^\s*</.test(text)) throw notTheHub("an answer of the hub's interface", this.#endpoint)
          return new Response(text, { headers: response.headers })
        })
      },
    }
  }

  /** @throws HubStatus */
  async #request(input: Parameters<typeof fetch>[0], init: RequestInit): Promise<Response> {
    const response = await fetch(input, init)
    if (response.ok) return response
    await response.body?.cancel()
    throw new HubStatus(response.status, response.headers.get("x-error-code") ?? "", retryAfterMs(response.headers.get("retry-after")))
  }

  /** Adds the name that was probably meant, if the hub tells its names. */
  async #suggest(error: ConfigError, revision: string): Promise<ConfigError> {
    const { kind, name } = this.#repository
    const status = error.cause
    if (!(status instanceof HubStatus) || status.reason === "GatedRepo" || status.status === 403) return error
    const revisionIsWrong = status.reason === "RevisionNotFound"
    const path = revisionIsWrong ? `${kind}s/${name}/refs` : `${kind}s?limit=200&author=${encodeURIComponent(name.split("/")[0]!)}`
    try {
      const response = await this.#access().fetch(`${this.#endpoint}/api/${path}`, { headers: this.#authorization() })
      return withNearest(error, revisionIsWrong ? revision : name, namesIn(await response.json()))
    } catch {
      return error
    }
  }
}

function notTheHub(what: string, endpoint: string): DataError {
  const fix = "Check HF_ENDPOINT, and whether a proxy or a login page of the network answers in its place."
  return new DataError(`hub: expected ${what} from ${new URL(endpoint).host}, got a web page. ${fix}`)
}

/** Names in the hub's list of repositories or of a repository's branches and tags. */
function namesIn(answer: unknown): string[] {
  const refs = (answer ?? {}) as { readonly branches?: unknown; readonly tags?: unknown }
  const lists = Array.isArray(answer) ? [answer] : [refs.branches, refs.tags]
  return lists.flatMap((list): unknown[] => (Array.isArray(list) ? list : [])).flatMap((one) => {
    const { id, name } = (one ?? {}) as { readonly id?: unknown; readonly name?: unknown }
    return [id, name].find((text): text is string => typeof text === "string" && /^[\w./+-]+$/.test(text)) ?? []
  })
}

function classify(error: unknown): { readonly retryable: boolean; readonly retryAfterMs?: number | undefined } {
  if (error instanceof HubStatus) return { retryable: isRetryableStatus(error.status), retryAfterMs: error.retryAfterMs }
  return { retryable: !(error instanceof PirlError) && !isDiskError(error) }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Ends a request whose server says nothing for too long. */
class Silence {
  readonly #timeoutMs: number
  readonly #controller = new AbortController()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  async watch<T>(wait: () => Promise<T>): Promise<T> {
    const waited = new AbortController()
    void sleep(this.#timeoutMs, undefined, { signal: waited.signal, ref: false }).then(
      () => this.#controller.abort(new DOMException("no answer in time", "TimeoutError")),
      () => undefined,
    )
    try {
      return await wait()
    } finally {
      waited.abort()
    }
  }

  /** The parts of a body, each in time; what the reader does with them takes as long as it takes. */
  async *each(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader()
    try {
      for (;;) {
        const { done, value } = await this.watch(() => reader.read())
        if (done) return
        yield value
      }
    } finally {
      await reader.cancel().catch(() => undefined)
    }
  }
}
