/**
 * The sliding window H_t of batch mean rewards that the newest one is judged against.
 * Source: arXiv:2604.00860 equation 7.
 */

/**
 * "paper": the K previous means, without the current one. "reference-code": every mean is stored twice and the current one once
 * before it is judged, so that K entries span about K / 2 iterations and |xi| <= sqrt(K - 1).
 */
export type WindowConvention = "paper" | "reference-code"

/** How often a finished iteration's mean stands in the window. */
function copies(convention: WindowConvention): number {
  return convention === "paper" ? 1 : 2
}

/** The window after an iteration of the given mean: at most `size` entries, oldest first. */
export function pushMean(
  stored: readonly number[],
  mean: number,
  size: number,
  convention: WindowConvention,
): number[] {
  return [...stored, ...Array.from({ length: copies(convention) }, () => mean)].slice(-size)
}

/**
 * What the current mean is compared with.
 * @param beforeStoring leave the current mean out under "reference-code" too, as its gate on PPO advantages does
 */
export function judgingWindow(
  stored: readonly number[],
  mean: number,
  size: number,
  convention: WindowConvention,
  beforeStoring = false,
): number[] {
  return (convention === "paper" || beforeStoring ? [...stored] : [...stored, mean]).slice(-size)
}
