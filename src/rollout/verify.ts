/** Asks a verifier, and tells a wrong answer from a failure of the machinery. */
import type { Verdict, Verifier, VerifierInput } from "../verifiers/verifier.ts"

/** True when the verdict says nothing about the response: it is masked from training and counted apart. */
export function isFailure(verdict: Verdict): boolean {
  return verdict.status === "failure" || verdict.status === "timeout" || !Number.isFinite(verdict.reward)
}

/** A verdict in any case: what the verifier throws becomes a failure, what it never answers a timeout. */
export async function verifyResponse(verifier: Verifier, input: VerifierInput, timeoutMs: number): Promise<Verdict> {
  const controller = new AbortController()
  try {
    const answer = verifier.verify(input, controller.signal)
    return answer instanceof Promise ? await withDeadline(answer, timeoutMs, controller) : answer
  } catch (error) {
    return { status: "failure", reward: 0, reason: `${verifier.name}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

async function withDeadline(answer: Promise<Verdict>, timeoutMs: number, controller: AbortController): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      controller.abort()
      resolve({ status: "timeout", reward: 0, reason: `no verdict within ${timeoutMs} ms` })
    }, timeoutMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
