/** The verifier of each problem of a data set. */
import { ConfigError, DataError } from "../errors.ts"
import { anyGold } from "../verifiers/any-gold.ts"
import { goldIsAnswer, isVerifierSpec } from "../verifiers/registry.ts"
import type { Verifier, VerifierSpec } from "../verifiers/verifier.ts"
import { valueOf } from "./columns.ts"
import { isVerifier } from "./dataset-options.ts"
import type { OneVerifier, VerifierOption } from "./dataset-options.ts"
import type { PlacedProblem } from "./dataset-problems.ts"
import type { Problem } from "./task.ts"

/** Finds a verifier by name, or name and options; what is wrong is reported at `path`. */
export type NamedVerifier = (spec: string | VerifierSpec, path: string) => Verifier

/** What verl-style rows say about the kind of their answers, and the verifier of that kind. */
const KINDS: Readonly<Record<string, string>> = { math: "math", mcq: "mcq", "multiple-choice": "mcq" }

function kindOf({ row = {} }: Problem): string | undefined {
  const said = [valueOf(row, "reward_model.style"), valueOf(row, "ability")]
  return said
    .map((kind) =>
      typeof kind === "string" && Object.hasOwn(KINDS, kind.toLowerCase()) ? KINDS[kind.toLowerCase()] : undefined,
    )
    .find(Boolean)
}

function byKind(named: NamedVerifier): (problem: Problem) => Verifier {
  const found = new Map<string, Verifier>()
  return (problem) => {
    const kind = kindOf(problem)
    if (kind === undefined) {
      const message =
        "data set: expected the name of a verifier, or rows whose `ability` or `reward_model.style` is one of " +
        `${Object.keys(KINDS).join(", ")}, got neither for the problem ${problem.id}. Set task.verifier.`
      throw new ConfigError([{ path: "task.verifier", message }])
    }
    const verifier = found.get(kind) ?? named(kind, "task.verifier")
    found.set(kind, verifier)
    return verifier
  }
}

/** From the option to a function of the problem; without an option the rows decide. */
export function verifiersOf(option: VerifierOption | undefined, named: NamedVerifier): (problem: Problem) => Verifier {
  if (option === undefined) return byKind(named)
  const resolve = (one: OneVerifier, path: string): Verifier =>
    typeof one === "string" || isVerifierSpec(one) ? named(one, path) : one
  if (typeof option === "string" || isVerifier(option) || isVerifierSpec(option)) {
    const verifier = resolve(option, "task.verifier")
    return () => verifier
  }
  const bySource = new Map(
    Object.entries(option).map(([source, one]) => [source, resolve(one, `task.verifier.${source}`)]),
  )
  return (problem) => {
    const verifier = bySource.get(problem.source ?? "")
    if (verifier !== undefined) return verifier
    const message =
      `data set: expected a verifier for source ${JSON.stringify(problem.source ?? "")}, ` +
      `got one for ${[...bySource.keys()].join(", ")}. Add it, or name one verifier for all.`
    throw new ConfigError([{ path: "task.verifier", message }])
  }
}

/** Verifiers whose one ground truth may be a list. */
const READ_LISTS: ReadonlySet<string> = new Set(["qa-exact", "qa-f1", "tool-calls"])

/** True where a list of ground truths is no ground truth for the verifier, so that any of them is meant. */
function judgesByOne({ spec }: Verifier): boolean {
  return spec !== undefined && goldIsAnswer(spec.name) && !READ_LISTS.has(spec.name)
}

/** A verifier that takes any of several ground truths; as it is where there is one, or it reads lists itself. */
export function anyOf(verifier: Verifier, golds: readonly string[] | undefined): Verifier {
  return golds === undefined || golds.length < 2 || !judgesByOne(verifier) ? verifier : anyGold(verifier, golds)
}

/**
 * Verifiers that take any ground truth of a problem that has several. A verifier of one's own gets the list as JSON.
 */
export function withAlternatives(verifierOf: (problem: Problem) => Verifier): (problem: Problem) => Verifier {
  return (problem) => anyOf(verifierOf(problem), problem.golds)
}

/**
 * @throws DataError  when a ground truth is a list of lists or objects, by which the problem's verifier cannot judge,
 *   or the verifier itself refuses it
 */
export function checkGold({ problem, place, question, nestedGold }: PlacedProblem, verifier: Verifier): void {
  for (const gold of problem.golds ?? [problem.gold]) {
    const reason = verifier.goldProblem?.(gold)
    if (reason === undefined) continue
    throw new DataError(
      `data set, ${place}: expected a ground truth that the verifier ${verifier.name} can read, got one that it ` +
        `refuses: ${reason}. Shorten it, or leave the row out with task.filter.`,
    )
  }
  if (!nestedGold || !judgesByOne(verifier)) return
  throw new DataError(
    `data set, ${place}: expected a ground truth, or a list of texts or numbers any of which is right, got ` +
      `${problem.gold.slice(0, 100)} for the question ${JSON.stringify(question.slice(0, 100))}. Write them as texts.`,
  )
}
