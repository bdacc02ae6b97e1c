/** Tasks from data in memory: `tasks.fromRows`. */
import { createHash } from "node:crypto"
import { ConfigError, DataError } from "../errors.ts"
import { deriveSeed, permutationIndex } from "../random.ts"
import { functionVerifier, type FunctionResult } from "../verifiers/combine/function.ts"
import type { PatienceOptions } from "../verifiers/combine/patience.ts"
import { createVerifier, isVerifierSpec } from "../verifiers/registry.ts"
import type { Verifier, VerifierInput } from "../verifiers/verifier.ts"
import { asText, groundTruths, requiredValue } from "./columns.ts"
import { readQuestion } from "./conversations.ts"
import type { OneVerifier } from "./dataset-options.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import { splitOne, splitTwo, withoutShared, type NamedProblems } from "./dataset-split.ts"
import { checkGold, withAlternatives } from "./dataset-verifiers.ts"
import { guessVerifier } from "./guess-verifier.ts"
import { questionKey } from "./question-key.ts"
import type { Row } from "./rows.ts"
import type { ChatMessage, Problem, Task } from "./task.ts"

/** What a reward function is told of a response. */
export interface RewardedRow<Data> extends Omit<VerifierInput, "row" | "prompt" | "messages"> {
  readonly prompt: string
  readonly messages: readonly ChatMessage[]
  /** The row that was asked about. */
  readonly row: Data
}

/** A reward (from 0.5 on the response counts as right), whether the response is right, or a whole verdict. */
export type RowReward<Data> = (
  response: RewardedRow<Data>,
  signal?: AbortSignal,
) => FunctionResult | Promise<FunctionResult>

/** A column, or a function of the row. */
export type RowValue<Data, Value> = (keyof Data & string) | ((row: Data) => Value)

/** `concurrency`, `retries`, `timeoutMs` and `cache` are those of `reward`. */
export interface RowsOptions<Data> extends PatienceOptions {
  /** What is asked: text, or chat messages. */
  readonly prompt: RowValue<Data, string | readonly ChatMessage[]>
  /** The ground truth, or a list of ground truths any of which is right. Either this or `reward`, or both. */
  readonly answer?: RowValue<Data, string | number | readonly (string | number)[]>
  /** Judges responses in place of a verifier. */
  readonly reward?: RowReward<Data>
  /** Judges by the ground truth. Default: by the kind of the answers: letters, numbers, formulas, short texts. */
  readonly verifier?: OneVerifier
  /** A response worth full reward, for a supervised warm start. */
  readonly solution?: RowValue<Data, string>
  /**
   * Held-out problems: their number, a share below 1 of the questions, or rows of their own. Default a tenth of the
   * questions, 500 at most.
   */
  readonly heldOut?: number | readonly Data[]
  /** Chooses the held-out problems. Default 0. */
  readonly seed?: number
  /** Of the task. Default `rows`. */
  readonly name?: string
}

/**
 * A task over rows in memory. Rows that ask the same question are never both trained on and held out; the training
 * stream visits every training row once per epoch, in an order of its own for each (seed, epoch).
 * @throws DataError    naming the row, when one lacks a value or has an empty prompt, or there are none
 * @throws ConfigError  for neither answer nor reward, an unknown verifier, and more held-out problems than questions
 */
export function fromRows<Data extends object>(rows: readonly Data[], options: RowsOptions<Data>): Task {
  const { heldOut, seed = 0, name = "rows" } = options
  checkOptions(options, name)
  const problems = problemsOf(rows, options, name, "row")
  const own = Array.isArray(heldOut)
  const evaluation = own
    ? { name: `${name}, held-out rows`, problems: problemsOf(heldOut, options, name, "held-out row") }
    : undefined
  const split = placedSplit({ name, problems }, evaluation, heldOut, seed)
  const whole = [...split.train, ...split.heldOut]
  const judge = verifierOf(options, name, whole)
  const verifierFor = withAlternatives(() => judge)
  if (options.reward === undefined) for (const placed of whole) checkGold(placed, judge)
  const train = split.train.map(({ problem }) => problem)
  const alphabet = alphabetOf(whole)
  return {
    name,
    trainSize: train.length,
    trainProblem(streamSeed, position) {
      const epoch = Math.floor(position / train.length)
      return train[permutationIndex(deriveSeed(streamSeed, "train"), epoch, train.length, position % train.length)]!
    },
    heldOut: split.heldOut.map(({ problem }) => problem),
    verifierFor,
    ...(alphabet === undefined ? {} : { alphabet }),
  }
}

