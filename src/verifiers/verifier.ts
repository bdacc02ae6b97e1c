/**
 * A verifier decides whether a response is right. It never throws for a wrong answer; what it throws, or a deadline
 * it misses, is a failure of the machinery: the sample is then masked from training and counted apart.
 */
export type VerdictStatus = "correct" | "incorrect" | "no-answer" | "unparsable-gold" | "timeout" | "failure"

/** One of several rewards of a response. */
export interface RewardComponent {
  readonly name: string
  /** Absent where the component has no opinion on the response. */
  readonly reward?: number
  /** Default 1. */
  readonly weight?: number
}

export interface Verdict {
  readonly status: VerdictStatus
  /** The verifiable reward; 0 for anything but a (partly) right answer. */
  readonly reward: number
  /** The answer as it was read from the response. */
  readonly extracted?: string
  /** What the reward is made of, in one order for all responses: for `objective.rewardAggregation`. */
  readonly components?: readonly RewardComponent[]
  /** Why, in words a person debugging completions can use. */
  readonly reason: string
}

export interface VerifierInput {
  /** The ground truth, in the form the verifier expects. */
  readonly gold: string
  /** The response text, without the prompt. */
  readonly completion: string
  /** What was asked: the text of the prompt, or of the last user message. */
  readonly prompt?: string
  /** The prompt as messages; a text is one user message. A system prompt of the run is not among them. */
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  /** Whole row of the data set, for verifiers that need more than the gold. */
  readonly row?: Readonly<Record<string, unknown>>
}

/** A verifier of the registry as a config writes it: its name and its options. Plain data, so that a worker can rebuild it. */
export interface VerifierSpec {
  readonly name: string
  readonly [option: string]: unknown
}

/**
 * Where a verifier runs:
 * - `"here"` in the calling thread: it is exact, cheap and cannot hang
 * - `"worker"` in a worker thread of the pool, which is killed at the deadline
 * - `"process"` in processes or threads of its own, which obey the abort signal; the pool limits how many run at once
 */
export type VerifierPlace = "here" | "worker" | "process"

export interface Verifier {
  readonly name: string
  /** What a worker rebuilds the verifier from. A verifier without one runs in the calling thread. */
  readonly spec?: VerifierSpec
  /** Absent: `"here"`. */
  readonly place?: VerifierPlace
  /** Verifications at once, at most: those of a server that is asked. Absent: no limit. */
  readonly concurrency?: number
  /** Its own deadline, in place of the usual one. */
  readonly timeoutMs?: number
  /** Ground truth that it judges by, whatever that of its input. */
  readonly gold?: string
  /** Why no response can be compared with a ground truth, where that shows without one; undefined where it does not. */
  readonly goldProblem?: (gold: string) => string | undefined
  verify(input: VerifierInput, signal?: AbortSignal): Verdict | Promise<Verdict>
}

/** A verifier made of others. Each part runs at its own place, with a deadline of its own. */
export interface CompositeVerifier extends Verifier {
  readonly parts: readonly Verifier[]
  /** @param verdicts  one for each part, in order; failures and timeouts among them */
  combine(verdicts: readonly Verdict[]): Verdict
}

/** True for a verifier made of others. */
export function isComposite(verifier: Verifier): verifier is CompositeVerifier {
  return "parts" in verifier && "combine" in verifier
}

/** True when the verdict says nothing about the response: it is masked from training and counted apart. */
export function isFailure(verdict: Verdict): boolean {
  return verdict.status === "failure" || verdict.status === "timeout" || !Number.isFinite(verdict.reward)
}
