/** One request to an OpenAI-compatible server (vLLM, llama.cpp, a hosted one), checked from address to answer. */
import type { ChatMessage, Problem } from "../data/task.ts"
import { isRetryableStatus, retryAfterMs } from "../retry.ts"
import type { AttemptFailure } from "../retry.ts"
import { ConfigError, EngineError } from "../errors.ts"
import { keepSecret, withoutSecrets } from "../secrets.ts"
import type { ModelResponse } from "./responder.ts"

/** Chat: messages, with the server's template. Completions: text, without one. */
export type EndpointKind = "chat" | "completions"

export interface EndpointOptions {
  /** Base address, e.g. `http://localhost:8000/v1`, or that of the operation itself. */
  readonly url: string
  readonly kind: EndpointKind
  /** Sent as a bearer token; shown nowhere. */
  readonly key: string | undefined
  /** Longest time for one request, from its start to the end of its answer, milliseconds. */
  readonly timeoutMs: number
}

/** What went wrong with one request. */
export class EndpointFailure extends EngineError {
  override readonly name: string = "EndpointFailure"
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  /** HTTP status of a refusal; undefined when no answer came. */
  readonly status: number | undefined
  constructor(message: string, details: AttemptFailure & { readonly status?: number }, options?: ErrorOptions) {
    super(message, options)
    this.retryable = details.retryable
    this.retryAfterMs = details.retryAfterMs
    this.status = details.status
  }
}

const SHOWN_CHARACTERS = 300

/** True for what is an address and not a folder. */
export function isEndpointUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

export class Endpoint {
  readonly #base: string
  readonly #operation: string
  readonly #options: EndpointOptions

  /** @throws ConfigError  when the address is none, or holds a password */
  constructor(options: EndpointOptions) {
    const url = parseUrl(options.url)
    const path = url.pathname.replace(/\/+$/, "").replace(/\/(?:chat\/)?completions$/, "")
    // A bare server is meant with the usual prefix.
    this.#base = `${url.origin}${path === "" ? "/v1" : path}`
    this.#operation = `${this.#base}/${options.kind === "chat" ? "chat/completions" : "completions"}`
    this.#options = options
    keepSecret(options.key)
  }

  /** Address that is asked, for messages. */
  get address(): string {
    return this.#operation
  }

  /**
   * The only model that the server has.
   * @throws ConfigError  when it has several, or does not say
   */
  async onlyModel(): Promise<string> {
    const found = await this.#request(`${this.#base}/models`, undefined).catch((error: unknown) => error)
    const data = typeof found === "object" && found !== null && "data" in found ? found.data : undefined
    const ids = Array.isArray(data)
      ? data.map((model) => (model as { id?: unknown } | null)?.id).filter((id) => typeof id === "string")
      : []
    if (ids.length === 1) return ids[0]
    const got = found instanceof Error ? found.message : ids.length === 0 ? "none" : ids.slice(0, 20).join(", ")
    throw new ConfigError([
      {
        path: "--api-model",
        message: `endpoint ${this.#base}: expected one model, got ${got}. Name one with --api-model.`,
      },
    ])
  }

