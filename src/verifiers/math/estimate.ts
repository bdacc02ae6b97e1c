/**
 * Complex doubles that carry a bound on their rounding error, so that two values are called equal because they are
 * within what double precision can say, and not within a tolerance somebody chose.
 */
export interface Estimate {
  readonly re: number
  readonly im: number
  /** First-order bound on |value - true value|. */
  readonly error: number
}

const epsilon = 2.3e-16

export function estimate(re: number, im = 0, error: number = epsilon * (Math.abs(re) + Math.abs(im))): Estimate {
  return { re, im, error }
}

export const undefinedValue: Estimate = { re: Number.NaN, im: Number.NaN, error: Number.NaN }

export function magnitude(a: Estimate): number {
  return a.im === 0 ? Math.abs(a.re) : Math.hypot(a.re, a.im)
}

export function isFinite(a: Estimate): boolean {
  return Number.isFinite(a.re) && Number.isFinite(a.im) && Number.isFinite(a.error)
}

/** The value with an inherited error plus its own rounding. */
function rounded(re: number, im: number, inherited: number): Estimate {
  const size = im === 0 ? Math.abs(re) : Math.hypot(re, im)
  return { re, im, error: inherited + epsilon * size }
}

export function add(a: Estimate, b: Estimate): Estimate {
  return rounded(a.re + b.re, a.im + b.im, a.error + b.error)
}

export function negate(a: Estimate): Estimate {
  return { re: -a.re, im: a.im === 0 ? 0 : -a.im, error: a.error }
}

export function subtract(a: Estimate, b: Estimate): Estimate {
  return add(a, negate(b))
}

export function multiply(a: Estimate, b: Estimate): Estimate {
  const inherited = magnitude(a) * b.error + magnitude(b) * a.error + a.error * b.error
  if (a.im === 0 && b.im === 0) return rounded(a.re * b.re, 0, inherited)
  return rounded(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, inherited)
}

export function divide(a: Estimate, b: Estimate): Estimate {
  const size = magnitude(b)
  if (size === 0) return undefinedValue
  const inherited = (a.error + (magnitude(a) / size) * b.error) / size
  if (a.im === 0 && b.im === 0) return rounded(a.re / b.re, 0, inherited)
  // Scaled, so that the square of a large denominator does not overflow.
  const re = b.re / size
  const im = b.im / size
  return rounded((a.re * re + a.im * im) / size, (a.im * re - a.re * im) / size, inherited)
}

export function exponential(a: Estimate): Estimate {
  const size = Math.exp(a.re)
  const inherited = size * a.error
  return a.im === 0 ? rounded(size, 0, inherited) : rounded(size * Math.cos(a.im), size * Math.sin(a.im), inherited)
}

/** Principal branch. */
export function logarithm(a: Estimate): Estimate {
  const size = magnitude(a)
  if (size === 0) return undefinedValue
  // The logarithm of a number near one is known as well as the number, not as well as itself.
  const re = Math.log(size)
  const im = a.im === 0 ? (a.re < 0 ? Math.PI : 0) : Math.atan2(a.im, a.re)
  return { re, im, error: a.error / size + epsilon * (1 + Math.abs(re) + Math.abs(im)) }
}

/** Principal value of a^b; real where both are real and a >= 0 or b is an integer. */
export function power(a: Estimate, b: Estimate): Estimate {
  const size = magnitude(a)
  if (size === 0) return b.im === 0 && b.re > 0 ? estimate(0, 0, a.error) : b.im === 0 && b.re === 0 ? estimate(1) : undefinedValue
  if (a.im === 0 && b.im === 0 && (a.re > 0 || Number.isInteger(b.re))) {
    const value = a.re ** b.re
    const relative = (Math.abs(b.re) * a.error) / size + Math.abs(Math.log(size)) * b.error
    return rounded(value, 0, Math.abs(value) * (relative + epsilon * (1 + Math.abs(b.re * Math.log(size)))))
  }
  return exponential(multiply(b, logarithm(a)))
}

export function squareRoot(a: Estimate): Estimate {
  const size = magnitude(a)
  if (size === 0) return estimate(0, 0, Math.sqrt(a.error))
  const inherited = a.error / (2 * Math.sqrt(size))
  if (a.im === 0) return a.re >= 0 ? rounded(Math.sqrt(a.re), 0, inherited) : rounded(0, Math.sqrt(-a.re), inherited)
  const re = Math.sqrt((size + Math.abs(a.re)) / 2)
  const im = Math.abs(a.im) / (2 * re)
  const [x, y] = a.re >= 0 ? [re, im] : [im, re]
  return rounded(x, a.im < 0 ? -y : y, inherited)
}

export function sine(a: Estimate): Estimate {
  if (a.im === 0) return { re: Math.sin(a.re), im: 0, error: a.error + epsilon }
  const re = Math.sin(a.re) * Math.cosh(a.im)
  const im = Math.cos(a.re) * Math.sinh(a.im)
  return rounded(re, im, a.error * Math.cosh(a.im) + epsilon)
}

export function cosine(a: Estimate): Estimate {
  if (a.im === 0) return { re: Math.cos(a.re), im: 0, error: a.error + epsilon }
  const re = Math.cos(a.re) * Math.cosh(a.im)
  const im = -Math.sin(a.re) * Math.sinh(a.im)
  return rounded(re, im, a.error * Math.cosh(a.im) + epsilon)
}

const i = estimate(0, 1, 0)
const one = estimate(1, 0, 0)

/** -i log(iz + sqrt(1 - z^2)). */
export function arcsine(a: Estimate): Estimate {
  if (a.im === 0 && Math.abs(a.re) <= 1) {
    const slope = Math.sqrt(Math.max(1 - a.re * a.re, 1e-16))
    return rounded(Math.asin(a.re), 0, a.error / slope + epsilon)
  }
  return negate(multiply(i, logarithm(add(multiply(i, a), squareRoot(subtract(one, multiply(a, a)))))))
}

export function arctangent(a: Estimate): Estimate {
  if (a.im === 0) return rounded(Math.atan(a.re), 0, a.error / (1 + a.re * a.re))
  const iz = multiply(i, a)
  return multiply(estimate(0, 0.5, 0), subtract(logarithm(subtract(one, iz)), logarithm(add(one, iz))))
}

// Lanczos, g = 7, n = 9 (Godfrey's coefficients); about 15 digits.
const lanczos = [
  0.999_999_999_999_809_9, 676.520_368_121_885_1, -1_259.139_216_722_402_8, 771.323_428_777_653_1, -176.615_029_162_140_6,
  12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_572e-6, 1.505_632_735_149_311_6e-7,
]

/** Gamma of a real number; NaN at the poles. */
export function gamma(x: number): number {
  if (x < 0.5) return Number.isInteger(x) ? Number.NaN : Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x))
  if (Number.isInteger(x) && x < 24) {
    let product = 1
    for (let factor = 2; factor < x; factor++) product *= factor
    return product
  }
  const shifted = x - 1
  let sum = lanczos[0]!
  for (let index = 1; index < lanczos.length; index++) sum += lanczos[index]! / (shifted + index)
  const t = shifted + 7.5
  return Math.sqrt(2 * Math.PI) * t ** (shifted + 0.5) * Math.exp(-t) * sum
}
