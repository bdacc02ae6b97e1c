/** What a config may say about a data set. */
import { z } from "zod"
import { isHubName } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { isVerifierSpec } from "../verifiers/registry.ts"
import type { Verifier, VerifierSpec } from "../verifiers/verifier.ts"
import type { DatasetLocation } from "./dataset-location.ts"
import type { PromptTemplate } from "./prompt-template.ts"
import { rowConditionSchema } from "./row-filter.ts"
import type { RowCondition } from "./row-filter.ts"
import { parseOptions } from "./task-options.ts"

/** A name, a name with options, or a verifier. */
export type OneVerifier = string | VerifierSpec | Verifier

/** One for all, or one for each source (`columns.source`). An object with the key `name` is one with options. */
export type VerifierOption = OneVerifier | Readonly<Record<string, OneVerifier>>

/** What is done about questions that are both in training and in evaluation data. */
export type OverlapPolicy = "error" | "drop"

/** What is done about prompts of more tokens than `maxPromptTokens`. */
export type OverlongPolicy = "drop" | "error"

export interface DatasetOptions extends DatasetLocation {
  /** JSON, JSONL, parquet, CSV or TSV file with the training problems, or a folder of them. Either this or `hub`. */
  readonly path?: string | undefined
  /** A data set of the Hugging Face hub, `owner/name`. The only option that makes the network be used. */
  readonly hub?: string | undefined
  /** Branch, tag or commit of `hub`. Default main. */
  readonly revision?: string | undefined
  /** Where files of `hub` are kept. Default the cache folder of huggingface_hub. */
  readonly cacheDir?: string | undefined
  /** Folder within `hub` or `path` that alone is read; `*` for all, where the parts of a data set of the hub must be told apart. */
  readonly subset?: string | undefined
  /** Split to train on, known by the names of files and folders. Default train, or else the files that name none. */
  readonly split?: string | undefined
  /** Split with the held-out problems. */
  readonly heldOutSplit?: string | undefined
  /** File or folder with the held-out problems. Without it and `heldOutSplit`, they are taken out of the training data. */
  readonly heldOutPath?: string | undefined
  /**
   * Number of held-out problems, chosen by a seeded hash of the question. Default: all of `heldOutPath` or
   * `heldOutSplit`; without them a tenth of the questions, 500 at most.
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
  /** Conditions that a row must meet, all of them; for training and held-out rows. */
  readonly filter?: readonly RowCondition[] | undefined
  /** True keeps the first training row of each question. Default false. */
  readonly deduplicate?: boolean | undefined
  /** Files or folders of further evaluation sets, whose questions must not be trained on. */
  readonly disjointFrom?: readonly string[] | undefined
  /** Questions of evaluation data in the training data: an error, or dropped from training. Default error. */
  readonly overlap?: OverlapPolicy | undefined
  /** Longest prompt in tokens, as it is put to the model. Default: what the model's context has room for. */
  readonly maxPromptTokens?: number | undefined
  /** Longer prompts are left out, in training and held-out rows, or are an error. Default drop. */
  readonly overlongPrompts?: OverlongPolicy | undefined
  /** Default: by the kind that verl-style rows name (`ability`, `reward_model.style`). */
  readonly verifier?: VerifierOption | undefined
}

