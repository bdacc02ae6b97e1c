/** Tool calls: valid by the schemas of the tools, and the calls that the gold asks for. */
import { VerifierError } from "../../errors.ts"
import { correct, incorrect, noAnswer, unparsableGold } from "../procedural/verdicts.ts"
import { schemaValidator, standardTypes } from "../structure/schema-validator.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { callsMismatch, expectedCalls } from "./expected-calls.ts"
import { findCalls } from "./find-calls.ts"
import { isRecord, toolsFrom } from "./tool-call.ts"
import type { Tool, ToolCall } from "./tool-call.ts"

export interface ToolCallsOptions {
  /** Descriptions of the tools, in OpenAI's form or `{ name, parameters }`. Default: `tools`, `functions` or `function` of the row. */
  readonly tools?: unknown
  /** `"any"`: several calls may come in any order. `"same"`: as in the gold. Default `"any"`. */
  readonly order?: "any" | "same"
}

function toolsOf(options: ToolCallsOptions, row: VerifierInput["row"]): readonly Tool[] {
  return toolsFrom(options.tools ?? row?.["tools"] ?? row?.["functions"] ?? row?.["function"])
}

/** Arguments without a name get the names of the tool's parameters, in their order. */
function named(call: ToolCall, tool: Tool | undefined): ToolCall {
  const names = isRecord(tool?.parameters["properties"]) ? Object.keys(tool.parameters["properties"]) : []
  const entries = Object.entries(call.arguments).map(([key, value]): [string, unknown] => [
    /^\d+$/u.test(key) ? (names[Number(key)] ?? key) : key,
    value,
  ])
  return { name: call.name, arguments: Object.fromEntries(entries) }
}

async function schemaProblem(call: ToolCall, tool: Tool | undefined): Promise<string | undefined> {
  if (tool === undefined) return `there is no tool ${call.name}`
  const validate = await schemaValidator(standardTypes(tool.parameters))
  const [problem] = validate(call.arguments)
  return problem === undefined ? undefined : `${call.name}: ${problem.replace("the value", "the arguments")}`
}

/**
 * Right when the response makes the calls of the gold and no others; an empty list as gold asks for none. Where the tools
 * are known, every call must be valid by its JSON Schema. Several calls match in any order unless `order` is `"same"`.
 * Source of the comparison with lists of possible answers: Berkeley Function Calling Leaderboard, `ast_checker`.
 * Differs: calls are matched one to one by augmenting paths instead of greedily.
 */
export function toolCallsVerifier(options: ToolCallsOptions = {}): Verifier {
  return {
    name: "tool-calls",
    async verify({ gold, completion, row }): Promise<Verdict> {
      const expected = expectedCalls(gold)
      if (expected === undefined) return unparsableGold(gold, "JSON with calls or possible answers")
      const found = findCalls(completion)
      if (found === "malformed")
        return incorrect(completion.slice(0, 300), "the response holds a call that cannot be read")
      if (found.length === 0)
        return expected.length === 0 ? correct("", "no call was asked for") : noAnswer("the response calls no tool")
      const tools = toolsOf(options, row)
      const calls = found.map((call) =>
        named(
          call,
          tools.find(({ name }) => name === call.name),
        ),
      )
      const extracted = JSON.stringify(calls).slice(0, 300)
      if (tools.length > 0) {
        try {
          for (const call of calls) {
            const problem = await schemaProblem(
              call,
              tools.find(({ name }) => name === call.name),
            )
            if (problem !== undefined) return incorrect(extracted, problem)
          }
        } catch (error) {
          if (!(error instanceof VerifierError)) throw error
          return { ...unparsableGold(gold, "tools with valid schemas"), reason: error.message }
        }
      }
      const problem = callsMismatch(expected, calls, options.order === "same")
      return problem === undefined ? correct(extracted, "the calls are those asked for") : incorrect(extracted, problem)
    },
  }
}
