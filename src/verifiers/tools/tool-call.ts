/** What a tool call is, and the tools there are. */
import { parseJson } from "../structure/json-value.ts"

export interface ToolCall {
  readonly name: string
  /** Named arguments; those without a name, in Python syntax, stand under "0", "1", ... until the tool is known. */
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface Tool {
  readonly name: string
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** JSON text as its value; other values as they are. Undefined for text that is not JSON. */
export function parsedJson(value: unknown): unknown {
  if (typeof value !== "string") return value
  return parseJson(value)?.value
}

function toolFrom(value: unknown): Tool | undefined {
  if (!isRecord(value)) return undefined
  const inner = isRecord(value["function"]) ? value["function"] : value
  const { name, parameters } = inner
  if (typeof name !== "string") return undefined
  return { name, parameters: isRecord(parameters) ? parameters : { type: "object" } }
}

/** Tools as OpenAI (`{ type, function }`), Hermes or BFCL (`{ name, parameters }`) describe them, as a list, one, or JSON text. */
export function toolsFrom(value: unknown): readonly Tool[] {
  const parsed = parsedJson(value)
  const list = Array.isArray(parsed) ? parsed : [parsed]
  return list.map((one) => toolFrom(parsedJson(one))).filter((tool) => tool !== undefined)
}

/** A call as OpenAI, Hermes or Llama write it: `name` and `arguments` or `parameters`, the arguments as an object or JSON text. */
export function callFrom(value: unknown): ToolCall | undefined {
  if (!isRecord(value)) return undefined
  const inner = isRecord(value["function"]) ? value["function"] : value
  const { name } = inner
  if (typeof name !== "string") return undefined
  const given = parsedJson(inner["arguments"] ?? inner["parameters"] ?? inner["args"] ?? {})
  return isRecord(given) ? { name, arguments: given } : undefined
}
