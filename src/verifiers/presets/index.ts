/** Graders of published results, ported to their exact behaviour. */
export { gsm8kVerifier, scoreGsm8k } from "./gsm8k.ts"
export type { Gsm8kOptions } from "./gsm8k.ts"
export { mathDapoVerifier, scoreMathDapo } from "./math-dapo.ts"
export type { MathDapoOptions, MathDapoScore } from "./math-dapo.ts"
export { minervaVerifier } from "./minerva.ts"
export { primeMathVerifier, scorePrimeMath } from "./prime-math.ts"
