/** Responses of an endpoint: many requests at once, each with its retries. */
import { withRetries } from "../retry.ts"
import { EngineError } from "../errors.ts"
import { Endpoint, EndpointFailure } from "./endpoint.ts"
import type { EndpointOptions } from "./endpoint.ts"
import type { ModelResponse, Responder, ResponseRequest } from "./responder.ts"

export interface EndpointResponderOptions extends EndpointOptions {
  readonly model: string
  readonly temperature: number
  readonly topP: number
  readonly maxTokens: number
  /** Further fields of the request's body; null takes one away, for servers that refuse it. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Requests at once. */
  readonly concurrency: number
  /** Further attempts after the first, for what may pass: 429, 5xx, time-outs, broken connections. */
  readonly retries: number
  /** First wait between attempts, milliseconds; doubles. */
  readonly retryDelayMs: number
}

/** Longest wait between two attempts. */
const MAXIMUM_RETRY_DELAY_MS = 60_000
/** So many requests given up on in a row (at least `concurrency`) mean that the endpoint is down. */
const MOST_GIVEN_UP = 4
/** Seeds that all servers take: they must fit into 31 bits. */
const LARGEST_SEED = 2 ** 31 - 1

export function endpointResponder(options: EndpointResponderOptions): Responder {
  const { model, temperature, topP, maxTokens, extra, concurrency, retries, retryDelayMs, url, kind } = options
  const endpoint = new Endpoint(options)

  function bodyOf({ seed }: ResponseRequest): Record<string, unknown> {
    const fields = { model, temperature, top_p: topP, max_tokens: maxTokens, seed: seed % LARGEST_SEED, ...extra }
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
  }

  function ask(request: ResponseRequest, signal: AbortSignal): Promise<ModelResponse> {
    return withRetries(
      () => endpoint.respond(request.problem.prompt, bodyOf(request), signal),
      (error) => (error instanceof EndpointFailure ? error : { retryable: false }),
      { retries, delayMs: retryDelayMs, maximumDelayMs: MAXIMUM_RETRY_DELAY_MS, signal },
    )
  }

  return {
    settings: {
      model,
      endpoint: url,
      kind,
      temperature,
      topP,
      maxTokens,
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    },
    async respond(requests, receiver, signal) {
      const stop = new AbortController()
      const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
      let next = 0
      let givenUp = 0
      let fatal: unknown
      const end = (error: unknown): void => {
        fatal ??= error
        stop.abort()
      }
      const work = async (): Promise<void> => {
        while (next < requests.length && !both.aborted) {
          const request = requests[next++]
          try {
            const response = await ask(request, both)
            givenUp = 0
            await receiver.onResponses([{ request, response }])
          } catch (error) {
            if (both.aborted) return
            // A refused prompt (too long, filtered) is that problem's failure alone.
            if (!(error instanceof EndpointFailure)) return end(error)
            receiver.onFailure(request, error.message)
            givenUp += 1
            if (givenUp < Math.max(MOST_GIVEN_UP, concurrency) && givenUp < requests.length && !isRefusalOfAll(error))
              continue
            const many = givenUp === 1 ? "a request" : `${givenUp} requests in a row`
            return end(
              new EngineError(
                `endpoint ${endpoint.address}: expected answers, gave up on ${many}, the last for: ${error.message}`,
                { cause: error },
              ),
            )
          }
        }
      }
      await Promise.all(Array.from({ length: Math.min(concurrency, requests.length) }, work))
      if (fatal !== undefined) throw fatal
    },
  }
}

/** No access, no such address or model: the next request would be refused too. */
function isRefusalOfAll({ status }: EndpointFailure): boolean {
  return status !== undefined && [401, 403, 404, 405].includes(status)
}
