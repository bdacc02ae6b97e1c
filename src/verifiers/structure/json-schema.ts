/** The response is, or holds, JSON that a schema accepts. */
import { VerifierError } from "../../errors.ts"
import { correct, incorrect, noAnswer, unparsableGold } from "../procedural/verdicts.ts"
import type { Verdict, Verifier } from "../verifier.ts"
import { findJson, maxJsonDepth, nestsTooDeep, parseJson } from "./json-value.ts"
import { schemaValidator } from "./schema-validator.ts"
import type { SchemaValidator } from "./schema-validator.ts"

export interface JsonSchemaOptions {
  /** Default: the gold of each problem, as JSON. */
  readonly schema?: unknown
  /** The whole response must be JSON; else it is also looked for in code blocks and between words. Default false. */
  readonly strict?: boolean
}

/** Judges the JSON of a response by a JSON Schema (drafts 7, 2019-09, 2020-12). */
export function jsonSchemaVerifier(options: JsonSchemaOptions = {}): Verifier {
  const { schema, strict = false } = options
  return {
    name: "json-schema",
    async verify({ gold, completion }): Promise<Verdict> {
      if (schema === undefined && nestsTooDeep(gold))
        return unparsableGold(gold, `a JSON Schema at most ${maxJsonDepth} deep`)
      let validate: SchemaValidator
      try {
        validate = await schemaValidator(schema ?? (JSON.parse(gold) as unknown))
      } catch (error) {
        if (!(error instanceof VerifierError || error instanceof SyntaxError)) throw error
        return unparsableGold(gold, `a JSON Schema (${error.message})`)
      }
      const found = strict ? parseJson(completion.trim()) : findJson(completion)
      if (found === undefined) return noAnswer("the response holds no JSON")
      const problems = validate(found.value)
      const text = found.text.slice(0, 300)
      return problems.length === 0 ? correct(text, "the schema accepts it") : incorrect(text, problems.join("; "))
    },
  }
}
