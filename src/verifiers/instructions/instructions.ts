/** Instructions that a program can check: the list of IFEval, strictly or loosely. */
import { nearestName } from "../../config/nearest-name.ts"
import { correct, incorrect, noAnswer, unparsableGold } from "../procedural/verdicts.ts"
import { parseJson } from "../structure/json-value.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { contentChecks } from "./content-checks.ts"
import { formatChecks } from "./format-checks.ts"
import { InstructionProblem } from "./instruction.ts"
import type { InstructionArguments, InstructionTable } from "./instruction.ts"

export interface InstructionsOptions {
  /** `"strict"`: the response as it is. `"loose"`: also without its first or last line and without stars. Default `"strict"`. */
  readonly mode?: "strict" | "loose"
  /** `"all"`: 1 when every instruction is followed. `"share"`: the share that is. Default `"all"`. */
  readonly reward?: "all" | "share"
}

interface Instruction {
  readonly id: string
  readonly given: InstructionArguments
}

const checks: InstructionTable = { ...contentChecks, ...formatChecks }

/** Names of the instructions that can be checked: the 25 of IFEval. */
export const instructionNames: readonly string[] = Object.keys(checks).sort()

/** More text is not looked at: a response of a language model is shorter. */
const MAXIMUM_CHARACTERS = 500_000

/** IFEval's `instruction_id_list` and `kwargs`, out of the gold or else the row; a list of `{ id, ...arguments }` is read too. */
function instructionsOf({ gold, row }: VerifierInput): readonly Instruction[] | undefined {
  const value = parseJson(gold)?.value
  if (Array.isArray(value)) {
    const list = value as readonly Record<string, unknown>[]
    return list.every((one) => typeof one?.["id"] === "string")
      ? list.map(({ id, ...given }) => ({ id: id as string, given }))
      : undefined
  }
  const source = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : row
  const ids = source?.["instruction_id_list"]
  const kwargs = source?.["kwargs"]
  const given: unknown = typeof kwargs === "string" ? parseJson(kwargs)?.value : kwargs
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) return undefined
  return ids.map((id, i) => ({
    id,
    given: ((Array.isArray(given) ? given[i] : undefined) ?? {}) as InstructionArguments,
  }))
}

/** The variants of a response of which one must follow an instruction in loose mode. */
function looseVariants(response: string): readonly string[] {
  const lines = response.split("\n")
  const cut = [
    response,
    lines.slice(1).join("\n").trim(),
    lines.slice(0, -1).join("\n").trim(),
    lines.slice(1, -1).join("\n").trim(),
  ]
  return [...cut, ...cut.map((text) => text.replaceAll("*", ""))]
}

function follows({ id, given }: Instruction, responses: readonly string[]): boolean {
  const check = Object.hasOwn(checks, id) ? checks[id] : undefined
  if (check === undefined) {
    const near = nearestName(id, instructionNames)
    throw new InstructionProblem(
      `there is no instruction ${JSON.stringify(id)}${near === undefined ? "" : `, did you mean ${near}?`}`,
    )
  }
  try {
    return responses.some((response) => response.trim() !== "" && check(response, given))
  } catch (error) {
    if (error instanceof InstructionProblem) throw new InstructionProblem(`${id}: ${error.message}`)
    throw error
  }
}

/**
 * Right when the response follows every instruction of the problem.
 * Source: IFEval (arXiv:2311.07911) and its published code. Differs: languages are told by script and frequent words
 * instead of langdetect, sentences and capital words by rules instead of NLTK's models.
 */
export function instructionsVerifier(options: InstructionsOptions = {}): Verifier {
  const { mode = "strict", reward = "all" } = options
  return {
    name: "instructions",
    verify(input): Verdict {
      const instructions = instructionsOf(input)
      const expected = "instruction_id_list and kwargs, or a list of { id, ... }"
      if (instructions === undefined || instructions.length === 0) return unparsableGold(input.gold, expected)
      const response = input.completion.slice(0, MAXIMUM_CHARACTERS)
      if (response.trim() === "") return noAnswer("the response is empty")
      const responses = mode === "strict" ? [response] : looseVariants(response)
      try {
        const broken = instructions.filter((instruction) => !follows(instruction, responses)).map(({ id }) => id)
        const followed = instructions.length - broken.length
        const summary = `${followed} of ${instructions.length} instructions followed`
        if (broken.length === 0) return correct(summary, summary)
        const share = reward === "share" ? followed / instructions.length : 0
        return { ...incorrect(summary, `${summary}, not ${broken.join(", ")}`), reward: share }
      } catch (error) {
        if (!(error instanceof InstructionProblem)) throw error
        return { status: "unparsable-gold", reward: 0, reason: error.message }
      }
    },
  }
}
