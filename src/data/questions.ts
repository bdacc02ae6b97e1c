/** Questions that are evaluated, all of them: nothing is trained on, and a verifier is found where none is named. */
import { ConfigError } from "../errors.ts"
import { createVerifier } from "../verifiers/registry.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import { locateAll } from "./dataset-location.ts"
import { parseDatasetOptions } from "./dataset-options.ts"
import { readProblems, type PlacedProblem } from "./dataset-problems.ts"
import { distinct } from "./dataset-split.ts"
import { checkGold, verifiersOf, withAlternatives } from "./dataset-verifiers.ts"
import { guessVerifier } from "./guess-verifier.ts"
import type { Problem, Task } from "./task.ts"
import type { TaskOptions } from "./task-options.ts"

export interface Questions {
  readonly task: Task
  /** What judges, and why, in words. */
  readonly verifier: string
}

/**
 * Every question of a file or folder as a held-out problem; of rows with the same question the first.
 * @param settings  the `task` section of a config: a data set with `path`
 * @throws ConfigError  for wrong options, no such file, and ground truths that no verifier is known for
 * @throws DataError    for broken files and rows without a value
 */
export async function openQuestions(settings: { readonly name: string } & TaskOptions): Promise<Questions> {
  const { name: _name, ...options } = settings
  const parsed = parseDatasetOptions(options)
  const located = await locateAll(parsed.path ?? "", "task.path")
  const { problems } = await readProblems(located.files, located.path, { ...parsed, name: located.name })
  const asked = [...distinct(problems).values()]
  const { verifierOf, described } = judgeOf(parsed.verifier, asked)
  for (const placed of asked) checkGold(placed, verifierOf(placed.problem))
  const heldOut = asked.map(({ problem }) => problem)
  const repeated = problems.length - asked.length
  const task: Task = {
    name: "questions",
    trainSize: 0,
    trainProblem: (_seed, position) => heldOut[position % heldOut.length]!,
    heldOut,
    verifierFor: withAlternatives(verifierOf),
    ...(repeated === 0
      ? {}
      : { notes: [`${located.name}: ${repeated} of ${problems.length} rows repeat a question and were left out`] }),
  }
  return { task, verifier: described }
}

function judgeOf(
  option: ReturnType<typeof parseDatasetOptions>["verifier"],
  asked: readonly PlacedProblem[],
): { readonly verifierOf: (problem: Problem) => Verifier; readonly described: string } {
  if (option !== undefined) {
    const verifierOf = verifiersOf(option, createVerifier)
    const names = [...new Set(asked.map(({ problem }) => verifierOf(problem).name))]
    return { verifierOf, described: names.join(", ") }
  }
  try {
    const verifierOf = verifiersOf(undefined, createVerifier)
    const names = [...new Set(asked.map(({ problem }) => verifierOf(problem).name))]
    return { verifierOf, described: `${names.join(", ")} (named by the rows)` }
  } catch (error) {
    // The rows name no kind.
    if (!(error instanceof ConfigError)) throw error
  }
  const guess = guessVerifier(asked.flatMap(({ problem }) => problem.golds ?? [problem.gold]))
  if (guess === undefined) {
    const message =
      "data set: expected ground truths that are letters, numbers, formulas or short texts, got longer ones. " +
      "Name a verifier: --verifier NAME (pirl verify --help lists them)."
    throw new ConfigError([{ path: "task.verifier", message }])
  }
  const verifier = createVerifier(guess.name)
  return { verifierOf: () => verifier, described: `${guess.name} (${guess.reason}; --verifier chooses another)` }
}
