/** Requests and answers: one exchange, repeated where that can help and cannot harm; errors that say what to do; no key in any of them. */
import type { z } from "zod"
import { ConfigError } from "../errors.ts"
import { keepSecret, withoutSecrets } from "../secrets.ts"
import { backOffMs, systemClock, type Clock } from "./clock.ts"
import { TinkerError, type TinkerErrorKind } from "./errors.ts"
import { chooseHttp, type HttpFunction, type HttpReply } from "./http.ts"

export interface TransportOptions {
  /** Address of the server, with or without `/api/v1`. */
  readonly url: string
  /** Default: TINKER_API_KEY of the environment, else a dummy that servers without keys expect. Shown nowhere. */
  readonly apiKey?: string
  /** Sent with every request. Shown nowhere. */
  readonly headers?: Readonly<Record<string, string>>
  /** Address of a proxy, or "environment" for HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Default: none, whatever the environment says. */
  readonly proxy?: string | undefined
  /** In place of Node's fetch. */
  readonly http?: HttpFunction
  readonly clock?: Clock
  /** Longest time of one exchange. Default 60 s. */
  readonly requestTimeoutMs?: number
  /** Longest time of one request with its repetitions. Default 10 minutes. */
  readonly patienceMs?: number
  /** Hears of pauses: what failed, and for how long we wait. */
  readonly onRetry?: (note: RetryNote) => void
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface RetryNote {
  readonly what: string
  readonly reason: string
  readonly pauseMs: number
  /** From 1. */
  readonly attempt: number
}

export interface Call {
  /** For messages: "forward_backward", "retrieve_future of sample 17". */
  readonly what: string
  readonly method?: "GET" | "POST" | "DELETE"
  readonly path: string
  /** An object, or JSON text. */
  readonly body?: object | string
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
}

const DUMMY_KEY = "tml-dummy"
const SHOWN_CHARACTERS = 400
const SHORTEST_SECRET = 4

/** Statuses after which the same request may be sent again. */
function retryable(kind: TinkerErrorKind): boolean {
  return kind === "connection" || kind === "busy" || kind === "server" || kind === "not-ready"
}

export class Transport {
  readonly clock: Clock
  readonly #base: URL
  readonly #http: HttpFunction
  readonly #headers: Readonly<Record<string, string>>
  readonly #secrets: readonly string[]
  readonly #requestTimeoutMs: number
  readonly #patienceMs: number
  readonly #onRetry: (note: RetryNote) => void
  #busyMs = 0

  /** @throws ConfigError when the address or the proxy is none */
  constructor(options: TransportOptions) {
    const environment = options.environment ?? process.env
    this.#base = baseUrl(options.url)
    const key = options.apiKey ?? environment["TINKER_API_KEY"] ?? DUMMY_KEY
    if (/[^\x21-\x7e]/.test(key) || key === "") {
      throw new ConfigError([{ path: "TINKER_API_KEY", message: "tinker: expected a key of visible characters, got one with spaces, line ends or nothing. Copy it again." }])
    }
    this.#headers = { accept: "application/json", ...options.headers, "x-api-key": key }
    this.#secrets = [key === DUMMY_KEY ? "" : key, ...Object.values(options.headers ?? {})].filter((secret) => secret.length >= SHORTEST_SECRET)
    for (const secret of this.#secrets) keepSecret(secret)
    this.#http = options.http ?? chooseHttp(this.#base, options.proxy, environment)
    this.clock = options.clock ?? systemClock
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 60_000
    this.#patienceMs = options.patienceMs ?? 600_000
    this.#onRetry = options.onRetry ?? ((): void => {})
  }

  /** Address of the server, for messages. */
  get address(): string {
    return this.#base.href.replace(/\/api\/v1\/$/, "")
  }

  /** Time spent in our own code so far: encoding and decoding. */
  get busyMs(): number {
    return this.#busyMs
  }

  /** Runs synchronous work and counts its time as ours. */
  busy<T>(work: () => T): T {
    const started = performance.now()
    try {
      return work()
    } finally {
      this.#busyMs += performance.now() - started
    }
  }

  /** A text without keys, also short ones. */
  redact(text: string): string {
    let shown = withoutSecrets(text)
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, "[secret]")
    return shown
  }

