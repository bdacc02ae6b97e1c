/** How named functions take their arguments: \sin^2 x, \log_2 8, \sqrt[3]{x}, \max(2,3), \sin 5x \cos x. */
import type { Expression } from "./expression.ts"
import type { ExpressionParser } from "./expression-parser.ts"
import { integer } from "./rational.ts"

const inverses: ReadonlyMap<string, string> = new Map(
  ["sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"].map((name) => [name, `arc${name}`]),
)

const two: Expression = { kind: "number", value: integer(2) }
const ten: Expression = { kind: "number", value: integer(10) }

/** \sqrt{x}, \sqrt[n]{x}, \sqrt 2, sqrt(x). */
export function parseRoot(parser: ExpressionParser): Expression {
  parser.position++
  let index: Expression = two
  if (parser.token?.kind === "open" && parser.token.text === "[") {
    const close = parser.lexed.match[parser.position] ?? -1
    // sqrt[3]{x} has an index; sqrt[x] has brackets for an argument.
    const after = parser.lexed.tokens[close + 1]
    if (close > 0 && close + 1 < parser.end && after !== undefined && parser.startsFactor(after)) index = parser.group()
  }
  return { kind: "root", index, operand: parser.argument() }
}

/**
 * A call of a known function, the parser standing on its name.
 * @throws ParseFailure
 */
export function parseFunction(parser: ExpressionParser): Expression {
  let name = parser.token!.text
  parser.position++
  let base: Expression | undefined
  let exponent: Expression | undefined
  for (;;) {
    if (parser.isOperator("_") && base === undefined) {
      parser.position++
      base = parser.argument()
    } else if (parser.isOperator("^") && exponent === undefined) {
      parser.position++
      exponent = parser.exponent()
    } else break
  }
  const inverse = inverses.get(name)
  if (inverse !== undefined && exponent !== undefined && isMinusOne(exponent)) {
    name = inverse
    exponent = undefined
  }
  const call = build(parser, name, base, callArguments(parser, name))
  return exponent === undefined ? call : { kind: "power", base: call, exponent }
}

function isMinusOne(node: Expression): boolean {
  return node.kind === "negate" && node.operand.kind === "number" && node.operand.value.numerator === 1n && node.operand.value.denominator === 1n
}

function build(parser: ExpressionParser, name: string, base: Expression | undefined, list: Expression[]): Expression {
  const first = list[0]
  if (first === undefined) parser.fail()
  if (name === "exp") return { kind: "power", base: { kind: "constant", name: "e" }, exponent: first }
  if (name === "cbrt") return { kind: "root", index: { kind: "number", value: integer(3) }, operand: first }
  if (name === "lg") return { kind: "call", name: "log", arguments: [first, base ?? ten] }
  if (name === "ln") return { kind: "call", name: "ln", arguments: [first] }
  if (name === "log") {
    if (list.length === 2 && base === undefined) return { kind: "call", name: "log", arguments: list }
    if (base !== undefined) return { kind: "call", name: "log", arguments: [first, base] }
    parser.ambiguousLogarithm = true
    return parser.reading.naturalLogarithm
      ? { kind: "call", name: "ln", arguments: [first] }
      : { kind: "call", name: "log", arguments: [first, ten] }
  }
  return { kind: "call", name, arguments: list }
}

function callArguments(parser: ExpressionParser, name: string): Expression[] {
  const token = parser.token
  if (token === undefined) parser.fail()
  if (token.kind === "open") {
    const several = name === "max" || name === "min" || name === "gcd" || name === "lcm" || name === "log" || name === "binom"
    if (token.text === "(" || token.text === "[" || (token.text === "\\{" && several)) return parser.argumentList()
    if (token.text === "{") {
      // \sin{\left(x\right)} and \max{\{2,3\}}: the inner bracket holds the arguments.
      const inner = parser.peek(1)
      const close = parser.lexed.match[parser.position]!
      if (several && inner?.kind === "open" && parser.lexed.match[parser.position + 1] === close - 1) {
        parser.position++
        const list = parser.argumentList()
        parser.position = close + 1
        return list
      }
    }
    return [parser.group()]
  }
  if (parser.isOperator("|")) return [parser.primary()]
  return [bareArgument(parser)]
}

/** \sin 2\pi t: factors side by side, up to an operator, another function or a bracket after a letter. */
function bareArgument(parser: ExpressionParser): Expression {
  if (parser.isOperator("-") || parser.isOperator("+")) {
    const negative = parser.isOperator("-")
    parser.position++
    const operand = bareArgument(parser)
    return negative ? { kind: "negate", operand } : operand
  }
  const factors = [parser.token?.kind === "function" ? parser.primary() : parser.parseFactor()]
  for (let token = parser.token; token !== undefined; token = parser.token) {
    const previous = parser.lexed.tokens[parser.position - 1]
    if (token.kind === "open" && previous?.kind !== "number") break
    if (!parser.startsFactor(token) || token.kind === "function" || token.kind === "environmentBegin" || parser.isOperator("|")) break
    if (token.kind === "number" && previous?.kind === "number") break
    factors.push(parser.parseFactor())
  }
  return factors.length === 1 ? factors[0]! : { kind: "multiply", factors }
}
