/** What is watched in every iteration: refused updates, failing verifiers, no signal, sampler and trainer drifting apart. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NumericsError, VerifierError } from "../errors.ts"
import { encodeState, MOST_LOGPROB_MISMATCH, readJsonl, type MetricsLine, type RunFolder } from "../runs/index.ts"
import type { Iteration } from "./iteration.ts"
import { describeLostPolicy } from "./lost-policy.ts"

/** Steps in a row that may be refused for NaN before the run stops. */
const MOST_REFUSED = 3
/** Steps in a row without a single group of mixed rewards, after which a person is told. */
const SILENT_STEPS = 5
/** Steps in a row in which no response could be judged, after which the run stops. */
const MOST_UNJUDGED = 3

export class Safeguards {
  readonly #folder: RunFolder
  readonly #note: (text: string) => void
  #refused: number
  #warnedOfMismatch = false
  #silent = 0
  #unjudged = 0
  /** Why the first response of the first of these steps was not judged. */
  #unjudgedReason = ""

  /** @param refused  refused steps in a row so far */
  constructor(folder: RunFolder, note: (text: string) => void, refused: number = 0) {
    this.#folder = folder
    this.#note = note
    this.#refused = refused
  }

  /** Refused steps in a row: part of the checkpoint. */
  get refused(): number {
    return this.#refused
  }

  /**
   * @throws NumericsError  when the third step in a row was refused
   * @throws VerifierError  when the verifier failed on every response of the third step in a row
   */
  inspect(step: number, iteration: Iteration): void {
    this.#inspectVerdicts(step, iteration)
    this.#inspectMismatch(step, iteration.metrics["logprobMismatch"])
    this.#inspectSignal(step, iteration.metrics)
    this.#inspectUpdates(step, iteration)
  }

  /** A mean reward that is no number: there was no verdict to take the mean of. */
  #inspectVerdicts(step: number, { metrics, completions }: Iteration): void {
    const failures = Number(metrics["verifierFailures"] ?? 0)
    if (failures === 0 || failures < Number(metrics["sampledResponses"])) {
      this.#unjudged = 0
      return
    }
    const first = completions[0]
    const reason = first === undefined ? "not kept; set logging.completionsPerStep above 0 to see it" : `${first["status"]}: ${first["reason"]}`
    if (this.#unjudged === 0) this.#unjudgedReason = reason
    this.#unjudged += 1
    const message =
      `step ${step}: the verifier failed on all ${failures} responses, so there was nothing to ` +
      `learn from; the first reason is ${reason}`
    this.#folder.logEvent("alarm", message, { step, alarm: "verifier-failed", failures })
    this.#note(`warning: ${message}`)
    if (this.#unjudged >= MOST_UNJUDGED) {
      throw new VerifierError(
        `train: expected verdicts on responses, got none for ${MOST_UNJUDGED} steps in a row, the last of them step ${step}. ` +
          `The first reason is ${this.#unjudgedReason}. Mend the verifier or what it needs, try ` +
          "it with pirl verify, and resume from the last checkpoint.",
      )
    }
  }

  #inspectUpdates(step: number, { optimiserSteps }: Iteration): void {
    const bad = optimiserSteps.find(({ applied }) => !applied)
    if (bad === undefined) {
      this.#refused = 0
      return
    }
    this.#refused += 1
    const directory = join(this.#folder.directory, "refused")
    mkdirSync(directory, { recursive: true })
    const file = join(directory, `step-${String(step).padStart(6, "0")}.json`)
    const { loss, gradientNorm, sequences, logprobs } = bad
    writeFileSync(file, encodeState({ step, loss, gradientNorm, sequences, logprobs }))
    const message =
      `step ${step}: loss ${loss}, gradient norm ${gradientNorm}: the update was not applied; its ` +
      `batch is in ${file}`
    this.#folder.logEvent("alarm", message, { step, alarm: "not-finite" })
    this.#note(message)
    if (this.#refused >= MOST_REFUSED) {
      throw new NumericsError(
        `train: expected finite losses and gradients, got ${this.#refused} refused updates in a row, the last at step ${step}. ` +
          `Lower optimizer.learningRate and resume from the last checkpoint; the batches are in ${directory}.`,
      )
    }
  }

  #inspectSignal(step: number, { zeroVarianceShare, emptyBatch, mu }: Iteration["metrics"]): void {
    this.#silent = zeroVarianceShare === 1 || emptyBatch === 1 ? this.#silent + 1 : 0
    if (this.#silent !== SILENT_STEPS) return
    const found =
      emptyBatch === 1
        ?
          `for ${SILENT_STEPS} steps nothing was left to train on once groups of one reward and ` +
          "truncated responses were out, so no update was made"
        :
          `for ${SILENT_STEPS} steps every group had one reward for all its responses, so there was ` +
          "nothing to learn from"
    const lost = describeLostPolicy(readJsonl(join(this.#folder.directory, "metrics.jsonl")).records as MetricsLine[])
    const advice =
      lost !== undefined
        ?
          `The policy was destroyed by its updates: ${lost}. Lower optimizer.learningRate (a tenth ` +
          "of it) and start again; a checkpoint from before the fall can be model.path."
        : mu === 1
          ? "Every response is right: the problems are too easy to learn from. Make them harder, or stop."
          :
            "Make the task easier, warm-start longer (warmStart.targetAccuracy), or look at " +
            "completions/ for what is wrong."
    const message = `step ${step}: ${found}. ${advice}`
    this.#folder.logEvent("alarm", message, { step, alarm: lost === undefined ? "no-signal" : "policy-lost" })
    this.#note(`warning: ${message}`)
  }

  #inspectMismatch(step: number, mismatch: unknown): void {
    if (this.#warnedOfMismatch || typeof mismatch !== "number" || !(mismatch > MOST_LOGPROB_MISMATCH)) return
    this.#warnedOfMismatch = true
    const message =
      `step ${step}: log-probs of sampling and training differ by ${mismatch.toExponential(1)}, ` +
      `more than ${MOST_LOGPROB_MISMATCH}`
    this.#folder.logEvent("alarm", message, { step, alarm: "logprob-mismatch", mismatch })
    this.#note(`warning: ${message}`)
  }
}
