/** A server that answers from a list, and a clock that moves when one sleeps. */
import type { Clock } from "./clock.ts"
import type { HttpFunction, HttpRequest } from "./http.ts"

export interface ScriptedAnswer {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** No answer at all. */
  readonly broken?: string
}

export interface Script {
  readonly http: HttpFunction
  readonly requests: HttpRequest[]
}

/** The last answer is given for ever. */
export function script(...answers: readonly ScriptedAnswer[]): Script {
  const requests: HttpRequest[] = []
  const http: HttpFunction = async (request) => {
    request.signal.throwIfAborted()
    const { status = 200, body, headers = {}, broken } = answers[Math.min(requests.length, answers.length - 1)]!
    requests.push(request)
    if (broken !== undefined) throw Object.assign(new Error(broken), { code: broken })
    const text = typeof body === "string" ? body : JSON.stringify(body ?? null)
    return {
      status,
      header: (name) => headers[name],
      text: async () => text,
      async *pieces() {
        yield Buffer.from(text)
      },
    }
  }
  return { http, requests }
}

export interface VirtualClock extends Clock {
  readonly pauses: number[]
}

export function virtualClock(): VirtualClock {
  let time = 0
  const pauses: number[] = []
  return {
    pauses,
    now: () => time,
    async sleep(milliseconds, { signal } = {}) {
      signal?.throwIfAborted()
      pauses.push(milliseconds)
      time += milliseconds
      await Promise.resolve()
    },
  }
}
