/** Verdicts in any case: what a verifier throws becomes a failure, what it never answers a timeout. */
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"

/** The machinery failed. */
export function failureOf(who: string, error: unknown): Verdict {
  const message = error instanceof Error ? error.message : String(error)
  return { status: "failure", reward: 0, reason: message.startsWith(`${who}: `) ? message : `${who}: ${message}` }
}

/** No verdict came in time. */
export function timeoutOf(timeoutMs: number): Verdict {
  return { status: "timeout", reward: 0, reason: `no verdict within ${timeoutMs} ms` }
}

/**
 * Asks a verifier in this thread. One that answers at once cannot be stopped; the signal of one that answers later is
 * aborted at the deadline.
 */
export async function verifyHere(verifier: Verifier, input: VerifierInput, timeoutMs: number): Promise<Verdict> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    const answer = verifier.verify(input, controller.signal)
    if (!(answer instanceof Promise)) return answer
    const late = new Promise<Verdict>((resolve) => {
      timer = setTimeout(() => {
        resolve(timeoutOf(timeoutMs))
        controller.abort()
      }, timeoutMs)
    })
    return await Promise.race([answer, late])
  } catch (error) {
    return failureOf(verifier.name, error)
  } finally {
    clearTimeout(timer)
  }
}
