/** Python arithmetic on literals: + - * / // % ** and brackets. Nothing else is ever evaluated. */

class Arithmetic {
  private position = 0
  private readonly tokens: readonly string[]

  constructor(tokens: readonly string[]) {
    this.tokens = tokens
  }

  value(): number | undefined {
    const value = this.sum(0)
    return this.position === this.tokens.length && Number.isFinite(value) ? value : undefined
  }

  private take(...texts: string[]): string | undefined {
    const token = this.tokens[this.position]
    if (token === undefined || !texts.includes(token)) return undefined
    this.position++
    return token
  }

  private sum(depth: number): number {
    let value = this.product(depth)
    for (let operator = this.take("+", "-"); operator !== undefined; operator = this.take("+", "-")) {
      const right = this.product(depth)
      value = operator === "+" ? value + right : value - right
    }
    return value
  }

  private product(depth: number): number {
    let value = this.signed(depth)
    for (let operator = this.take("*", "/", "//", "%"); operator !== undefined; operator = this.take("*", "/", "//", "%")) {
      const right = this.signed(depth)
      if (right === 0 && operator !== "*") return Number.NaN
      value = operator === "*" ? value * right : operator === "/" ? value / right : operator === "//" ? Math.floor(value / right) : value - right * Math.floor(value / right)
    }
    return value
  }

  private signed(depth: number): number {
    const sign = this.take("+", "-")
    if (sign !== undefined) return sign === "-" ? -this.signed(depth) : this.signed(depth)
    const base = this.atom(depth)
    return this.take("**") === undefined ? base : base ** this.signed(depth)
  }

  private atom(depth: number): number {
    if (depth > 50) return Number.NaN
    if (this.take("(") !== undefined) {
      const value = this.sum(depth + 1)
      return this.take(")") === undefined ? Number.NaN : value
    }
    const token = this.tokens[this.position++]
    return token !== undefined && /^[\d.]/.test(token) ? Number(token) : Number.NaN
  }
}

/** The value of an arithmetic expression, undefined for anything that is none. */
export function evaluateArithmetic(source: string): number | undefined {
  const tokens = source.slice(0, 2_000).match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|\*\*|\/\/|[-+*/%()]|\S/gi) ?? []
  return new Arithmetic(tokens).value()
}
