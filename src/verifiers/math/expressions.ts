/** Single expressions for other graders: read, compared, evaluated, within a work allowance. */
import { parseAnswer } from "./answer-parser.ts"
import { Budget, BudgetExceeded } from "./budget.ts"
import type { Expression } from "./expression.ts"
import { freeSymbols } from "./expression.ts"
import { expressionsEqual as equalWithin } from "./expression-equality.ts"
import { NumericEvaluator } from "./numeric-evaluation.ts"

const steps = 80_000

function within<T>(work: (budget: Budget) => T, otherwise: T): T {
  try {
    return work(new Budget(steps))
  } catch (error) {
    if (error instanceof BudgetExceeded) return otherwise
    throw error
  }
}

/** The expression a source holds, or undefined when it is none (a list, a relation, words). */
export function parseExpression(source: string): Expression | undefined {
  const reading = {
    algebraOnly: true,
    groupThousands: true,
    decimalComma: false,
    tightDivision: false,
    naturalLogarithm: true,
    forms: false,
  }
  const answer = within((budget) => parseAnswer(source, reading, budget).answer, undefined)
  return answer?.kind === "expression" ? answer.expression : undefined
}

/** The equality ladder; false when it would take too long. */
export function expressionsEqual(a: Expression, b: Expression): boolean {
  return within((budget) => equalWithin(a, b, { budget, precision: { places: 6, absolute: false } }), false)
}

/** The value of a real constant expression, or undefined. */
export function evaluateConstant(node: Expression): number | undefined {
  if (freeSymbols(node).length > 0) return undefined
  const value = within((budget) => new NumericEvaluator(new Map(), budget).evaluate(node), undefined)
  return value !== undefined && value.im === 0 && Number.isFinite(value.re) ? value.re : undefined
}
