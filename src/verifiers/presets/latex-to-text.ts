/**
 * LaTeX as plain Unicode text, the way pylatexenc 2.11 (latex2text) writes it: prime_math compares such strings.
 * Covers the macros of mathematical answers; macros it does not know vanish and leave their arguments, as there.
 */

const symbols: ReadonlyMap<string, string> = new Map(
  Object.entries({
    pi: "π", alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ϵ", varepsilon: "ε", zeta: "ζ", eta: "η", theta: "θ",
    iota: "ι", kappa: "κ", lambda: "λ", mu: "μ", nu: "ν", xi: "ξ", rho: "ρ", sigma: "σ", tau: "τ", upsilon: "υ", phi: "ϕ",
    varphi: "φ", chi: "χ", psi: "ψ", omega: "ω", Gamma: "Γ", Delta: "Δ", Theta: "Θ", Lambda: "Λ", Xi: "Ξ", Pi: "Π", Sigma: "Σ",
    Phi: "Φ", Psi: "Ψ", Omega: "Ω", hbar: "ħ", ell: "ℓ", infty: "∞", cdot: "·", times: "×", div: "÷", pm: "±", mp: "∓", ast: "∗",
    circ: "∘", cup: "∪", cap: "∩", setminus: "∖", emptyset: "∅", varnothing: "∅", in: "∈", notin: "∉", le: "≤", leq: "≤",
    ge: "≥", geq: "≥", neq: "≠", approx: "≈", equiv: "≡", sim: "∼", to: "→", rightarrow: "→", Rightarrow: "⇒",
    ldots: "…", dots: "…", cdots: "⋯", prime: "'", lfloor: "⌊", rfloor: "⌋", lceil: "⌈", rceil: "⌉", angle: "∠", sum: "∑",
    prod: "∏", int: "∫", partial: "∂", nabla: "∇", quad: "  ", qquad: "    ", leqslant: "⩽", geqslant: "⩾", langle: "⟨",
    rangle: "⟩", perp: "⊥", mid: "|", parallel: "∥", forall: "∀", exists: "∃", odot: "⊙", oplus: "⊕", otimes: "⊗", square: "□", star: "⋆", bullet: "∙", vee: "∨", wedge: "∧",
  }),
)

const namedFunctions = new Set(
  "sin cos tan sinh cosh tanh arcsin arccos arctan log ln exp max min lim sup inf".split(" "),
)
const oneArgument = new Set(["text", "textbf", "textit", "textrm", "emph", "mathrm", "mathit", "boxed", "overline", "underline", "operatorname", "bar", "hat", "dot", "ddot", "vec", "tilde", "mathbb", "mathbf", "mathcal"])
const combining: ReadonlyMap<string, string> = new Map([["bar", "\u0305"], ["hat", "\u0302"], ["dot", "\u0307"], ["ddot", "\u0308"], ["vec", "\u20d7"], ["tilde", "\u0303"]])
const escapes: ReadonlyMap<string, string> = new Map([
  ["%", "%"], ["$", "$"], ["{", "{"], ["}", "}"], ["&", "&"], ["#", "#"], ["_", "_"], ["!", ""], [",", " "], [";", " "], [":", " "], [" ", " "], ["\\", "\n"],
])
const doubleStruck: ReadonlyMap<string, string> = new Map([["R", "ℝ"], ["N", "ℕ"], ["Z", "ℤ"], ["Q", "ℚ"], ["C", "ℂ"], ["P", "ℙ"]])

class TextConverter {
  private position = 0
  private readonly source: string

  constructor(source: string) {
    this.source = source
  }

  /** Text up to the end, or to an unmatched closing brace or environment end. */
  run(depth = 0): string {
    let out = ""
    while (this.position < this.source.length) {
      const character = this.source[this.position]!
      if (character === "}" || this.source.startsWith("\\end{", this.position)) {
        if (depth > 0) return out
        this.position++
      } else out += this.piece(depth)
    }
    return out
  }

  private piece(depth: number): string {
    const character = this.source[this.position]!
    if (character === "\\") return this.macro(depth)
    if (character === "{") {
      this.position++
      const inner = depth > 200 ? "" : this.run(depth + 1)
      this.position++
      return inner
    }
    if (character === "%") {
      const end = this.source.indexOf("\n", this.position)
      this.position = end < 0 ? this.source.length : end + 1
      return ""
    }
    this.position++
    return character === "$" ? "" : character === "~" ? "\u00a0" : character
  }

  private macro(depth: number): string {
    const name = /^[A-Za-z]+/.exec(this.source.slice(this.position + 1, this.position + 40))?.[0]
    if (name === undefined) {
      const escaped = this.source[this.position + 1] ?? ""
      this.position += 2
      return escapes.get(escaped) ?? ""
    }
    this.position += 1 + name.length
    if (name === "begin") return this.environment(depth)
    while (/\s/.test(this.source[this.position] ?? "")) this.position++
    if (name === "frac") return `${this.argument(depth)}/${this.argument(depth)}`
    if (name === "sqrt") {
      if (this.source[this.position] === "[") this.position = Math.max(this.position, this.source.indexOf("]", this.position)) + 1
      return `√(${this.argument(depth)})`
    }
    if (name === "mbox" || name === "hspace" || name === "phantom") {
      this.argument(depth)
      return ""
    }
    if (oneArgument.has(name)) return this.styled(name, this.argument(depth))
    return symbols.get(name) ?? (namedFunctions.has(name) ? name : "")
  }

  private styled(name: string, inner: string): string {
    const accent = combining.get(name)
    if (accent !== undefined) return Array.from(inner).map((letter) => (letter + accent).normalize("NFC")).join("")
    if (name === "mathbb") return Array.from(inner).map((letter) => doubleStruck.get(letter) ?? letter).join("")
    if (name !== "mathbf") return inner
    return Array.from(inner)
      .map((letter) => (/[A-Z]/.test(letter) ? String.fromCodePoint(0x1d400 + letter.charCodeAt(0) - 65) : /[a-z]/.test(letter) ? String.fromCodePoint(0x1d41a + letter.charCodeAt(0) - 97) : letter))
      .join("")
  }

  private argument(depth: number): string {
    while (/\s/.test(this.source[this.position] ?? "")) this.position++
    return this.position < this.source.length && this.source[this.position] !== "}" ? this.piece(depth + 1) : ""
  }

  private environment(depth: number): string {
    const name = /^\{([A-Za-z*]+)\}/.exec(this.source.slice(this.position, this.position + 30))
    if (name === null) return ""
    this.position += name[0].length
    const inner = depth > 200 ? "" : this.run(depth + 1)
    if (this.source.startsWith("\\end{", this.position)) this.position = Math.max(this.source.indexOf("}", this.position), this.position) + 1
    if (!/matrix$|^array$/.test(name[1]!)) return inner
    const rows = inner.split("\n").map((row) => row.split("&").map((cell) => cell.trim()))
    const width = Math.max(...rows.flat().map((cell) => cell.length))
    return `[ ${rows.map((row) => row.map((cell) => cell.padStart(width)).join(" ")).join("; ")} ]`
  }
}

/** Plain text of a LaTeX string. */
export function latexToText(source: string): string {
  return new TextConverter(source).run()
}
