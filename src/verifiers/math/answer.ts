/** What an answer is, above single expressions: the structure layer's vocabulary. */
import type { Expression } from "./expression.ts"
import type { LetterString } from "./letter-strings.ts"
import type { Quantity } from "./units/quantity.ts"
import type { Unit } from "./units/unit.ts"

export type RelationOperator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "notin"

interface Keyed {
  /** The canonical tokens: equal keys are equal answers. */
  readonly key: string
}

export type Answer = Keyed &
  (
    | {
        readonly kind: "expression"
        readonly expression: Expression
        /** The unit, by all that its name may mean; empty for none. */
        readonly units: readonly Unit[]
        /** The same source with its letters as a unit: 5 m is five metres when the other side names a unit. */
        readonly lettersAsUnit?: Quantity
        /** Those letters are one letter that a blank parts from its number. */
        readonly unitStandsApart?: boolean
        /** The source is nothing but letters. */
        readonly letters?: LetterString
        /** The words behind the value. */
        readonly words?: string
      }
    /** Words, or mathematics that could not be read (`garbled`). */
    | { readonly kind: "text"; readonly garbled: boolean }
    /** Items without brackets: any order, repetitions count. */
    | { readonly kind: "list"; readonly items: readonly Answer[]; readonly connective: "and" | "or" | "," }
    /** \{...\}: any order, repetitions do not count. */
    | { readonly kind: "set"; readonly items: readonly Answer[] }
    /** Bracketed items in order; two of them may be an interval. With `names`: a solution p = 5, q = 2 of several. */
    | {
        readonly kind: "tuple"
        readonly items: readonly Answer[]
        readonly open: "(" | "["
        readonly close: ")" | "]"
        readonly names?: readonly string[]
      }
    | {
        readonly kind: "setOperation"
        readonly operator: "cup" | "cap" | "setminus"
        readonly parts: readonly Answer[]
      }
    | { readonly kind: "numberSet"; readonly name: string }
    | {
        readonly kind: "relation"
        readonly operands: readonly Answer[]
        readonly operators: readonly RelationOperator[]
      }
    /** \{x : condition\}. */
    | { readonly kind: "setBuilder"; readonly condition: Answer }
    | { readonly kind: "ratio"; readonly parts: readonly Answer[] }
    /** Values with their conditions; a branch without one is the rest. */
    | {
        readonly kind: "piecewise"
        readonly branches: readonly { readonly value: Answer; readonly condition?: Answer }[]
      }
    /** A clock time; `definite` where the half of the day is said. */
    | { readonly kind: "time"; readonly seconds: number; readonly definite: boolean }
    | {
        readonly kind: "date"
        readonly month: number
        readonly day?: number
        readonly year?: number
        /** 0 is Monday. */
        readonly dayOfWeek?: number
      }
    /** a \approx b. */
    | { readonly kind: "approximation"; readonly exact: Answer; readonly approximate: Answer }
  )

/** Does the answer hold anything a value can be read from? */
export function isReadable(answer: Answer): boolean {
  return answer.kind !== "text"
}
