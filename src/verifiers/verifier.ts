/**
 * A verifier decides whether a response is right. It never throws for a wrong answer; what it throws, or a deadline
 * it misses, is a failure of the machinery: the sample is then masked from training and counted apart.
 */
export type VerdictStatus =
  | "correct"
  | "incorrect"
  | "no-answer"
  | "unparsable-gold"
  | "timeout"
  | "failure"

export interface Verdict {
  readonly status: VerdictStatus
  /** The verifiable reward; 0 for anything but a (partly) right answer. */
  readonly reward: number
  /** The answer as it was read from the response. */
  readonly extracted?: string
  /** Why, in words a person debugging completions can use. */
  readonly reason: string
}

export interface VerifierInput {
  /** The ground truth, in the form the verifier expects. */
  readonly gold: string
  /** The response text, without the prompt. */
  readonly completion: string
  /** Whole row of the data set, for verifiers that need more than the gold. */
  readonly row?: Readonly<Record<string, unknown>>
}

export interface Verifier {
  readonly name: string
  verify(input: VerifierInput, signal?: AbortSignal): Verdict | Promise<Verdict>
}
