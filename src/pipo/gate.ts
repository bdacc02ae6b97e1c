/** What the improvement signal does to the previous update. */
import type { ImprovementSignal } from "./signal.ts"

export type GateKind = "leaky" | "relu" | "clip"
export type SkipReason =
  "no-cache" | "no-reward" | "warm-up" | "window" | "every-n" | "threshold" | "lambda" | "no-progress" | "no-attribution"

export interface ReadinessOptions {
  /** Whether a batch is cached and may be judged. */
  readonly cached: boolean
  /** Iterations (or stored means, in the published code) that the window has seen. */
  readonly seen: number
  /** Fewer than min(minSteps, windowSize) skip. */
  readonly minSteps: number
  readonly windowSize: number
  /** |xi| at or below this skips. */
  readonly threshold: number
  /** A threshold of 0 does not skip xi = 0, as in the published code. Default false. */
  readonly zeroPasses?: boolean
  readonly step: number
  readonly everyN: number
}

/** Why the previous update cannot be verified now; null when it can. */
export function skipReason(xi: number, options: ReadinessOptions): SkipReason | null {
  if (!options.cached) return "no-cache"
  if (options.seen < Math.min(options.minSteps, options.windowSize)) return "window"
  if (options.step % options.everyN !== 0) return "every-n"
  if (options.zeroPasses === true && options.threshold === 0) return null
  return Math.abs(xi) <= options.threshold ? "threshold" : null
}

/** phi_lambda(x) = x for x >= 0, lambda x for x < 0. Source: arXiv:2604.00860 equation 10. */
export function leaky(xi: number, lambda: number): number {
  return xi >= 0 ? xi : lambda * xi
}

/** Factor of the advantages under the clip gate: xi limited to [low, high]. */
export function clipGate(xi: number, low = -2, high = 2): number {
  return Math.min(high, Math.max(low, xi))
}

/** Largest progress that the relu gate passes on. */
const RELU_LIMIT = 0.5

export interface GateSettings {
  readonly gate: "leaky" | "relu"
  readonly lambda: number
  /** "gradient": lambda multiplies the loss, |xi| the advantages. "step": both multiply the step's learning rate. */
  readonly scales: "gradient" | "step"
  /** Largest learning-rate factor under "step". */
  readonly stepCap: number
}

/** How a verification update is to be taken. */
export interface GateOutcome {
  /** Multiplies the attribution. */
  readonly factor: number
  readonly lossScale: number
  readonly learningRateScale: number
}

/**
 *   leaky, gradient: advantages xi Abar, loss x (xi >= 0 ? 1 : lambda)
 *   leaky, step:     advantages sign(xi) Abar, learning rate x min(stepCap, |phi_lambda(xi)|)
 *   relu, gradient:  advantages clip(mu - muHis, 0, 0.5) Abar
 *   relu, step:      advantages Abar, learning rate x min(stepCap, clip(mu - muHis, 0, 0.5))
 * @returns the outcome, or why there is none
 */
export function openGate(
  signal: Pick<ImprovementSignal, "xi" | "progress">,
  settings: GateSettings,
): GateOutcome | SkipReason {
  const byStep = settings.scales === "step"
  if (settings.gate === "relu") {
    const strength = Math.min(RELU_LIMIT, Math.max(0, signal.progress))
    if (strength === 0) return "no-progress"
    return {
      factor: byStep ? 1 : strength,
      lossScale: 1,
      learningRateScale: byStep ? Math.min(settings.stepCap, strength) : 1,
    }
  }
  const { xi } = signal
  if (xi < 0 && settings.lambda === 0) return "lambda"
  if (!byStep) return { factor: xi, lossScale: xi >= 0 ? 1 : settings.lambda, learningRateScale: 1 }
  return {
    factor: Math.sign(xi),
    lossScale: 1,
    learningRateScale: Math.min(settings.stepCap, Math.abs(leaky(xi, settings.lambda))),
  }
}
