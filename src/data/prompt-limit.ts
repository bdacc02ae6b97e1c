/** Problems whose prompt is too long for a run. */
import { DataError } from "../errors.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import type { OverlongPolicy } from "./dataset-options.ts"
import type { Problem } from "./task.ts"

export interface PromptLimit {
  readonly maxPromptTokens: number
  readonly overlongPrompts: OverlongPolicy
}

export interface LimitedPrompts {
  readonly kept: readonly PlacedProblem[]
  /** What was left out, in words; undefined when nothing was. */
  readonly note: string | undefined
}

/**
 * @param name  of the rows, for messages: which data set, training or held out
 * @throws DataError  with count and row, when prompts are too long and are not to be dropped, or none is left
 */
export function limitPrompts(
  name: string,
  problems: readonly PlacedProblem[],
  { maxPromptTokens, overlongPrompts }: PromptLimit,
  tokensOf: (problem: Problem) => number,
): LimitedPrompts {
  const lengths = problems.map(({ problem }) => tokensOf(problem))
  const kept = problems.filter((_, i) => lengths[i] <= maxPromptTokens)
  const count = problems.length - kept.length
  if (count === 0) return { kept, note: undefined }
  const first = lengths.findIndex((length) => length > maxPromptTokens)
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0)
  const found =
    `${count} of ${problems.length} prompts of more than ${maxPromptTokens} tokens ` +
    `(first: ${problems[first].place}, ${lengths[first]} tokens; longest: ${longest})`
  const expected =
    `data set ${name}: expected prompts of at most ${maxPromptTokens} tokens ` +
    `(task.maxPromptTokens), got ${found}`
  if (overlongPrompts === "error") throw new DataError(`${expected}. Raise it, or set task.overlongPrompts: drop.`)
  if (kept.length === 0) throw new DataError(`${expected}: none is left. Raise it.`)
  return { kept, note: `${name}: left out ${found}` }
}
