/** How likely an agreement is by chance alone. */

const logFactorials: number[] = [0]

function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k++) logFactorials.push(logFactorials[k - 1]! + Math.log(k))
  return logFactorials[n]!
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/**
 * Probability that at least `both` of `first` positives fall on the `second` positives when either set is drawn at random from `total`
 * (the upper tail of the hypergeometric distribution; Fisher's exact test, one-sided):
 *   sum over k >= both of C(second, k) C(total - second, first - k) / C(total, first)
 * It is the exact permutation test of agreement, for items that are independent of each other.
 */
export function overlapByChance(both: number, first: number, second: number, total: number): number {
  const last = Math.min(first, second)
  const least = Math.max(0, first + second - total)
  if (both <= least) return 1
  const all = logChoose(total, first)
  let probability = 0
  for (let k = both; k <= last; k++) probability += Math.exp(logChoose(second, k) + logChoose(total - second, first - k) - all)
  return Math.min(1, probability)
}

/** Most comparisons made in all, so that a long run stays cheap. */
const COMPARISONS = 10_000_000
const MOST_SHIFTS = 1000

/**
 * Share of circular shifts of one series of signs against the other (the true position among them) that agree at least as often as the
 * two do as they stand. A shift keeps what each series shares with its own neighbours, which windows and trends make much of, and
 * which the exact test takes for evidence. The shifts are evenly spaced, so that nothing is random.
 * @param signs  +1 or -1
 * @returns null for fewer than 20 items, where there are too few shifts to say anything
 */
export function agreementByShifts(signs: Int8Array, others: Int8Array): number | null {
  const n = signs.length
  if (n < 20) return null
  const agreeing = (shift: number): number => {
    let count = 0
    const turn = n - shift
    for (let i = 0; i < turn; i++) if (signs[i + shift] === others[i]) count++
    for (let i = turn; i < n; i++) if (signs[i - turn] === others[i]) count++
    return count
  }
  const observed = agreeing(0)
  const shifts = Math.min(n - 1, MOST_SHIFTS, Math.max(20, Math.floor(COMPARISONS / n)))
  let asGood = 1
  for (let k = 1; k <= shifts; k++) if (agreeing(Math.max(1, Math.floor((k * n) / (shifts + 1)))) >= observed) asGood++
  return asGood / (shifts + 1)
}
