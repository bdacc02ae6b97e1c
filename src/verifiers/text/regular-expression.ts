/** The response, or the answer in it, matches a regular expression. Runs in the pool: a pattern can take for ever. */
import { ConfigError } from "../../errors.ts"
import { correct, incorrect, noAnswer, shown, unparsableGold } from "../procedural/verdicts.ts"
import type { Verifier } from "../verifier.ts"

export interface RegularExpressionOptions {
  /** JavaScript syntax, without slashes. Default: the gold of each problem. */
  readonly pattern?: string
  /** JavaScript flags out of `imsu`. Default `u`, and none where the pattern is not valid with it. */
  readonly flags?: string
  /** `"search"`: somewhere. `"whole"`: the whole response, without white space at its ends. Default `"search"`. */
  readonly match?: "search" | "whole"
  /** A response that matches is wrong. Default false. */
  readonly negate?: boolean
}

/** Undefined when the pattern is not valid. */
function compile(pattern: string, flags: string | undefined, whole: boolean): RegExp | undefined {
  const source = whole ? `^(?:${pattern})$` : pattern
  for (const chosen of flags === undefined ? ["u", ""] : [flags]) {
    try {
      // The pattern alone must be valid, or a bracket of it could close the group around it.
      const alone = new RegExp(pattern, chosen)
      return whole ? new RegExp(source, chosen) : alone
    } catch {
      // Tried with other flags, or reported by the caller.
    }
  }
  return undefined
}

/**
 * Right when the response matches.
 * @throws ConfigError  when `pattern` is not valid
 */
export function regularExpressionVerifier(options: RegularExpressionOptions = {}, path: string = "verifier"): Verifier {
  const { pattern, flags, match = "search", negate = false } = options
  const fixed = pattern === undefined ? undefined : compile(pattern, flags, match === "whole")
  if (pattern !== undefined && fixed === undefined) {
    const message = `regex: expected a JavaScript regular expression, got ${shown(pattern)} with flags ${shown(flags ?? "u")}. Correct it.`
    throw new ConfigError([{ path: `${path}.pattern`, message }])
  }
  return {
    name: "regex",
    verify({ gold, completion }) {
      const expression = fixed ?? compile(gold, flags, match === "whole")
      if (expression === undefined) return unparsableGold(gold, "a regular expression")
      const text = match === "whole" ? completion.trim() : completion
      if (text === "" && !negate) return noAnswer("the response is empty")
      const found = expression.exec(text)
      const extracted = (found?.[0] ?? text).slice(0, 300)
      const reason = `${found === null ? "does not match" : "matches"} ${shown(expression.source)}`
      return (found !== null) !== negate ? correct(extracted, reason) : incorrect(extracted, reason)
    },
  }
}
