/** The math verifier behind the common interface. */
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import type { MathOptions } from "./options.ts"
import { mathOptionsFromRow } from "./options.ts"
import { overlongGold, verifyMath } from "./verify-math.ts"

/**
 * Reward 1 for the right answer, else 0. Options of the row (strict, precision, match_types, allow_set_relation_comp)
 * go before the ones given here.
 */
export function mathVerifier(options: MathOptions = {}): Verifier {
  return {
    name: "math",
    goldProblem: overlongGold,
    verify(input: VerifierInput): Verdict {
      const own = input.row === undefined ? options : { ...options, ...mathOptionsFromRow(input.row) }
      const { status, reason, extracted } = verifyMath(input.gold, input.completion, own)
      return { status, reward: status === "correct" ? 1 : 0, reason, ...(extracted === undefined ? {} : { extracted }) }
    },
  }
}
