/**
 * Work allowance of one verification. Counted in steps and not in milliseconds, so that a verdict is the same on every
 * machine and in every run.
 */

/** Thrown inside the verifier when an answer asks for more work than one verification may cost; never leaves it. */
export class BudgetExceeded extends Error {
  override readonly name: string = "BudgetExceeded"
}

export class Budget {
  private remaining: number

  /** @param steps  about one step per token, node visited or 64-bit word multiplied; 10^6 is some tens of milliseconds */
  constructor(steps: number) {
    this.remaining = steps
  }

  /** @throws BudgetExceeded  when the allowance is used up */
  charge(steps: number): void {
    this.remaining -= steps
    if (this.remaining < 0) throw new BudgetExceeded("verification budget used up")
  }
}
