/** Every verifier of the registry: its name, where it runs, its options. A new one is an entry here. */
import { z } from "zod"
import { javaScriptCodeVerifier } from "./code/javascript.ts"
import { pythonCodeVerifier } from "./code/python.ts"
import { formatVerifier } from "./combine/format-reward.ts"
import { functionModuleVerifier } from "./combine/function.ts"
import { weightedSumVerifier } from "./combine/weighted-sum.ts"
import { instructionsVerifier } from "./instructions/instructions.ts"
import { mathVerifier } from "./math/index.ts"
import { parseVerifierOptions } from "./options.ts"
import type { Defined } from "./options.ts"
import { gsm8kVerifier, mathDapoVerifier, minervaVerifier, primeMathVerifier } from "./presets/index.ts"
import { countdownVerifier } from "./procedural/countdown.ts"
import { exactMatchVerifier } from "./procedural/exact-match.ts"
import { numericAnswerVerifier } from "./procedural/numeric-answer.ts"
import { jsonSchemaVerifier } from "./structure/json-schema.ts"
import { multipleChoiceVerifier } from "./text/multiple-choice.ts"
import { questionAnsweringVerifier } from "./text/question-answering.ts"
import { regularExpressionVerifier } from "./text/regular-expression.ts"
import { toolCallsVerifier } from "./tools/tool-calls.ts"
import type { Verifier, VerifierPlace, VerifierSpec } from "./verifier.ts"

/** Makes the verifier that a part of another names. */
export type MakeVerifier = (spec: string | VerifierSpec, path: string) => Verifier

export interface CatalogueEntry {
  readonly place: VerifierPlace
  /** One line for help texts. */
  readonly summary: string
  readonly schema: z.ZodObject
  /** @param path  place of the options in the config */
  create(options: unknown, path: string, make: MakeVerifier): Verifier
}

function entry<Schema extends z.ZodObject>(
  name: string,
  place: VerifierPlace,
  summary: string,
  schema: Schema,
  create: (options: Defined<z.output<Schema>>, path: string, make: MakeVerifier) => Verifier,
): [string, CatalogueEntry] {
  return [
    name,
    {
      place,
      summary,
      schema,
      create: (options, path, make) => create(parseVerifierOptions(schema, options, name, path), path, make),
    },
  ]
}

const none = z.strictObject({})
const limit = z.number().positive().optional()
const count = z.int().min(1).optional()
const reward = z.enum(["all", "share"]).optional()
const answerPlace = z.enum(["auto", "marked", "whole"]).optional()
const math = z.strictObject({
  strict: z.boolean().optional(),
  precision: z.int().min(0).optional(),
  matchTypes: z.array(z.enum(["latex", "expr", "string"])).optional(),
  allowSetRelationComparison: z.boolean().optional(),
  units: z.enum(["optional", "required"]).optional(),
  approximate: z.boolean().optional(),
  place: z.enum(["boxed", "marked", "any"]).optional(),
  maxSteps: count,
})
const gsm8k = z.strictObject({
  method: z.enum(["strict", "flexible"]).optional(),
  formatScore: z.number().optional(),
  score: z.number().optional(),
})
const choice = z.strictObject({
  choices: z.int().min(2).max(26).optional(),
  several: z.boolean().optional(),
  anywhere: z.boolean().optional(),
})
const python = z.strictObject({
  python: z.string().min(1).optional(),
  seconds: limit,
  memoryMb: count,
  outputBytes: count,
  fileBytes: count,
  fileCount: count,
  reward,
  maxTests: count,
  allowUnisolated: z.boolean().optional(),
})
const javaScript = z.strictObject({
  seconds: limit,
  memoryMb: z.int().min(1).max(2000).optional(),
  outputCharacters: count,
  reward,
  maxTests: count,
})
const regex = z.strictObject({
  pattern: z.string().optional(),
  flags: z
    .string()
    .regex(/^[imsu]*$/u)
    .optional(),
  match: z.enum(["search", "whole"]).optional(),
  negate: z.boolean().optional(),
})
const spec = z.union([z.string(), z.looseObject({ name: z.string() })])
const part = z.strictObject({ verifier: spec, weight: z.number().optional() })

