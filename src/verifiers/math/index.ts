/** The math verifier. */
export { verifyMath } from "./verify-math.ts"
export type { MathStatus, MathVerdict } from "./verify-math.ts"
export { mathVerifier } from "./math-verifier.ts"
export { mathOptionsFromRow } from "./options.ts"
export type { MatchType, MathOptions } from "./options.ts"
