/** Coefficient of a KL term that follows a target. */

export interface KlController {
  /** The coefficient to use now. */
  readonly coefficient: number
  /**
   * @param measuredKl KL to the reference measured on the last batch, nats
   * @param samples responses of that batch
   * @returns the coefficient from now on
   */
  update(measuredKl: number, samples: number): number
}

export interface AdaptiveKlOptions {
  readonly initial: number
  /** KL to hold, nats. */
  readonly target: number
  /** Samples over which a full error changes the coefficient by 20 %. */
  readonly horizon: number
}

/**
 * coefficient <- coefficient (1 + clip(KL / target - 1, +-0.2) samples / horizon)
 *
 * Source: arXiv:1909.08593 section 2.2.
 */
export function adaptiveKlController(options: AdaptiveKlOptions): KlController {
  let coefficient = options.initial
  return {
    get coefficient() {
      return coefficient
    },
    update(measuredKl, samples) {
      const error = Math.min(0.2, Math.max(-0.2, measuredKl / options.target - 1))
      coefficient *= 1 + (error * samples) / options.horizon
      return coefficient
    },
  }
}

export function fixedKlController(coefficient: number): KlController {
  return { coefficient, update: () => coefficient }
}
