/**
 * Work allowance of one verification. Counted in steps and not in milliseconds, so that a verdict is the same on every
 * machine and in every run.
 */

import type { Expression } from "./expression.ts"
import type { Rational } from "./rational.ts"

/** Thrown inside the verifier when an answer asks for more work than one verification may cost; never leaves it. */
export class BudgetExceeded extends Error {
  override readonly name: string = "BudgetExceeded"
}

export class Budget {
  /** Constants that were worked out. They are kept here, so that no verification is cheaper for the one before it. */
  readonly exactValues: Map<Expression, Rational | undefined> = new Map()
  private remaining: number

  /** @param steps  about one step per token, node visited or 64-bit word multiplied; 10^6 is some tens of milliseconds */
  constructor(steps: number) {
    this.remaining = steps
  }

  /** Steps that are left. */
  get left(): number {
    return this.remaining
  }

  /** @throws BudgetExceeded  when the allowance is used up */
  charge(steps: number): void {
    this.remaining -= steps
    if (this.remaining < 0) throw new BudgetExceeded("verification budget used up")
  }
}
