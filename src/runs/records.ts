/**
 * What the lines of a run's logs hold. In every line, what depends on the clock or the machine stands under `time`
 * alone: without that key, two runs of the same config, seed and version of pirl are equal line for line.
 */

/** Part of a line that differs from machine to machine. */
export interface TimeRecord {
  /** ISO time at which the line was written. */
  readonly at: string
  readonly [measure: string]: unknown
}

/** `time` of a step. */
export interface StepTime extends TimeRecord {
  /** Wall time of the step, evaluation and checkpoint excluded. */
  readonly seconds: number
  readonly sampleSeconds?: number
  readonly verifySeconds?: number
  /** Forward, backward and optimiser of all updates. */
  readonly trainSeconds?: number
  /** Writing of the checkpoints since the line before; not part of `seconds`. */
  readonly checkpointSeconds?: number
  /** Waiting for a server, where the engine has one. */
  readonly serverSeconds?: number
  /** Our own code beside it. */
  readonly clientSeconds?: number
}

/** Outcome of looking back at the previous update. */
export type Verdict = "improved" | "regressed" | "undecided"

/** One line of metrics.jsonl: one step of training. Metrics beyond these are the trainer's and the update rule's. */
export interface MetricsLine {
  /** From 1. */
  readonly step: number
  /** Mean verifier reward of all rollouts of the step. */
  readonly mu: number
  /** Improvement signal; null or absent while there is none. */
  readonly xi?: number | null
  /** What the previous update turned out to be; absent or null when it was not judged. */
  readonly verdict?: Verdict | null
  /** Largest |log-prob of training - log-prob of sampling| of the step's tokens, where both had the same weights. Past MOST_LOGPROB_MISMATCH the run says so. */
  readonly logprobMismatch?: number
  /** Response tokens sampled. */
  readonly sampledTokens?: number
  /** Tokens that went through forward and backward, prompts included. */
  readonly trainedTokens?: number
  readonly time: StepTime
  readonly [metric: string]: unknown
}

/**
 * Largest `logprobMismatch` that is rounding, nats: sampler and trainer compute the log-probs of the same tokens under the same weights by different graphs.
 * Further apart something is wrong, and every ratio is wrong by that much.
 */
export const MOST_LOGPROB_MISMATCH = 1e-4

/** One line of evaluations.jsonl: held-out accuracy after a number of steps, 0 being the start. */
export interface EvaluationLine {
  readonly step: number
  /** Held-out problems measured. */
  readonly size: number
  /** Share of problems answered rightly by greedy responses. */
  readonly greedyAccuracy?: number
  /** Mean reward of greedy responses. */
  readonly greedyReward?: number
  /** Mean probability of the right answer, by a teacher-forced pass. */
  readonly expectedAccuracy?: number
  /**
   * Of step 0: the same on the problems that every step is measured on (evaluation.stepSize), so that update 1 has a
   * change.
   */
  readonly stepExpectedAccuracy?: number
  readonly time: TimeRecord
  readonly [metric: string]: unknown
}

/** One line of completions/*.jsonl: a response and how it was judged. */
export interface CompletionLine {
  readonly step: number
  readonly problem: string
  readonly completion: string
  readonly reward: number
  readonly [detail: string]: unknown
}

/** What happened to a run beside its steps. */
export type RunEventKind =
  | "start"
  | "resume"
  | "warm-start"
  | "first-look"
  | "interrupt"
  | "alarm"
  | "failure"
  | "finish"
  | "engine"
  | "saved"
  | "data"

/** One line of events.jsonl. Events of the process, and not of a step, have no `step` and outlast a resume. Start and resume name the program: made-by.ts. */
export interface RunEvent {
  readonly kind: RunEventKind
  readonly step?: number
  readonly message: string
  readonly time: TimeRecord
  readonly [detail: string]: unknown
}