export const catalogue: ReadonlyMap<string, CatalogueEntry> = new Map([
  entry(
    "exact",
    "here",
    "the whole response is the gold",
    z.strictObject({ trim: z.boolean().optional() }),
    exactMatchVerifier,
  ),
  entry("integer", "here", "the last whole number", none, () =>
    numericAnswerVerifier({ name: "integer", place: "last", integer: true }),
  ),
  entry("numeric", "here", "the last number", none, () =>
    numericAnswerVerifier({ name: "numeric", place: "last", quantities: true }),
  ),
  entry("boxed-integer", "here", "a whole number in \\boxed{}", none, () =>
    numericAnswerVerifier({ name: "boxed-integer", place: "boxed", integer: true }),
  ),
  entry("countdown", "here", "an expression that reaches a target", none, () => countdownVerifier()),
  entry("countdown-all", "here", "countdown in which every number must be used", none, () =>
    countdownVerifier({ useAll: true }),
  ),
  entry("math", "worker", "a mathematical answer in LaTeX or text", math, mathVerifier),
  entry("gsm8k", "worker", "GSM8K's published grader", gsm8k, gsm8kVerifier),
  entry(
    "math_dapo",
    "worker",
    "DAPO's published grader, +1 and -1",
    z.strictObject({ strictBox: z.boolean().optional(), boxFallback: z.boolean().optional() }),
    mathDapoVerifier,
  ),
  entry("prime_math", "worker", "PRIME's published grader", none, primeMathVerifier),
  entry("minerva", "worker", "Minerva's published normalisation", none, minervaVerifier),
  entry("mcq", "here", "the letter of an option", choice, multipleChoiceVerifier),
  entry(
    "qa-exact",
    "here",
    "a short answer in words, normalised as in SQuAD",
    z.strictObject({ place: answerPlace }),
    questionAnsweringVerifier,
  ),
  entry(
    "qa-f1",
    "here",
    "the F1 of the words of a short answer",
    z.strictObject({ place: answerPlace, threshold: z.number().min(0).max(1).optional() }),
    (options) => questionAnsweringVerifier({ ...options, metric: "f1" }),
  ),
  entry("regex", "worker", "a regular expression", regex, regularExpressionVerifier),
  entry(
    "json-schema",
    "worker",
    "JSON that a schema accepts",
    z.strictObject({ schema: z.unknown().optional(), strict: z.boolean().optional() }),
    jsonSchemaVerifier,
  ),
  entry(
    "tool-calls",
    "worker",
    "calls of tools",
    z.strictObject({ tools: z.unknown().optional(), order: z.enum(["any", "same"]).optional() }),
    toolCallsVerifier,
  ),
  entry(
    "instructions",
    "worker",
    "instructions that a program can check (IFEval)",
    z.strictObject({ mode: z.enum(["strict", "loose"]).optional(), reward }),
    instructionsVerifier,
  ),
  entry("code-python", "process", "Python code against unit tests", python, pythonCodeVerifier),
  entry(
    "code-javascript",
    "process",
    "JavaScript code against unit tests",
    javaScript,
    javaScriptCodeVerifier,
  ),
  entry(
    "format",
    "here",
    "tags or a box, whatever the answer",
    z.strictObject({ tags: z.array(z.string().min(1)).optional(), boxed: z.boolean().optional() }),
    formatVerifier,
  ),
  entry(
    "function",
    "worker",
    "a function of your own module",
    z.strictObject({
      module: z.string().min(1),
      export: z.string().min(1).optional(),
      options: z.record(z.string(), z.unknown()).optional(),
    }),
    functionModuleVerifier,
  ),
  entry(
    "weighted",
    "here",
    "several verifiers, their rewards added with weights",
    z.strictObject({ parts: z.array(part) }),
    ({ parts }, path, make) =>
      weightedSumVerifier(
        parts.map(({ verifier, weight }, i) => ({
          verifier: make(verifier as string | VerifierSpec, `${path}.parts.${i}.verifier`),
          ...(weight === undefined ? {} : { weight }),
        })),
        path,
      ),
  ),
])