  /** One request, repeated after failures that pass; its answer, checked. */
  async json<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
    const body = this.busy(() => (typeof call.body === "object" ? JSON.stringify(call.body) : call.body))
    const deadline = this.clock.now() + this.#patienceMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.once({ ...call, ...(body === undefined ? {} : { body }) }, schema)
      } catch (error) {
        if (error instanceof TinkerError) error.repeated = attempt > 0
        if (!(error instanceof TinkerError) || !retryable(error.kind)) throw error
        const pauseMs = Math.max(backOffMs(attempt), retryAfterOf(error))
        if (this.clock.now() + pauseMs > deadline) throw error
        this.#onRetry({ what: call.what, reason: error.message, pauseMs, attempt: attempt + 1 })
        await this.clock.sleep(pauseMs, { signal: call.signal })
      }
    }
  }

  /** One exchange. @throws TinkerError for every status but 2xx and for an answer that the protocol does not know */
  async once<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
    const { reply, text } = await this.exchange(call, (reply) => reply.text())
    if (reply.status < 200 || reply.status > 299) throw this.refusal(call.what, reply, text)
    return this.read(call.what, text, schema)
  }

  /** @throws TinkerError when the text is not JSON of this form */
  read<T>(what: string, text: string, schema: z.ZodType<T>): T {
    return this.busy(() => {
      let value: unknown
      try {
        value = text === "" ? undefined : JSON.parse(text)
      } catch (cause) {
        throw new TinkerError("answer", `tinker: ${what}: expected JSON from ${this.address}, got ${this.#shown(text)}. Is it a server of the Tinker protocol?`, {}, { cause })
      }
      const parsed = schema.safeParse(value)
      if (parsed.success) return parsed.data
      const [issue] = parsed.error.issues
      const place = issue === undefined || issue.path.length === 0 ? "the answer" : issue.path.map(String).join(".")
      throw new TinkerError(
        "answer",
        `tinker: ${what}: expected the protocol's answer from ${this.address}, got ${this.#shown(text)} (${place}: ${issue?.message ?? "wrong"}). The server speaks another version; \`pirl tinker check\` tells what it offers.`,
      )
    })
  }

  /** Sends and reads the body; a lost connection becomes a TinkerError, an abort of the caller stays one. */
  async exchange<T>(call: Call, readBody: (reply: HttpReply) => Promise<T>): Promise<{ readonly reply: HttpReply; readonly text: T }> {
    call.signal?.throwIfAborted()
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), call.timeoutMs ?? this.#requestTimeoutMs)
    const signal = call.signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, call.signal])
    const body = typeof call.body === "object" ? JSON.stringify(call.body) : call.body
    try {
      const reply = await this.#http({
        method: call.method ?? (body === undefined ? "GET" : "POST"),
        url: new URL(call.path, this.#base),
        headers: body === undefined ? this.#headers : { ...this.#headers, "content-type": "application/json" },
        signal,
        ...(body === undefined ? {} : { body }),
      })
      return { reply, text: await readBody(reply) }
    } catch (cause) {
      call.signal?.throwIfAborted()
      if (cause instanceof TinkerError) throw cause
      const reason = timeout.signal.aborted ? `no answer within ${(call.timeoutMs ?? this.#requestTimeoutMs) / 1000} s` : connectionReason(cause)
      // The cause may quote headers; its words are enough.
      throw new TinkerError("connection", this.redact(`tinker: ${call.what}: expected an answer from ${this.address}, got ${reason}. Is the server running, and the address right?`))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Reads a large body in pieces; one redirect is followed, without key or headers when it leads to another server. */
  async download(call: Call, write: (pieces: AsyncIterable<Uint8Array>) => Promise<void>): Promise<void> {
    const { reply } = await this.exchange(call, async (reply) => {
      if (reply.status >= 300 && reply.status < 400) return
      if (reply.status !== 200) throw this.refusal(call.what, reply, await reply.text())
      await write(reply.pieces())
    })
    if (reply.status < 300) return
    const location = reply.header("location")
    const target = location === undefined ? undefined : new URL(location, this.#base)
    if (target === undefined || (target.protocol !== "http:" && target.protocol !== "https:")) throw this.refusal(call.what, reply, "a redirect to nowhere")
    const headers = target.origin === this.#base.origin ? this.#headers : {}
    const signal = call.signal ?? new AbortController().signal
    const archive = await this.#http({ method: "GET", url: target, headers, signal })
    if (archive.status !== 200) throw this.refusal(call.what, archive, await archive.text())
    await write(archive.pieces())
  }

  /** The error of a status that is no success. */
  refusal(what: string, reply: HttpReply, text: string): TinkerError {
    const { status } = reply
    const detail = this.redact(detailOf(text))
    const { kind, advice } = meaningOf(status)
    const error = new TinkerError(kind, `tinker: ${what}: expected ${this.address} to accept it, got status ${status}${detail === "" ? "" : `: ${detail}`}. ${advice}`, { status, detail })
    const seconds = Number(reply.header("retry-after"))
    if (Number.isFinite(seconds) && seconds > 0) retryAfter.set(error, seconds * 1000)
    return error
  }

  #shown(text: string): string {
    const shown = this.redact(text.slice(0, SHOWN_CHARACTERS * 2)).slice(0, 120)
    return text === "" ? "nothing" : JSON.stringify(shown)
  }
}

