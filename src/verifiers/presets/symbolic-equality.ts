/** What the presets ask in place of SymPy: are two strings the same expression, or numerically close? */
import { expressionsEqual, evaluateConstant, parseExpression } from "../math/index.ts"
import type { Expression } from "../math/index.ts"
import { isClose } from "./python-text.ts"

const literal = /(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi

/** SymPy reads no $ and no full stop; the math verifier looks past both. */
function read(source: string): Expression | undefined {
  return /[$.]/.test(source.replaceAll(literal, "0")) ? undefined : parseExpression(source)
}

/** True when both can be read and are equal. */
export function symbolicallyEqual(a: string, b: string): boolean {
  const [left, right] = [read(a), read(b)]
  return left !== undefined && right !== undefined && expressionsEqual(left, right)
}

/** True when both can be read and are equal, or are constants within the relative tolerance. */
export function symbolicallyClose(a: string, b: string, tolerance: number): boolean {
  const [left, right] = [read(a), read(b)]
  if (left === undefined || right === undefined) return false
  if (expressionsEqual(left, right)) return true
  const [x, y] = [evaluateConstant(left), evaluateConstant(right)]
  return x !== undefined && y !== undefined && isClose(x, y, tolerance)
}
