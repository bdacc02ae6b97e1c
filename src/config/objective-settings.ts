/**
 * `objective`: the loss. What stays absent here is set by the objective itself (clip bounds of gspo are not those of
 * grpo), and an objective may have options of its own, which it checks.
 */
import { z } from "zod"
import { defaults } from "./defaults.ts"
import { integer, nonNegative, positive, share } from "./fields.ts"

export interface ObjectiveSettings {
  readonly name: string
  /** Importance ratios are clipped to [1 - clipLow, 1 + clipHigh]. */
  readonly clipLow?: number
  readonly clipHigh?: number
  /** Bound of the loss for negative advantages, in multiples of the advantage; null is off. */
  readonly dualClip?: number | null
  /** Weight of the divergence from the reference policy; 0 needs no reference. */
  readonly klCoefficient: number
  /** k3 in the loss and k1 in the reward when nothing is said. */
  readonly klEstimator: string
  /** Where the divergence is charged: a term of the loss, or off the reward of each token. */
  readonly klIn: "loss" | "reward"
  /** Divergence per token that the coefficient is moved towards, nats; fixed coefficient when absent. */
  readonly klTarget?: number
  /** Responses over which a full error changes the coefficient by 20 %. Default 10,000. */
  readonly klHorizon?: number
  /** The reference becomes the current policy after every so many steps; 0: it stays the start. */
  readonly referenceEvery: number
  readonly entropyCoefficient: number
  /** Weights for a sampler whose log-probs differ from the trainer's; off when absent. */
  readonly importanceCorrection?: "none" | "token-truncate" | "token-mask" | "sequence-truncate" | "sequence-mask"
  /** Default 2; null: no bound. */
  readonly importanceMaximum?: number | null
  /** No bound when absent. */
  readonly importanceMinimum?: number
  /** How token losses become one number: token-mean, seq-mean-token-sum, ... */
  readonly aggregation?: string
  /** Divisor of seq-mean-token-sum-norm; rollout.maxResponseTokens when absent. */
  readonly aggregationConstant?: number
  /** seq-mean-token-sum-norm divides by the number of responses too. Default true; false is verl's form. */
  readonly divideByRows?: boolean
  /** Advantage estimator. */
  readonly advantage?: string
  /** Divide advantages by the group's standard deviation. */
  readonly normalizeStd?: boolean
  /** Several rewards of one response: added and then normalised, or the other way round; the verifier's one reward when absent. */
  readonly rewardAggregation?: "sum-then-normalize" | "normalize-then-sum"
  /** One per reward; the verifier's own when absent. */
  readonly rewardWeights?: readonly number[]
  /** Discount per token, of gae and reinforce++. Default 1. */
  readonly gamma?: number
  /** gae: 0 is one-step temporal difference, 1 the whole return. Default 0.95. */
  readonly gaeLambda?: number
  /** gae: weight of the value loss beside the policy loss. Default 0.5. */
  readonly valueCoefficient?: number
  /** gae: how far a value may move in an iteration, in units of reward; null is off. Default 0.2. */
  readonly valueClip?: number | null
  /** gae: whether the value loss trains the decoder too. Default shared. */
  readonly valueTrunk?: "shared" | "detached"
  /** gae: factor on the learning rate of the value head. Default 1. */
  readonly valueLearningRateScale?: number
  /** Options of one objective. */
  readonly [option: string]: unknown
}

const values = defaults.objective

export const objectiveSchema: z.ZodType<ObjectiveSettings> = z
  .looseObject({
    name: z.string().min(1).default(values.name).describe("grpo, dapo, drgrpo, gspo, ppo, ..."),
    clipLow: nonNegative().exactOptional().describe("Ratios are clipped below at 1 - clipLow"),
    clipHigh: nonNegative().exactOptional().describe("Ratios are clipped above at 1 + clipHigh"),
    dualClip: z
      .number()
      .gt(1)
      .nullable()
      .exactOptional()
      .describe("Bound of the loss for negative advantages, in multiples of the advantage; null is off"),
    klCoefficient: nonNegative()
      .default(values.klCoefficient)
      .describe("Weight of the divergence from the reference policy; 0 needs no reference"),
    klEstimator: z
      .string()
      .min(1)
      .exactOptional()
      .describe("k1, k2, k3, full, ...; k3 in the loss and k1 in the reward when absent"),
    klIn: z.enum(["loss", "reward"]).default(values.klIn).describe("Where the divergence is charged"),
    klTarget: positive().exactOptional().describe("Divergence per token that the coefficient is moved towards, nats"),
    klHorizon: positive().exactOptional().describe("Responses over which a full error changes the coefficient by 20 %"),
    referenceEvery: integer(0)
      .default(values.referenceEvery)
      .describe("The reference becomes the current policy after every so many steps; 0 keeps the start"),
    entropyCoefficient: z.number().default(values.entropyCoefficient).describe("Weight of the entropy bonus"),
    importanceCorrection: z
      .enum(["none", "token-truncate", "token-mask", "sequence-truncate", "sequence-mask"])
      .exactOptional()
      .describe(
        "Weights for a sampler whose log-probs differ from the trainer's; token-truncate with rollout.precision int8",
      ),
    importanceMaximum: positive().nullable().exactOptional().describe("Largest importance weight; null is no bound"),
    importanceMinimum: nonNegative().exactOptional().describe("Smallest importance weight"),
    aggregation: z.string().min(1).exactOptional().describe("token-mean, seq-mean-token-sum, seq-mean-token-mean, ..."),
    aggregationConstant: positive().exactOptional().describe("Divisor of seq-mean-token-sum-norm, tokens"),
    divideByRows: z.boolean().exactOptional().describe("seq-mean-token-sum-norm divides by the responses too"),
    advantage: z.string().min(1).exactOptional().describe("Advantage estimator: grpo, drgrpo, rloo, gae, ..."),
    normalizeStd: z.boolean().exactOptional().describe("Divide advantages by the group's standard deviation"),
    rewardAggregation: z
      .enum(["sum-then-normalize", "normalize-then-sum"])
      .exactOptional()
      .describe("How several rewards of a response become one advantage"),
    rewardWeights: z.array(z.number()).min(1).exactOptional().describe("One weight per reward of the verifier"),
    gamma: share().exactOptional().describe("Discount per token, of gae and reinforce++"),
    gaeLambda: share().exactOptional().describe("0 is one-step temporal difference, 1 the whole return"),
    valueCoefficient: nonNegative().exactOptional().describe("Weight of the value loss beside the policy loss"),
    valueClip: positive().nullable().exactOptional().describe("How far a value may move in an iteration; null is off"),
    valueTrunk: z
      .enum(["shared", "detached"])
      .exactOptional()
      .describe("Whether the value loss trains the decoder too"),
    valueLearningRateScale: positive().exactOptional().describe("Factor on the learning rate of the value head"),
  })
  .transform((objective) => ({
    ...objective,
    // k3 off the reward would have another gradient than the divergence.
    klEstimator: objective.klEstimator ?? (objective.klIn === "reward" ? "k1" : values.klEstimator),
  }))
