/** Options of the math verifier, with the names Math-Verify gave them. */

export type MatchType = "latex" | "expr" | "string"

/**
 * What counts as an answer: closed \boxed{} alone; those, `<answer>` and what is announced ("the answer is", "####");
 * or also the last formula or number.
 */
export type AnswerPlace = "boxed" | "marked" | "any"

export interface MathOptions {
  /** False lets variables be renamed: x + 1 matches y + 1, sets match tuples. Default true. */
  readonly strict?: boolean
  /**
   * Decimal places to which a decimal literal must agree. Unset: 6 places, relative for magnitudes below 0.1. Set: that
   * many places at every magnitude, as Math-Verify rounds.
   */
  readonly precision?: number
  /** What may be read from a completion: LaTeX, plain numbers, the letters A to D. Default LaTeX and plain numbers. */
  readonly matchTypes?: readonly MatchType[]
  /** A predicted inequality may match a gold set; the other way round it always may. Default false. */
  readonly allowSetRelationComparison?: boolean
  /**
   * Must a response name a unit where the gold does? Default optional: a missing unit is accepted, a wrong one is not.
   */
  readonly units?: "optional" | "required"
  /**
   * algebra: units, currencies and scale words say nothing and every letter is a factor, as in a published grader that
   * asks a computer algebra system. Default full.
   */
  readonly reading?: "full" | "algebra"
  /** x \approx 11 is accepted for 11. Default false: nobody knows how far it was rounded. */
  readonly approximate?: boolean
  /** Where an answer may stand. Default any. */
  readonly place?: AnswerPlace
  /** Work allowance of one verification; past it the verdict is "timeout". Default 80,000 steps: ordinary
   * answers take some hundreds, and the whole allowance some tens of milliseconds. */
  readonly maxSteps?: number
}

/** The per-row options of a case file (strict, precision, match_types, allow_set_relation_comp). Other keys are ignored. */
export function mathOptionsFromRow(row: Readonly<Record<string, unknown>>): MathOptions {
  const types = Array.isArray(row["match_types"])
    ? row["match_types"].filter((type): type is MatchType => type === "latex" || type === "expr" || type === "string")
    : []
  return {
    ...(typeof row["strict"] === "boolean" ? { strict: row["strict"] } : {}),
    ...(typeof row["precision"] === "number" ? { precision: row["precision"] } : {}),
    ...(types.length > 0 ? { matchTypes: types } : {}),
    ...(typeof row["allow_set_relation_comp"] === "boolean" ? { allowSetRelationComparison: row["allow_set_relation_comp"] } : {}),
  }
}
