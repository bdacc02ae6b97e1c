/** Unicode mathematics and typography, written as the LaTeX the lexer knows. */

const replacements: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "−": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "﹣": "-",
    "－": "-",
    "×": "\\times ",
    "✕": "\\times ",
    "·": "\\cdot ",
    "⋅": "\\cdot ",
    "∙": "\\cdot ",
    "•": "\\cdot ",
    "∗": "*",
    "÷": "\\div ",
    "⁄": "/",
    "∕": "/",
    "√": "\\sqrt ",
    "∛": "\\sqrt[3] ",
    "±": "\\pm ",
    "∓": "\\mp ",
    "≤": "\\le ",
    "⩽": "\\le ",
    "≥": "\\ge ",
    "⩾": "\\ge ",
    "≠": "\\ne ",
    "≈": "\\approx ",
    "≃": "\\approx ",
    "≡": "\\equiv ",
    "∈": "\\in ",
    "∉": "\\notin ",
    "∪": "\\cup ",
    "∩": "\\cap ",
    "∖": "\\setminus ",
    "∅": "\\emptyset ",
    "∧": "\\land ",
    "∨": "\\lor ",
    "¬": "\\lnot ",
    "∞": "\\infty ",
    "°": "^\\circ ",
    º: "^\\circ ",
    "∘": "\\circ ",
    "′": "'",
    "″": "''",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    π: "\\pi ",
    "∑": "\\sum ",
    "∏": "\\prod ",
    "∫": "\\int ",
    "∂": "\\partial ",
    "∠": "\\angle ",
    "△": "\\triangle ",
    "⌊": "\\lfloor ",
    "⌋": "\\rfloor ",
    "⌈": "\\lceil ",
    "⌉": "\\rceil ",
    "⟨": "\\langle ",
    "⟩": "\\rangle ",
    "〈": "\\langle ",
    "〉": "\\rangle ",
    "→": "\\to ",
    "⇒": "\\Rightarrow ",
    "⟹": "\\Rightarrow ",
    "½": "\\frac{1}{2}",
    "⅓": "\\frac{1}{3}",
    "⅔": "\\frac{2}{3}",
    "¼": "\\frac{1}{4}",
    "¾": "\\frac{3}{4}",
    "⅕": "\\frac{1}{5}",
    "⅖": "\\frac{2}{5}",
    "⅗": "\\frac{3}{5}",
    "⅘": "\\frac{4}{5}",
    "⅙": "\\frac{1}{6}",
    "⅚": "\\frac{5}{6}",
    "⅛": "\\frac{1}{8}",
    "⅜": "\\frac{3}{8}",
    "⅝": "\\frac{5}{8}",
    "⅞": "\\frac{7}{8}",
    ℝ: "\\mathbb{R}",
    ℤ: "\\mathbb{Z}",
    ℕ: "\\mathbb{N}",
    ℚ: "\\mathbb{Q}",
    ℂ: "\\mathbb{C}",
    α: "\\alpha ",
    β: "\\beta ",
    γ: "\\gamma ",
    δ: "\\delta ",
    ε: "\\epsilon ",
    ζ: "\\zeta ",
    η: "\\eta ",
    θ: "\\theta ",
    κ: "\\kappa ",
    λ: "\\lambda ",
    μ: "\\mu ",
    µ: "\\mu ",
    ν: "\\nu ",
    ξ: "\\xi ",
    ρ: "\\rho ",
    σ: "\\sigma ",
    τ: "\\tau ",
    φ: "\\phi ",
    ϕ: "\\phi ",
    χ: "\\chi ",
    ψ: "\\psi ",
    ω: "\\omega ",
    Γ: "\\Gamma ",
    Δ: "\\Delta ",
    Θ: "\\Theta ",
    Λ: "\\Lambda ",
    Σ: "\\Sigma ",
    Φ: "\\Phi ",
    Ψ: "\\Psi ",
    Ω: "\\Omega ",
    "％": "%",
    "，": ",",
    "、": ",",
    "；": ";",
    "：": ":",
    "（": "(",
    "）": ")",
    "｛": "\\{",
    "｝": "\\}",
    "［": "[",
    "］": "]",
    "＝": "=",
    "＋": "+",
    "。": ".",
    "．": ".",
    "〖": "[",
    "〗": "]",
    "【": "[",
    "】": "]",
    "\u2028": " ",
    "\u2029": " ",
  }),
)

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ"
const superscriptText = "0123456789+-()n"
const subscripts = "₀₁₂₃₄₅₆₇₈₉₊₋"
const subscriptText = "0123456789+-"

// Zero-width and bidirectional controls, byte-order mark, soft hyphen, variation selectors.
const invisible = /^(?:[\p{Cf}]|\p{Variation_Selector})$/u
const plain = /^[\t\n\r\x20-\x7e]*$/

/**
 * Rewrites Unicode mathematics as LaTeX, drops invisible characters, and turns every kind of space into
 * a plain one. Linear; text of plain ASCII is returned as it is.
 */
export function toLatexCharacters(text: string): string {
  if (plain.test(text)) return text
  let out = ""
  let run = ""
  let runKind: "^" | "_" | "" = ""
  const flush = (): void => {
    if (run !== "") out += `${runKind}{${run}}`
    run = ""
    runKind = ""
  }
  for (const character of text) {
    const up = superscripts.indexOf(character)
    const down = up < 0 ? subscripts.indexOf(character) : -1
    if (up >= 0 || down >= 0) {
      const kind = up >= 0 ? "^" : "_"
      if (runKind !== kind) flush()
      runKind = kind
      run += up >= 0 ? superscriptText[up] : subscriptText[down]
      continue
    }
    flush()
    if (invisible.test(character)) continue
    const replacement = replacements.get(character)
    if (replacement !== undefined) out += replacement
    else if (character >= "０" && character <= "９") out += String(character.codePointAt(0)! - 0xff10)
    else out += /\s/.test(character) ? " " : character
  }
  flush()
  return out
}
