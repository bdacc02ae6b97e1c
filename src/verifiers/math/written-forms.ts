/**
 * Rewrites ways to set an answer as the LaTeX that the lexer reads: colours and marks that only look, numbers of other
 * countries, repeating decimals, degrees with minutes, numerals with a base, congruences, binomials, ]a,b[.
 */

/** Longest text that is rewritten. */
const maxCharacters = 2_000

/** The text in forms the lexer reads. Every pattern is bounded: the time is linear in the text. */
export function rewriteForms(source: string): string {
  if (source.length > maxCharacters || plainForm.test(source)) return source
  // Most answers hold none of the marks: one test for all of them, then one for each.
  if (!anyMark.test(source)) return source
  let text = source
  for (const { mark, rewrite } of rewritings) if (mark.test(text)) text = rewrite(text)
  return text
}

// Digits, letters and operators alone are read as they are.
const plainForm = /^(?!\s*[*_])(?!.*(?:base|mod|integer|_))[\w\s+*/=<>,;:-]*$/

interface Rewriting {
  /** What a text must hold to be rewritten. */
  readonly mark: RegExp
  readonly rewrite: (source: string) => string
}

const rewritings: readonly Rewriting[] = [
  {
    mark: /\\[a-zA-Z]*(?:color|box|pmb|lap|tiny|scriptsize|footnotesize|LARGE|uge|ord|bin|rel|black|checkmark|qed|bigstar|left)|^\s*[*_`]|[^\0-\xff]/,
    rewrite: withoutLooks,
  },
  { mark: /\\lnot/, rewrite: (text) => text.replace(/\\lnot(?![A-Za-z])/g, "\\neg ") },
  { mark: /\\in(?![a-zA-Z])|∈|integer/, rewrite: integerParameter },
  { mark: /\d[.'’]\d{3}|\d\{,/, rewrite: separators },
  { mark: /\.\d*\(|\d(?:\.{3}|…|\s?\\[lc]?dots)/, rewrite: repeatingDecimals },
  { mark: /_\s?\{?\s?[\d\\(a-z]|base/, rewrite: numerals },
  { mark: /mod/, rewrite: congruences },
  { mark: /[CPA]\}?\s?[_^]/, rewrite: combinatorics },
  { mark: /circ|°|degree/, rewrite: angles },
  { mark: /[[\]][^[\]]*[,;][^[\]]*[[\]]/, rewrite: openIntervals },
]

const anyMark = new RegExp(rewritings.map(({ mark }) => mark.source).join("|"))

const colour =
  /\\(?:color|textcolor|colorbox)\s{0,3}(?:\[[^\]]{0,20}\])?\s{0,3}\{[^{}]{0,40}\}|\\fcolorbox\s{0,3}\{[^{}]{0,40}\}\s{0,3}\{[^{}]{0,40}\}/g
const looks =
  /\\(?:pmb|framebox|mathclap|mathllap|mathrlap|tiny|scriptsize|footnotesize|LARGE|huge|Huge|mathord|mathbin|mathrel|blacksquare|checkmark|qed|qedhere|bigstar|blacklozenge)(?![A-Za-z])|[✓✔✅☑■∎◼⬛🎉]\ufe0f?/gu
const emphasis = /^\s*(\*\*|__|\*|`{1,3})(?![*_`])([^*_`]+)\1\s*\.?\s*$/
const caseArray =
  /\\left\s{0,3}\\\{\s{0,3}\\begin\{(array|aligned|matrix|gathered)\}(?:\{[^{}]{0,20}\})?((?:(?!\\end)[\s\S])*)\\end\{\1\}\s{0,3}(?:\\right\s{0,3}\.)?/g
const hanAround = /^[\p{Script=Han}，、：:\s]*([^\p{Script=Han}]+?)[\p{Script=Han}。，、\s]*$/u
// Han characters that are numbers, or make another value of one.
const hanValue = /[零一二三四五六七八九十百千万亿兆分之负半倍约]/u

function withoutLooks(source: string): string {
  let text = source.replace(colour, " ").replace(looks, " ").replace(caseArray, "\\begin{cases}$2\\end{cases}")
  text = emphasis.exec(text)?.[2] ?? text
  const inner = /\p{Script=Han}/u.test(text) && !hanValue.test(text) ? hanAround.exec(text)?.[1] : undefined
  return inner !== undefined && /[\d\\]/.test(inner) ? inner : text
}

const integers = "(?:\\\\mathbb\\s?\\{?\\s?Z\\s?\\}?|\\\\Z|\\bZ|ℤ)"
const space = "(?:\\s|~|\\\\[,;: ]|\\\\q?quad(?![A-Za-z])){0,6}"
const prose = "(?:\\\\text\\{[^{}]{0,30}\\}\\s{0,3}|(?:where|for|with|for all|for any|for some)\\s{1,3}){0,2}"
const membership = new RegExp(
  `[,;.]?${space}\\(?${space}${prose}\\$?([a-zA-Z])${space}(?:\\\\in(?![A-Za-z])|∈)${space}${integers}${space}\\)?\\s*\\.?\\s*$`,
  "u",
)
const isInteger = new RegExp(
  `[,;.]?${space}\\(?(?:\\\\text\\{)?\\s{0,3}(?:where|for|with)?\\s{0,3}\\}?\\s{0,3}\\$?([a-zA-Z])\\$?${space}(?:\\\\text\\{)?\\s{0,3}is an(?:y)? integer\\s{0,3}\\}?\\)?\\s*\\.?\\s*$`,
  "u",
)

/** \frac{\pi}{4} + n\pi, n \in \mathbb{Z}: the parameter is named k, and that it is an integer is understood. */
function integerParameter(source: string): string {
  const found = membership.exec(source) ?? isInteger.exec(source)
  const rest = found === null ? "" : source.slice(0, found.index)
  const [, name] = found ?? []
  if (name === undefined || !new RegExp(`(?<![A-Za-z\\\\])${name}(?![A-Za-z])`).test(rest)) return source
  return rest.replaceAll(new RegExp(`(?<![A-Za-z\\\\])${name}(?![A-Za-z])`, "g"), "k")
}

const dotGroups = /(?<![\d.,])(\d{1,3}(?:\.\d{3}){2,12})(?:,(\d{1,20}))?(?![\d]|[.,]\d)/g
const dotGroupAndComma = /^([^()[\],;\d]*?)(\d{1,3}\.\d{3}),(\d{1,2}|\d{4,20})(?!\d|[.,]\d)([^()[\],;\d]*)$/
const apostrophes = /(?<![\d.,'’])\d{1,3}(?:['’]\d{3}){1,8}(?![\d'’])/g
const bracedComma = /(?<![\d},])(\d{1,15})\{,\}(\d{1,20})(?!\d|\{,\})/g

/** 1.234.567, 1.234,5, 1'234'567 and 3{,}5, where they can be nothing else. */
function separators(source: string): string {
  return source
    .replace(dotGroups, (_, whole: string, fraction?: string) => {
      const digits = whole.replaceAll(".", "")
      return fraction === undefined ? digits : `${digits}.${fraction}`
    })
    .replace(
      dotGroupAndComma,
      (_, before: string, whole: string, fraction: string, after: string) =>
        `${before}${whole.replace(".", "")}.${fraction}${after}`,
    )
    .replace(apostrophes, (digits) => digits.replaceAll(/['’]/g, ""))
    .replace(bracedComma, (all, whole: string, digits: string) =>
      digits.length === 3 && whole !== "0" ? all : `${whole}.${digits}`,
    )
}

const period = /(?<![\d.])(\d{1,15}\.)\((\d{1,12})\)(?![\d^!])|(?<![\d.])(0\.\d{1,6})\((\d{1,12})\)(?![\d^!])/g
const dotted = /(?<![\d.])(\d{0,15}\.\d{0,20}?)(\d{1,6}?)\2{1,20}(?:\.{3}|…|\\(?:l|c)?dots(?![A-Za-z]))/g

/** 0.(3) and 0.333... as 0.\overline{3}; one digit must stand there three times. */
function repeatingDecimals(source: string): string {
  return source
    .replace(period, (_, a?: string, b?: string, c?: string, d?: string) => `${a ?? c}\\overline{${b ?? d}}`)
    .replace(dotted, (all: string, start: string, block: string) => {
      const digits = /^\d*/.exec(all.slice(start.length))![0].length
      return block.length === 1 && digits < 3 ? all : `${start}\\overline{${block}}`
    })
}

const baseNames =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(" ")
const base = "(\\d{1,2}|[a-z]{3,8})"
const bracketed = new RegExp(`[([](\\d[\\dA-F]{0,40})[)\\]]\\s?_\\s?\\{?\\s?\\(?${base}(?![A-Za-z])\\)?\\s?\\}?`, "g")
const subscript = new RegExp(
  `(\\d{1,40})\\s?_\\s?\\{\\s?(?:\\\\(?:text|mathrm|textrm)\\s?\\{)?\\s?\\(?(?:base\\s)?\\s?${base}\\s?\\)?\\s?\\}{1,2}`,
  "g",
)
const inWords = new RegExp(
  `(\\d{1,40})\\s{0,3}(?:\\\\text\\s?\\{)?\\s{0,3}\\(?(?:in )?base[ -]${base}(?![A-Za-z])\\)?\\s?\\}?\\s*$`,
)

/** (52)_8, 52_{\text{eight}} and "52 in base 8" as 52_{8}. */
function numerals(source: string): string {
  const write = (all: string, digits: string, name: string): string => {
    const value = /^\d/.test(name) ? Number(name) : baseNames.indexOf(name)
    return value < 2 ? all : `${digits}_{${value}}`
  }
  return source.replace(bracketed, write).replace(subscript, write).replace(inWords, write)
}

const modulus = "(?:\\s|\\\\[ ,;:]){0,4}\\{?\\s{0,3}(\\d{1,15})\\s{0,3}\\}?"
const mod = `(?:\\\\pmod|\\(?\\s?\\\\[bp]?mod(?![A-Za-z])|\\(?\\s?\\\\(?:text|mathrm|operatorname)\\s?\\{\\s?mod\\s?\\}|\\(?\\s?\\bmod\\b)${modulus}\\s{0,3}\\)?`
const congruence = new RegExp(`(?:\\\\equiv(?![A-Za-z])|≡)\\s{0,3}(-?\\d{1,15})${space}${mod}`, "gu")
const remainder = new RegExp(
  `(?<![\\d.^_)}A-Za-z]\\s?)(-?\\d{1,15})\\s{0,3}\\\\(?:bmod|mod)(?![A-Za-z])${modulus}`,
  "g",
)

/** Residues are the least ones that are not negative; 10 \bmod 3 is a number. */
function congruences(source: string): string {
  const least = (residue: string, divisor: string): string | undefined => {
    const n = BigInt(divisor)
    return n === 0n ? undefined : String(((BigInt(residue) % n) + n) % n)
  }
  return source
    .replace(congruence, (all, residue: string, divisor: string) => {
      const value = least(residue, divisor)
      return value === undefined ? all : `\\equiv ${value}\\pmod{${divisor}}`
    })
    .replace(remainder, (all, residue: string, divisor: string) => least(residue, divisor) ?? all)
}

const index = "(\\{\\s?[\\da-z]{1,6}\\s?\\}|[\\da-z]{1,6})"
const counted = `[_^]\\s?${index}\\s?(?:\\\\(?:mathrm|text)\\s?\\{([CP])\\}|([CP]))\\s?_\\s?${index}`
const beside = new RegExp(`\\{\\s?\\}\\s?${counted}|(?<![A-Za-z\\d)}])${counted}`, "g")
const number = "(\\{\\s?\\d{1,6}\\s?\\}|\\d)"
const stacked = new RegExp(
  `(?<![A-Za-z\\\\])([CA])\\s?(?:_\\s?${number}\\s?\\^\\s?${number}|\\^\\s?${number}\\s?_\\s?${number})`,
  "g",
)

/** {}_{10}C_5 and C_{10}^5 as binomials; P and A count arrangements. C(10,5) may be a point. */
function combinatorics(source: string): string {
  const write = (kind: string, n: string, k: string): string =>
    kind === "C" ? `\\binom{${n}}{${k}}` : `\\frac{${n}!}{(${n}-${k})!}`
  const bare = (group: string | undefined): string => group?.replaceAll(/[{}\s]/g, "") ?? ""
  return source
    .replace(beside, (_, ...groups: (string | undefined)[]) => {
      const [n, face, letter, k] = groups[0] === undefined ? groups.slice(4, 8) : groups.slice(0, 4)
      return write(face ?? letter ?? "C", bare(n), bare(k))
    })
    .replace(stacked, (all: string, kind: string, a?: string, b?: string, c?: string, d?: string) => {
      const [n, k] = [bare(a ?? d), bare(b ?? c)]
      // C_1^2 and C_2^2 are squares of constants.
      return Number(n) < 3 || Number(k) > Number(n) ? all : write(kind, n, k)
    })
}

const degree = "\\s?(?:°|\\^\\s?\\{?\\s?\\\\circ\\s?\\}?|\\\\degree)\\s{0,3}"
const minute = "\\s?(?:['′’](?!['′’])|\\^\\s?\\{?\\s?\\\\prime(?!\\s?\\\\prime)\\s?\\}?)"
const second = "\\s?(?:''|″|’’|\"|\\^\\s?\\{\\s?\\\\prime\\s?\\\\prime\\s?\\})"
const angle = new RegExp(`(?<![\\d.])(\\d{1,6})${degree}(\\d{1,2})${minute}(?:\\s{0,3}(\\d{1,2})${second})?`, "g")

/** 45^\circ 30' as a fraction of a degree. */
function angles(source: string): string {
  return source.replace(angle, (_, degrees: string, minutes: string, seconds: string = "0") => {
    const total = 3600 * Number(degrees) + 60 * Number(minutes) + Number(seconds)
    return `\\frac{${total}}{3600}^\\circ`
  })
}

/** ]2,5[ as (2,5): brackets that open outwards, as they are taught in France. */
function openIntervals(source: string): string {
  if (!/\][^[\]]*[,;][^[\]]*[[\]]|\[[^[\]]*[,;][^[\]]*\[/.test(source)) return source
  const brackets = [...source.matchAll(/(?<!\\sqrt\s?)\[|(?<!\\sqrt\s?\[[^\]]{1,10})\]/g)]
  if (brackets.length % 2 !== 0) return source
  const out = source.split("")
  for (let pair = 0; pair < brackets.length; pair += 2) {
    const [open, close] = [brackets[pair]!, brackets[pair + 1]!]
    if (!/[,;]/.test(source.slice(open.index, close.index))) return source
    if (open[0] === "]") out[open.index] = "("
    if (close[0] === "[") out[close.index] = ")"
  }
  return out.join("")
}
