/** Student's t distribution, computed: its quantiles make the intervals of small samples. */

/** ln Gamma(x) for x > 0, by Lanczos' series (g = 7, n = 9), relative error below 1e-13. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  const series = coefficients.reduce((sum, c, i) => sum + (i === 0 ? c : c / (x - 1 + i)), 0)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series)
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (modified Lentz). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast only on this side of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const tiny = 1e-300
  let c = 1
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny)
  let fraction = d
  for (let m = 1; m <= 500; m++) {
    const step = (coefficient: number): number => {
      d = 1 / (1 + coefficient * d || tiny)
      c = 1 + coefficient / c || tiny
      return c * d
    }
    fraction *= step((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)))
    const factor = step((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)))
    fraction *= factor
    if (Math.abs(factor - 1) < 1e-15) break
  }
  return front * fraction
}

/** P(T <= t) for Student's t with the given degrees of freedom. */
export function studentCdf(t: number, degrees: number): number {
  const square = t * t
  // Each form is exact where the other loses digits.
  if (square < degrees) return 0.5 + (Math.sign(t) * incompleteBeta(square / (degrees + square), 0.5, degrees / 2)) / 2
  const tail = incompleteBeta(degrees / (degrees + square), degrees / 2, 0.5) / 2
  return t > 0 ? 1 - tail : tail
}

/**
 * The t with P(T <= t) = p, by bisection.
 * @param p        between 0 and 1
 * @param degrees  degrees of freedom, at least 1
 */
export function studentQuantile(p: number, degrees: number): number {
  if (p === 0.5) return 0
  if (p < 0.5) return -studentQuantile(1 - p, degrees)
  let [low, high] = [0, 1]
  while (studentCdf(high, degrees) < p) high *= 2
  for (let i = 0; i < 200 && high - low > 1e-13 * high; i++) {
    const middle = (low + high) / 2
    if (studentCdf(middle, degrees) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
