/**
 * A task is where problems come from and how answers are judged: a procedural generator or a data set.
 */
import type { Verifier } from "../verifiers/verifier.ts"

export interface Problem {
  /** Stable across runs and machines; equal ids are the same problem. */
  readonly id: string
  /** Text given to the model, or chat messages when the model has a chat template. */
  readonly prompt: string | readonly ChatMessage[]
  /** Ground truth for the verifier. */
  readonly gold: string
  /** Ground truths any one of which is right, where the data lists several. `gold` is then their list. */
  readonly golds?: readonly string[]
  /** A response worth full reward, when one is known: what a supervised warm start imitates. */
  readonly solution?: string
  /** True when `solution` is the only response that is right: then expected accuracy is one teacher-forced pass. */
  readonly unique?: boolean
  /** Groups metrics and picks the verifier of a mixture (verl's `data_source`). */
  readonly source?: string
  /** Whole row of the data set. */
  readonly row?: Readonly<Record<string, unknown>>
}

export interface ChatMessage {
  readonly role: string
  readonly content: string
}

/** A file of a data set, by its content. */
export interface DataFile {
  readonly path: string
  /** SHA-256 of its bytes, in hexadecimal digits. */
  readonly sha256: string
}

export interface Task {
  readonly name: string
  /** Number of training problems, or undefined when they are generated without end. */
  readonly trainSize: number | undefined
  /** What a person should know of how the data was read: rows left out, duplicates. */
  readonly notes?: readonly string[]
  /** Files that the problems were read from, in an order of their own. */
  readonly files?: readonly DataFile[]
  /**
   * The training problem at a position of the (seeded, shuffled, repeating) training stream. Pure in
   * (seed, position), so that a saved position resumes exactly.
   */
  trainProblem(seed: number, position: number): Problem
  /** The fixed held-out problems; never among the training problems. */
  readonly heldOut: readonly Problem[]
  /** Verifier of a problem. */
  verifierFor(problem: Problem): Verifier
  /** Every character that prompts and solutions can hold, for character tokenizers; undefined when open. */
  readonly alphabet?: string
  /**
   * The task under its own limit on prompts, once it is known how long they are; absent where there is no limit.
   * @param tokensOf  tokens of a problem's prompt, as it is put to the model
   * @throws DataError  when prompts are too long and are not to be dropped, or none is left
   */
  limitPrompts?(tokensOf: (problem: Problem) => number): Task
  /** Longest response a right answer needs, in characters, when known. */
  readonly maxResponseCharacters?: number
}