function checkOptions<Data>({ answer, reward, verifier, heldOut }: RowsOptions<Data>, name: string): void {
  const refuse = (path: string, message: string): never => {
    throw new ConfigError([{ path, message: `tasks.fromRows, ${name}: ${message}` }])
  }
  if (answer === undefined && reward === undefined) {
    refuse(
      "answer",
      "expected answer (a column of ground truths) or reward (a function), got neither. Give one of them.",
    )
  }
  if (verifier !== undefined && reward !== undefined) {
    refuse("verifier", "expected either verifier or reward, got both. Leave one out.")
  }
  if (typeof heldOut !== "number" || (heldOut >= 0 && (heldOut < 1 || Number.isInteger(heldOut)))) return
  refuse("heldOut", `expected a share below 1, a whole number, or rows, got ${heldOut}. Correct it.`)
}

function placedSplit(
  rows: NamedProblems,
  evaluation: NamedProblems | undefined,
  heldOut: unknown,
  seed: number,
): { readonly train: readonly PlacedProblem[]; readonly heldOut: readonly PlacedProblem[] } {
  if (evaluation !== undefined) return splitTwo(withoutShared(rows, evaluation, "error"), evaluation, undefined, seed)
  const questions = new Set(rows.problems.map(({ question }) => question)).size
  const size = typeof heldOut !== "number" ? undefined : heldOut < 1 ? Math.round(heldOut * questions) : heldOut
  return splitOne(rows, size, seed)
}

function problemsOf<Data extends object>(
  rows: readonly Data[],
  options: RowsOptions<Data>,
  name: string,
  what: string,
): PlacedProblem[] {
  if (rows.length === 0) {
    throw new DataError(`data set ${name}: expected ${what}s, got none. Give it at least two different questions.`)
  }
  return rows.map((row, i) => toProblem(row, options, name, `${what} ${i + 1}`))
}

function toProblem<Data extends object>(
  data: Data,
  options: RowsOptions<Data>,
  name: string,
  place: string,
): PlacedProblem {
  if (typeof data !== "object" || data === null) {
    throw new DataError(
      `data set ${name}, ${place}: expected an object, got ${String(data)}. Give each row its columns.`,
    )
  }
  const read = (option: "prompt" | "answer" | "solution"): unknown => {
    const from = options[option] as RowValue<Data, unknown> | undefined
    if (from === undefined) return undefined
    const row: Row = typeof from === "string" ? (data as Row) : { [`${option}()`]: from(data) }
    return requiredValue(
      name,
      { row, place },
      typeof from === "string" ? from : `${option}()`,
      `Mend the row, or ${option}.`,
    )
  }
  const { asked } = readQuestion(name, { row: { prompt: read("prompt") }, place }, "prompt")
  const shown = typeof asked === "string" ? [asked] : asked.map(({ content }) => content)
  if (shown.every((text) => text.trim() === "")) {
    throw new DataError(
      `data set ${name}, ${place}: expected a prompt, got an empty one. Mend the row, or leave it out.`,
    )
  }
  const answer = read("answer")
  const golds = answer === undefined ? [""] : groundTruths(answer)
  const gold = answer === undefined ? "" : asText(answer)
  const solution = read("solution")
  const question = questionKey(asked)
  const problem: Problem = {
    id: createHash("sha256").update(question).digest("hex").slice(0, 16),
    prompt: asked,
    gold,
    row: data as Row,
    ...(golds === undefined || golds.length < 2 ? {} : { golds }),
    ...(solution === undefined ? {} : { solution: asText(solution) }),
  }
  return { problem, question, place, shown, nestedGold: golds === undefined }
}

function verifierOf<Data>(options: RowsOptions<Data>, name: string, problems: readonly PlacedProblem[]): Verifier {
  const { reward, verifier } = options
  if (reward !== undefined) {
    // `prompt`, `messages` and `row` are those of a problem above, all of which have them.
    const judge = (input: VerifierInput, _: unknown, signal?: AbortSignal): FunctionResult | Promise<FunctionResult> =>
      reward(input as unknown as RewardedRow<Data>, signal)
    return functionVerifier("reward", judge, options)
  }
  if (verifier !== undefined) {
    return typeof verifier === "string" || isVerifierSpec(verifier) ? createVerifier(verifier) : verifier
  }
  const guess = guessVerifier(problems.flatMap(({ problem }) => problem.golds ?? [problem.gold]))
  if (guess !== undefined) return createVerifier(guess.name)
  const message =
    `tasks.fromRows, ${name}: expected answers that are letters, numbers, formulas or short texts, got longer ones. ` +
    "Name a verifier, or give reward."
  throw new ConfigError([{ path: "verifier", message }])
}

/** Most characters that a character tokenizer is made of. */
const MAXIMUM_ALPHABET = 256

/** For models from scratch; undefined where there are too many characters for a tokenizer of characters. */
function alphabetOf(problems: readonly PlacedProblem[]): string | undefined {
  const characters = new Set<string>()
  for (const { problem, shown } of problems) {
    for (const text of [...shown, problem.gold, ...(problem.golds ?? []), problem.solution ?? ""]) {
      for (const character of text) characters.add(character)
    }
    if (characters.size > MAXIMUM_ALPHABET) return undefined
  }
  return [...characters].sort().join("")
}
