/** Asks a verifier, and tells a wrong answer from a failure of the machinery. */
import { sharedVerifierPool } from "../verifiers/pool/verifier-pool.ts"
import type { Problem } from "../data/task.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifiers/verifier.ts"

export { isFailure } from "../verifiers/verifier.ts"

/** What a verifier is told of a response to a problem. */
export function verifierInput({ gold, row, prompt }: Problem, completion: string): VerifierInput {
  const messages = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt
  const asked = messages.findLast(({ role }) => role === "user") ?? messages.at(-1)
  return { gold, completion, prompt: asked?.content ?? "", messages, ...(row === undefined ? {} : { row }) }
}

/**
 * A verdict in any case: what the verifier throws becomes a failure, what it never answers a timeout. Verifiers of the
 * registry that can hang run in the pool; the deadline counts from a verification's own beginning.
 */
export async function verifyResponse(verifier: Verifier, input: VerifierInput, timeoutMs: number): Promise<Verdict> {
  return sharedVerifierPool().verify(verifier, input, timeoutMs)
}
