/** The words and commands the lexer knows. */
import type { Figure } from "./letter-strings.ts"

/** Functions of one argument, by every name they are written with. */
export const functionNames: ReadonlyMap<string, string> = new Map([
  ...[
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch", "arcsin", "arccos",
    "arctan", "arccot", "arcsec", "arccsc", "arcsinh", "arccosh", "arctanh", "log", "ln", "lg", "exp", "sqrt", "cbrt",
    "abs", "floor", "ceil", "max", "min", "gcd", "lcm", "det", "sgn", "arg", "binom",
  ].map((name): [string, string] => [name, name]),
  ["asin", "arcsin"], ["acos", "arccos"], ["atan", "arctan"], ["acot", "arccot"], ["asinh", "arcsinh"],
  ["acosh", "arccosh"], ["atanh", "arctanh"], ["arsinh", "arcsinh"], ["arcosh", "arccosh"], ["artanh", "arctanh"],
  ["tg", "tan"], ["ctg", "cot"], ["cosec", "csc"], ["arctg", "arctan"], ["Re", "re"], ["Im", "im"], ["sign", "sgn"],
  ["re", "re"], ["im", "im"], ["ceiling", "ceil"], ["Log", "log"], ["Arg", "arg"], ["binomial", "binom"],
])

/** Functions whose name alone does not make a run of plain letters a function: `re`, `im`, `det` are also products. */
export const plainFunctionNames: ReadonlySet<string> = new Set(
  [...functionNames.keys()].filter((name) => name.length > 2 || name === "ln" || name === "lg" || name === "tg"),
)

/** Commands that stand for one letter. */
export const letterCommands: ReadonlyMap<string, string> = new Map([
  ...[
    "alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "rho",
    "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma",
    "Upsilon", "Phi", "Psi", "Omega", "hbar", "ell", "partial", "nabla", "epsilon", "aleph",
  ].map((name): [string, string] => [name, `\\${name}`]),
  ["varepsilon", "\\epsilon"], ["vartheta", "\\theta"], ["varphi", "\\phi"], ["varrho", "\\rho"],
  ["varsigma", "\\sigma"], ["varpi", "\\varpi"], ["imath", "i"], ["jmath", "j"],
])

export const relationCommands: ReadonlyMap<string, string> = new Map([
  ["le", "<="], ["leq", "<="], ["leqslant", "<="], ["leqq", "<="], ["ge", ">="], ["geq", ">="], ["geqslant", ">="],
  ["geqq", ">="], ["lt", "<"], ["gt", ">"], ["ne", "!="], ["neq", "!="], ["approx", "~"], ["simeq", "~"],
  ["cong", "~"], ["thickapprox", "~"], ["in", "in"], ["equiv", "equiv"], ["sim", "equiv"], ["propto", "equiv"],
  ["subset", "subset"], ["subseteq", "subset"], ["notin", "notin"], ["doteq", "~"], ["mid", "mid"], ["parallel", "parallel"],
  ["perp", "perp"], ["to", "to"], ["rightarrow", "to"], ["mapsto", "to"], ["longrightarrow", "to"],
  ["Rightarrow", "implies"], ["implies", "implies"], ["Longrightarrow", "implies"], ["iff", "implies"],
  ["Leftrightarrow", "implies"], ["therefore", "implies"],
])

export const setOperatorCommands: ReadonlyMap<string, string> = new Map([
  ["cup", "cup"], ["bigcup", "cup"], ["cap", "cap"], ["setminus", "setminus"], ["backslash", "setminus"],
  ["smallsetminus", "setminus"],
])

/** Commands without a meaning for the value: spacing, size, style. */
export const ignoredCommands: ReadonlySet<string> = new Set([
  "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr",
  "mleft", "mright", "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "limits", "nolimits", "quad", "qquad",
  "hspace", "vspace", "hfill", "boxed", "fbox", "ensuremath", "phantom", "mathstrut", "strut", "nonumber", "notag",
  "hline", "rm", "bf", "it", "sf", "tt", "cal", "normalsize", "large", "Large", "small", "allowbreak", "enspace", "thinspace",
  "triangle", "angle", "measuredangle", "square", "Box", "rule", "bm", "boldsymbol", "operatorname*", "rvert", "lvert",
])

/** Commands whose argument is ordinary text. */
export const textCommands: ReadonlySet<string> = new Set([
  "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "textup", "textsc", "mbox", "hbox", "emph", "underline",
])

/** Commands whose argument is mathematics in another face. */
export const faceCommands: ReadonlySet<string> = new Set([
  "mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathscr", "mathfrak", "operatorname", "mathop", "mathnormal",
])

/** Accents that make another symbol of the letter they stand on. */
export const accentCommands: ReadonlySet<string> = new Set([
  "dot", "ddot", "dddot", "hat", "widehat", "tilde", "widetilde", "vec", "overrightarrow", "bar", "check", "breve", "overline",
])

export const percentWords: ReadonlySet<string> = new Set(["percent", "percentage", "pct", "percents"])

/** Units and counted things, two letters and more, that are words after a number. Single letters stay variables. */
export const unitWords: ReadonlySet<string> = new Set(
  (
    "mm cm dm km nm um pm kg mg gm lb lbs oz ft yd mi in inch inches foot feet yard yards mile miles meter meters metre " +
    "metres centimeter centimeters centimetre centimetres millimeter millimeters kilometer kilometers kilometre kilometres " +
    "gram grams kilogram kilograms pound pounds ounce ounces liter liters litre litres ml mL gallon gallons quart quarts " +
    "pint pints cup cups sec secs second seconds min mins minute minutes hr hrs hour hours day days week weeks month months " +
    "year years yr yrs mph kmph kmh km/h degree degrees deg radian radians rad cent cents dollar dollars rupee rupees rs usd " +
    "euro euros yuan unit units square cubic sq cu point points student students people person persons men women boys girls " +
    "children child way ways digit digits edge edges face faces integer integers number numbers solution solutions pair pairs " +
    "time times step steps apple apples book books coin coins ticket tickets ball balls card cards page pages piece pieces " +
    "item items box boxes car cars tile tiles meal meals toy toys tree trees games game hertz Hz kHz MHz joule joules kJ watt " +
    "watts kW volt volts ohm ohms amp amps newton newtons pascal pascals kPa MPa Pa mol moles mole eV keV MeV GeV Kelvin kelvin " +
    "Celsius celsius Fahrenheit fahrenheit acre acres hectare hectares marbles pencils sides vertices triangles multiples"
  ).split(" "),
)

/** Commands that set the symbol of a currency. */
export const currencyCommands: ReadonlyMap<string, string> = new Map([
  ["euro", "€"], ["texteuro", "€"], ["pounds", "£"], ["pound", "£"], ["textsterling", "£"], ["yen", "¥"],
  ["textyen", "¥"], ["rupee", "₹"],
  ["cent", "¢"], ["textcent", "¢"], ["dollar", "$"], ["textdollar", "$"],
])

/** Commands before the name of a figure. */
export const figureCommands: ReadonlyMap<string, Figure> = new Map([
  ["angle", "angle"], ["measuredangle", "angle"], ["triangle", "triangle"],
])
