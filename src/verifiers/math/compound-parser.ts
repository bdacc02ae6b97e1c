/** Operands with a shape of their own: absolute values, sums and products with bounds, matrices. */
import type { Expression } from "./expression.ts"
import type { ExpressionParser } from "./expression-parser.ts"

/** |...|, the parser standing on the first bar. */
export function parseBars(parser: ExpressionParser): Expression {
  const { tokens, match } = parser.lexed
  parser.charge((parser.end - parser.position) / 8)
  let close = parser.position + 1
  let nested = 0
  for (; close < parser.end; close++) {
    const partner = match[close]!
    if (partner > close) close = partner
    else if (parser.isOperator("|", tokens[close])) {
      const before = tokens[close - 1]!
      const opens = close === parser.position + 1 || before.kind === "operator" || before.kind === "relation"
      if (!opens && nested === 0) break
      nested += opens ? 1 : -1
    }
  }
  if (close >= parser.end) parser.fail()
  parser.position++
  const operand = parser.inner(close)
  parser.position = close + 1
  return { kind: "call", name: "abs", arguments: [operand] }
}

/** \sum_{k=1}^{n} and \prod, the parser standing behind the command. */
export function parseBigOperation(parser: ExpressionParser, operation: "sum" | "product"): Expression {
  if (!parser.isOperator("_")) parser.fail()
  parser.position++
  const close = parser.lexed.match[parser.position] ?? -1
  const variable = parser.peek(1)
  const equals = parser.peek(2)
  if (close < 0 || close >= parser.end || parser.token?.text !== "{" || equals?.kind !== "relation" || equals.text !== "=") parser.fail()
  if (variable?.kind !== "letter" && variable?.text !== "i") parser.fail()
  parser.position += 3
  const from = parser.inner(close)
  parser.position = close + 1
  if (!parser.isOperator("^")) parser.fail()
  parser.position++
  const to = parser.exponent()
  const body = parser.parseSummand(variable.text === "i")
  return { kind: "bigOperation", operation, variable: variable.text, from, to, body }
}

/** \begin{pmatrix} ... \end{pmatrix} and its relatives; a vmatrix is a determinant. */
export function parseMatrix(parser: ExpressionParser): Expression {
  const environment = parser.token!.text
  const close = parser.lexed.match[parser.position]!
  if (close < 0 || close >= parser.end || !/^[pbvBV]?(?:small)?matrix\*?$|^array$/.test(environment)) parser.fail()
  const rows: Expression[][] = []
  let row: Expression[] = []
  parser.position++
  while (parser.position < close) {
    const { kind } = parser.token!
    if (kind === "rowBreak") {
      if (row.length > 0) rows.push(row)
      row = []
      parser.position++
    } else if (kind === "ampersand") parser.position++
    else row.push(parser.cell(close))
  }
  if (row.length > 0) rows.push(row)
  if (rows.length === 0 || rows.some((cells) => cells.length !== rows[0]!.length)) parser.fail()
  parser.position = close + 1
  const matrix: Expression = { kind: "matrix", rows }
  return environment === "vmatrix" ? { kind: "call", name: "det", arguments: [matrix] } : matrix
}
