/** The math verifier. */
export { verifyMath } from "./verify-math.ts"
export type { MathStatus, MathVerdict } from "./verify-math.ts"
export { evaluateConstant, expressionsEqual, parseExpression } from "./expressions.ts"
export type { Expression } from "./expression.ts"
export { mathVerifier } from "./math-verifier.ts"
export { mathOptionsFromRow } from "./options.ts"
export type { MatchType, MathOptions } from "./options.ts"
