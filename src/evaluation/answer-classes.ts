/** Which responses to a problem give the same answer: what a majority vote counts. */
import type { Verdict, Verifier } from "../verifiers/verifier.ts"
import { verifyResponse } from "../rollout/verify.ts"
import type { Vote } from "./statistics.ts"

/** What a response came to. */
export interface JudgedAnswer {
  readonly status: Verdict["status"]
  /** The answer that the verifier read; undefined where it names none. */
  readonly extracted: string | undefined
}

export interface ClassOptions {
  readonly verifier: Verifier
  /** An answer as a response that the verifier reads it from. */
  readonly answerForm: (answer: string) => string
  /** For verifiers that look at the row. */
  readonly row?: Readonly<Record<string, unknown>> | undefined
  readonly timeoutMs: number
}

/** Class of all right answers. */
const RIGHT = 0

/**
 * A vote for each response. Right answers are one class; a wrong one joins the first class whose answer the verifier
 * takes it for. A response without an answer does not vote.
 */
export async function votesOf(answers: readonly JudgedAnswer[], options: ClassOptions): Promise<Vote[]> {
  const { verifier, answerForm, row, timeoutMs } = options
  // Answers that differ in white space alone are not worth a verification.
  const known = new Map<string, number>()
  const representatives: { readonly answer: string; readonly id: number }[] = []
  const votes: Vote[] = []
  for (const { status, extracted } of answers) {
    if (status === "correct") {
      votes.push({ answer: RIGHT, correct: true })
      continue
    }
    if (status === "no-answer" || extracted === undefined) {
      votes.push({ answer: undefined, correct: false })
      continue
    }
    const text = extracted.replaceAll(/\s+/g, "")
    let id = known.get(text)
    for (let i = 0; id === undefined && i < representatives.length; i++) {
      const input = {
        gold: representatives[i].answer,
        completion: answerForm(extracted),
        ...(row === undefined ? {} : { row }),
      }
      if ((await verifyResponse(verifier, input, timeoutMs)).status === "correct") id = representatives[i].id
    }
    if (id === undefined) {
      id = representatives.length + 1
      representatives.push({ answer: extracted, id })
    }
    known.set(text, id)
    votes.push({ answer: id, correct: false })
  }
  return votes
}