export const datasetSchema: z.ZodObject<{
  path: z.ZodOptional<z.ZodString>
  hub: z.ZodOptional<z.ZodString>
  revision: z.ZodOptional<z.ZodString>
  cacheDir: z.ZodOptional<z.ZodString>
  subset: z.ZodOptional<z.ZodString>
  split: z.ZodOptional<z.ZodString>
  heldOutSplit: z.ZodOptional<z.ZodString>
  heldOutPath: z.ZodOptional<z.ZodString>
  heldOutSize: z.ZodOptional<z.ZodInt>
  seed: z.ZodDefault<z.ZodInt>
  columns: z.ZodDefault<z.ZodType<NonNullable<DatasetOptions["columns"]>>>
  template: z.ZodOptional<z.ZodType<PromptTemplate>>
  filter: z.ZodDefault<z.ZodArray<z.ZodType<RowCondition>>>
  deduplicate: z.ZodDefault<z.ZodBoolean>
  disjointFrom: z.ZodDefault<z.ZodArray<z.ZodString>>
  overlap: z.ZodDefault<z.ZodType<OverlapPolicy>>
  maxPromptTokens: z.ZodOptional<z.ZodInt>
  overlongPrompts: z.ZodDefault<z.ZodType<OverlongPolicy>>
  verifier: z.ZodOptional<z.ZodType<VerifierOption>>
}> = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe("JSON, JSONL, parquet, CSV or TSV file with the training problems, or a folder of them"),
  hub: z
    .string()
    .refine(isHubName, { error: "owner/name" })
    .optional()
    .describe("data set of the Hugging Face hub, owner/name, in place of path"),
  revision: z.string().min(1).optional().describe("branch, tag or commit of hub; main when absent"),
  cacheDir: z
    .string()
    .min(1)
    .optional()
    .describe("where files of hub are kept; the cache of huggingface_hub when absent"),
  subset: z
    .string()
    .min(1)
    .optional()
    .describe("folder within hub or path that alone is read; * for all parts of a data set of the hub"),
  split: z.string().min(1).optional().describe("split to train on; train, or the files that name none, when absent"),
  heldOutSplit: z.string().min(1).optional().describe("split with the held-out problems"),
  heldOutPath: z.string().min(1).optional().describe("file or folder with the held-out problems"),
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
  filter: z
    .array(rowConditionSchema)
    .default([])
    .describe("conditions that rows must meet: column and equals, in, min, max, notEmpty, ..."),
  deduplicate: z.boolean().default(false).describe("keep the first training row of each question"),
  disjointFrom: z
    .array(z.string().min(1))
    .default([])
    .describe("evaluation files whose questions must not be trained on"),
  overlap: z
    .enum(["error", "drop"])
    .default("error")
    .describe("questions of evaluation data in the training data: error or drop"),
  maxPromptTokens: z.int().min(1).optional().describe("longest prompt in tokens, as it is put to the model"),
  overlongPrompts: z
    .enum(["drop", "error"])
    .default("drop")
    .describe("what is done about prompts of more than maxPromptTokens: drop or error"),
  verifier: z
    .custom<VerifierOption>(isVerifierOption, {
      error: "the name of a verifier, a name with options, or one for each source",
    })
    .optional()
    .describe(
      "name of the verifier (or name with options), or one for each source; by the kind that verl-style rows name when absent",
    ),
})

/** True for an object that judges, false for one that maps sources to verifiers. */
export function isVerifier(value: unknown): value is Verifier {
  return typeof value === "object" && value !== null && "verify" in value && typeof value.verify === "function"
}

function isVerifierOption(value: unknown): boolean {
  const isOne = (one: unknown): boolean => typeof one === "string" || isVerifier(one) || isVerifierSpec(one)
  if (isOne(value)) return true
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isOne)
}

/** Checked options with their defaults. */
export type ParsedDatasetOptions = z.output<typeof datasetSchema>

function combinationIssues({
  path,
  hub,
  revision,
  cacheDir,
  heldOutPath,
  heldOutSplit,
}: ParsedDatasetOptions): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if ((path === undefined) === (hub === undefined)) {
    const got = path === undefined ? "neither" : "both"
    issues.push({ path: "task.path", message: `data set: expected either path or hub, got ${got}. Set one of them.` })
  }
  const hubOnly = { revision, cacheDir }
  for (const [name, value] of Object.entries(hubOnly)) {
    if (value === undefined || hub !== undefined) continue
    issues.push({
      path: `task.${name}`,
      message: `data set: expected ${name} only with hub, got it with path. Leave it out.`,
    })
  }
  if (heldOutPath !== undefined && heldOutSplit !== undefined) {
    issues.push({
      path: "task.heldOutSplit",
      message: "data set: expected either heldOutPath or heldOutSplit, got both. Leave one out.",
    })
  }
  if (heldOutPath !== undefined && heldOutPath === path) {
    const message =
      "data set: expected another file than task.path, got the same. Leave it out and set task.heldOutSize."
    issues.push({ path: "task.heldOutPath", message })
  }
  return issues
}

/**
 * Checked options with their defaults.
 * @throws ConfigError  with every problem, at `task.<option>`
 */
export function parseDatasetOptions(options: unknown): ParsedDatasetOptions {
  const parsed = parseOptions(datasetSchema, options, "data set")
  const issues = combinationIssues(parsed)
  if (issues.length > 0) throw new ConfigError(issues)
  return parsed
}
