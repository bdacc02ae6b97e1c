/**
 * `pipo`: policy improvement verified and fed back (Wang et al., arXiv:2604.00860). A preset sets everything, and
 * what is written beside it wins over the preset.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer, nonNegative, positive } from "./fields.ts"

export type PipoPreset = "paper" | "reference-code" | "verified"

/** Settings that a preset decides. */
export interface PipoPresetSettings {
  /** Number of batch means in the window (K). */
  readonly window: number
  /** reference-code: each mean stored twice, the current one in its own window. */
  readonly windowConvention: "paper" | "reference-code"
  /** Standard deviation of the window: over K - 1 or over K. */
  readonly sigma: "sample" | "population"
  /** Mean reward over all rollouts sampled, or over those trained on. */
  readonly mu: "sampled" | "trained"
  /** No verification before the window has held min(minSteps, K) means. */
  readonly minSteps: number
  readonly gate: "leaky" | "relu" | "clip"
  /** Slope of the leaky gate below zero. */
  readonly lambda: number
  /** What lambda (and |xi|) scales: the loss, or the learning rate of the verification step. */
  readonly scales: "gradient" | "step"
  readonly surrogate: "base" | "reference-code"
  /** What closing the loop acts on: a verification update on the previous batch, or the step size (section steering). */
  readonly acts: "update" | "step-size"
  /**
   * While the learning rate rises (optimizer.warmupSteps). wait: its means stay out of the window and steering lengthens no step.
   * judge: as ever.
   */
  readonly duringWarmup: "wait" | "judge"
}

export interface PipoSettings extends PipoPresetSettings {
  readonly enabled: boolean
  readonly preset: PipoPreset
  /**
   * Where xi comes from: "observed" is the algorithm; "random" draws it from its own past and "constant" fixes it to 1 without a
   * gate, the controls of a fair comparison.
   */
  readonly signal: "observed" | "random" | "constant"
  /** No verification while |xi| is at most this. */
  readonly threshold: number
  /** Verify on every n-th iteration. */
  readonly everyN: number
  /** Largest factor on the learning rate when `scales` is "step". */
  readonly stepCap: number
  /** Terms of the base objective that the verification update keeps. */
  readonly keepTerms: readonly ("kl" | "entropy" | "dualClip")[]
}

const paper: PipoPresetSettings = {
  window: 8,
  windowConvention: "paper",
  sigma: "sample",
  mu: "sampled",
  minSteps: 8,
  gate: "leaky",
  lambda: 0.1,
  scales: "gradient",
  surrogate: "base",
  acts: "update",
  duringWarmup: "wait",
}

/**
 * What each preset sets: `paper` its equations, `reference-code` what the authors' published code computes, `verified` this project's
 * own: no verification update, the step size is steered by measured improvement.
 */
export const pipoPresets: Readonly<Record<PipoPreset, PipoPresetSettings>> = {
  paper,
  "reference-code": {
    ...paper,
    windowConvention: "reference-code",
    sigma: "population",
    mu: "trained",
    surrogate: "reference-code",
    duringWarmup: "judge",
  },
  verified: { ...paper, acts: "step-size" },
}

const values = defaults.pipo

export const pipoSchema: z.ZodType<PipoSettings> = z
  .strictObject({
    enabled: z.boolean().default(values.enabled).describe("Off is bit for bit the base objective"),
    preset: z.enum(["paper", "reference-code", "verified"]).default(values.preset).describe("Sets everything below that is absent"),
    signal: z
      .enum(["observed", "random", "constant"])
      .default(values.signal)
      .describe("Where xi comes from; random and constant are controls of a comparison"),
    window: integer(1).exactOptional().describe("Number of batch means the improvement is measured against"),
    windowConvention: z
      .enum(["paper", "reference-code"])
      .exactOptional()
      .describe("paper: the previous means; reference-code: each twice, the current one included"),
    sigma: z.enum(["sample", "population"]).exactOptional().describe("Standard deviation of the window"),
    mu: z
      .enum(["sampled", "trained"])
      .exactOptional()
      .describe("Mean reward of all rollouts sampled, or of those trained on"),
    minSteps: integer(1).exactOptional().describe("No verification before this many iterations (at most the window)"),
    threshold: nonNegative().default(values.threshold).describe("No verification while |xi| is at most this"),
    everyN: integer(1).default(values.everyN).describe("Verify on every n-th iteration"),
    gate: z.enum(["leaky", "relu", "clip"]).exactOptional().describe("How xi becomes a factor; clip is for ppo only"),
    lambda: nonNegative().exactOptional().describe("Slope of the leaky gate below zero; 0 never suppresses"),
    scales: z
      .enum(["gradient", "step"])
      .exactOptional()
      .describe("What lambda and |xi| scale: the loss, or the learning rate of the verification step"),
    surrogate: z
      .enum(["base", "reference-code"])
      .exactOptional()
      .describe("Loss of the verification update: the base objective's, or the published code's"),
    acts: z
      .enum(["update", "step-size"])
      .exactOptional()
      .describe("What closing the loop acts on: a verification update, or the step size (section steering)"),
    duringWarmup: z
      .enum(["wait", "judge"])
      .exactOptional()
      .describe("While the learning rate rises: judge no update by it, or judge as ever"),
    stepCap: positive().default(values.stepCap).describe("Largest factor on the learning rate with scales: step"),
    keepTerms: z
      .array(z.enum(["kl", "entropy", "dualClip"]))
      .default(() => [...values.keepTerms])
      .describe("Terms of the base objective that the verification update keeps"),
  })
  .transform((pipo) => ({ ...pipoPresets[pipo.preset], ...pipo }))
