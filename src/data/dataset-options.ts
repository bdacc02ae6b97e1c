/** What a config may say about a data set. */
import { z } from "zod"
import { ConfigError } from "../errors.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import type { PromptTemplate } from "./prompt-template.ts"
import { parseOptions } from "./task-options.ts"

export interface DatasetOptions {
  /** JSONL, parquet, CSV or TSV file with the training problems. */
  readonly path: string
  /** File with the held-out problems. Without it, they are taken out of `path`. */
  readonly heldOutPath?: string | undefined
  /**
   * Number of held-out problems, chosen by a seeded hash of the question. Default: all of `heldOutPath`; without that
   * file a tenth of the questions, 500 at most.
   */
  readonly heldOutSize?: number | undefined
  /** Chooses the held-out problems. Default 0. */
  readonly seed?: number | undefined
  /** Names of columns; a dot goes into a struct. What is not given is found by common names. */
  readonly columns?:
    | {
        readonly prompt?: string | undefined
        readonly answer?: string | undefined
        readonly solution?: string | undefined
        readonly source?: string | undefined
        readonly id?: string | undefined
      }
    | undefined
  /** Default: the question as it is. */
  readonly template?: PromptTemplate | undefined
  /** A name, a verifier, or one of them for each source (`columns.source`). */
  readonly verifier: string | Verifier | Readonly<Record<string, string | Verifier>>
}

export const datasetSchema: z.ZodObject<{
  path: z.ZodString
  heldOutPath: z.ZodOptional<z.ZodString>
  heldOutSize: z.ZodOptional<z.ZodInt>
  seed: z.ZodDefault<z.ZodInt>
  columns: z.ZodDefault<z.ZodType<NonNullable<DatasetOptions["columns"]>>>
  template: z.ZodOptional<z.ZodType<PromptTemplate>>
  verifier: z.ZodType<DatasetOptions["verifier"]>
}> = z.strictObject({
  path: z.string().min(1).describe("JSONL, parquet, CSV or TSV file with the training problems"),
  heldOutPath: z.string().min(1).optional().describe("file with the held-out problems"),
  heldOutSize: z.int().min(0).optional().describe("number of held-out problems, chosen by a hash of the question"),
  seed: z.int().default(0).describe("chooses the held-out problems"),
  columns: z
    .strictObject({
      prompt: z.string().optional(),
      answer: z.string().optional(),
      solution: z.string().optional(),
      source: z.string().optional(),
      id: z.string().optional(),
    })
    .default({})
    .describe("names of columns: prompt, answer, solution, source, id"),
  template: z
    .union([z.string(), z.strictObject({ system: z.string().optional(), user: z.string() })], {
      error: "text, or system and user",
    })
    .optional()
    .describe("text with {prompt} or {any_column}, or system and user messages"),
  verifier: z
    .custom<DatasetOptions["verifier"]>(isVerifierOption, { error: "the name of a verifier, or a name for each source" })
    .describe("name of the verifier, or a name for each source"),
})

/** True for an object that judges, false for one that maps sources to verifiers. */
export function isVerifier(value: unknown): value is Verifier {
  return typeof value === "object" && value !== null && "verify" in value && typeof value.verify === "function"
}

function isVerifierOption(value: unknown): boolean {
  if (typeof value === "string" || isVerifier(value)) return true
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) => typeof one === "string" || isVerifier(one))
}

/**
 * Checked options with their defaults.
 * @throws ConfigError  with every problem, at `task.<option>`
 */
export function parseDatasetOptions(options: unknown): z.output<typeof datasetSchema> {
  const parsed = parseOptions(datasetSchema, options, "data set")
  if (parsed.heldOutPath !== undefined && parsed.heldOutPath === parsed.path) {
    const message = "data set: expected another file than task.path, got the same. Leave it out and set task.heldOutSize."
    throw new ConfigError([{ path: "task.heldOutPath", message }])
  }
  return parsed
}