const retryAfter = new WeakMap<TinkerError, number>()
const LONGEST_RETRY_AFTER_MS = 300_000

function retryAfterOf(error: TinkerError): number {
  return Math.min(retryAfter.get(error) ?? 0, LONGEST_RETRY_AFTER_MS)
}

function baseUrl(text: string): URL {
  const fail = (got: string): never => {
    throw new ConfigError([{ path: "url", message: `tinker: expected the address of a server like http://localhost:8000, got ${got}. Correct it.` }])
  }
  if (!URL.canParse(text)) return fail(JSON.stringify(text))
  const url = new URL(text)
  if (url.protocol !== "http:" && url.protocol !== "https:") return fail(url.protocol)
  if (url.username !== "" || url.password !== "") return fail("one with a password, which would be written to logs")
  return new URL(`${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/api\/v1$/, "")}/api/v1/`)
}

function meaningOf(status: number): { readonly kind: TinkerErrorKind; readonly advice: string } {
  switch (status) {
    case 401:
    case 403:
      return { kind: "unauthorised", advice: "Set TINKER_API_KEY to a key of this server." }
    case 402:
      return { kind: "billing", advice: "Settle the account; the run can be resumed from its last checkpoint." }
    case 404:
      return { kind: "not-found", advice: "Check the address, and that the server still knows what is asked for." }
    case 409:
      return { kind: "conflict", advice: "Use another name or number." }
    case 410:
      return { kind: "lost", advice: "Send the request again." }
    case 408:
    case 429:
      return { kind: "busy", advice: "Wait, or send fewer requests at once." }
    case 425:
      return { kind: "not-ready", advice: "Wait until it is written." }
    default:
      if (status >= 500) return { kind: "server", advice: "Look into the server's log." }
      if (status >= 300 && status < 400) return { kind: "invalid", advice: "Redirects are not followed; give the address itself." }
      return { kind: "invalid", advice: "Correct the request, or use a server of this version of the protocol." }
  }
}

/** The `detail` of an answer, whose form differs between servers, or its first characters. */
export function detailOf(text: string): string {
  let shown = text
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === "object" && value !== null) {
      const { detail, error, message } = value as { detail?: unknown; error?: unknown; message?: unknown }
      const found = detail ?? error ?? message ?? value
      shown = Array.isArray(found)
        ? found.map((item: { msg?: unknown; loc?: unknown }) => (typeof item?.msg === "string" ? `${Array.isArray(item.loc) ? item.loc.join(".") : ""}: ${item.msg}` : JSON.stringify(item))).join("; ")
        : typeof found === "string"
          ? found
          : JSON.stringify(found)
    }
  } catch {
    shown = text
  }
  return shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}...` : shown.replace(/\.$/, "")
}

function connectionReason(cause: unknown): string {
  if (!(cause instanceof Error)) return "no connection"
  const inner = cause.cause instanceof Error ? cause.cause : cause
  const code = "code" in inner && typeof inner.code === "string" ? inner.code : ""
  if (code === "ECONNREFUSED") return "a refused connection (ECONNREFUSED)"
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `no such host (${code})`
  if (code !== "") return `a broken connection (${code})`
  return `no connection (${inner.message})`
}