  /**
   * One response.
   * @param body  model and sampling; the prompt is added
   * @throws EndpointFailure  which says whether it makes sense to ask again
   */
  async respond(
    prompt: Problem["prompt"],
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<ModelResponse> {
    const asked = this.#options.kind === "chat" ? { messages: messagesOf(prompt) } : { prompt: textOf(prompt) }
    const started = performance.now()
    const answer = await this.#request(this.#operation, { ...asked, ...body }, signal)
    return { ...readAnswer(this.#operation, answer), seconds: (performance.now() - started) / 1000 }
  }

  async #request(url: string, body: object | undefined, signal?: AbortSignal): Promise<unknown> {
    const { key, timeoutMs } = this.#options
    const deadline = AbortSignal.timeout(timeoutMs)
    const headers = {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    }
    let response: Response
    let text: string
    try {
      response = await fetch(url, {
        method: body === undefined ? "GET" : "POST",
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A redirect could take the key elsewhere.
        redirect: "error",
        signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      })
      text = await response.text()
    } catch (cause) {
      if (signal?.aborted === true) throw cause
      const got = deadline.aborted ? `none within ${timeoutMs / 1000} s` : networkReason(cause)
      throw new EndpointFailure(
        `endpoint ${url}: expected an answer, got ${got}. Check that the server runs and is reached.`,
        { retryable: true },
        { cause },
      )
    }
    if (!response.ok) throw this.#refusal(url, response, text)
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new EndpointFailure(
        `endpoint ${url}: expected JSON, got ${this.#shown(text)}. Check the address.`,
        { retryable: true },
        { cause },
      )
    }
  }

  #refusal(url: string, { status, headers }: Response, text: string): EndpointFailure {
    const retryable = isRetryableStatus(status)
    const fix =
      status === 401 || status === 403
        ? "Name the variable with the key with --api-key-env."
        : retryable
          ? "Try again later."
          : "Correct the request."
    const message = `endpoint ${url}: expected an answer, got status ${status}: ${this.#shown(text)}. ${fix}`
    return new EndpointFailure(message, { status, retryable, retryAfterMs: retryAfterMs(headers.get("retry-after")) })
  }

  /** What a server said, on one line, without the key, which some repeat. */
  #shown(text: string): string {
    const { key } = this.#options
    const hidden = withoutSecrets(key === undefined ? text : text.replaceAll(key, "[secret]"))
    const line = hidden.replaceAll(/\s+/g, " ").trim()
    return line === "" ? "nothing" : line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}...` : line
  }
}

function parseUrl(text: string): URL {
  const fail = (got: string): ConfigError =>
    new ConfigError([
      {
        path: "MODEL",
        message: `endpoint: expected an address like http://localhost:8000/v1, got ${got}. Correct it.`,
      },
    ])
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw fail(JSON.stringify(text))
  }
  if (url.username !== "" || url.password !== "")
    throw fail("one with a password, which would be written to logs; use --api-key-env")
  return url
}

/** Why a request did not come through: fetch hides it in the cause. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  const code = "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : ""
  return `${cause.message === "" ? cause.name : cause.message}${code}`
}

function messagesOf(prompt: Problem["prompt"]): readonly ChatMessage[] {
  return typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt
}

function textOf(prompt: Problem["prompt"]): string {
  return typeof prompt === "string" ? prompt : prompt.map(({ content }) => content).join("\n\n")
}

interface Choice {
  readonly text?: unknown
  readonly message?: {
    readonly content?: unknown
    readonly reasoning_content?: unknown
    readonly reasoning?: unknown
  } | null
  readonly finish_reason?: unknown
}

function readAnswer(url: string, answer: unknown): ModelResponse {
  const { choices, usage } = (answer ?? {}) as {
    choices?: readonly (Choice | null)[]
    usage?: { completion_tokens?: unknown } | null
  }
  const choice = Array.isArray(choices) ? choices[0] : undefined
  const text = choice?.message?.content ?? choice?.text
  // A model that spent all its tokens on thoughts answers null.
  const empty = choice?.message !== undefined && choice.message !== null && (text === undefined || text === null)
  if (typeof text !== "string" && !empty) {
    const got = JSON.stringify(answer)?.slice(0, SHOWN_CHARACTERS) ?? "nothing"
    throw new EndpointFailure(
      `endpoint ${url}: expected a choice with a text, got ${got}. Check the address and --api-kind.`,
      { retryable: true },
    )
  }
  const reasoning = choice?.message?.reasoning_content ?? choice?.message?.reasoning
  const tokens = usage?.completion_tokens
  return {
    text: typeof text === "string" ? text : "",
    stopReason: choice?.finish_reason === "length" ? "length" : "stop",
    ...(typeof reasoning === "string" && reasoning !== "" ? { reasoning } : {}),
    ...(typeof tokens === "number" ? { tokens } : {}),
  }
}
