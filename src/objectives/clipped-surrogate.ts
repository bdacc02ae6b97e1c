/**
 * The clipped policy-gradient surrogate and its variants: what ppo, grpo, dapo, drgrpo, bnpo, gspo, luspo and others share.
 *
 * Shape legend: B sequences, T response tokens.
 */
import { add, clip, exp, greater, less, maximum, minimum, mul, neg, sub, where, type Tensor } from "../graph/index.ts"
import { assemble, type PolicyLoss } from "./assemble.ts"
import type { BatchObjective, BatchObjectiveInputs } from "./batch-objective.ts"
import type { ClippedOptions, CommonOptions, ObjectiveOptions } from "./options.ts"
import { capped, sequenceLogRatio, tokenLogRatio } from "./ratio.ts"

export const clippedOptionNames: readonly (keyof ClippedOptions)[] = [
  "clipLow",
  "clipHigh",
  "dualClip",
  "delta",
  "level",
  "sequenceGradient",
  "sequenceClamp",
]

interface Choices {
  readonly level: "token" | "sequence"
  readonly sequenceGradient: "token" | "sequence"
  readonly sequenceClamp: number | null
  readonly logRatioClamp: number | null
  readonly dualClip: boolean
  readonly delta: boolean
}

/**
 * Clipped surrogate of each token, with the ratio r = exp(log pi - log behaviour), or the sequence's geometric mean of it:
 *   L = max(-A min(r, delta), -A clip(r, 1 - clipLow, 1 + clipHigh));  for A < 0 at most -A dualClip
 * delta and dualClip only where they are set.
 *
 * Source: arXiv:1707.06347 (clip), arXiv:1912.09729 (dual clip), arXiv:2505.07291 (delta), arXiv:2507.18071 (sequence ratio).
 */
export function clippedObjective(
  name: string,
  defaults: ClippedOptions & CommonOptions,
  options: ObjectiveOptions,
): BatchObjective {
  const own = { ...defaults, ...options }
  const { clipLow = 0.2, clipHigh = 0.2, dualClip = null, delta = null } = own
  const choices: Choices = {
    level: own.level ?? "token",
    sequenceGradient: own.sequenceGradient ?? "token",
    sequenceClamp: own.sequenceClamp === undefined ? 10 : own.sequenceClamp,
    logRatioClamp: own.logRatioClamp === undefined ? 20 : own.logRatioClamp,
    dualClip: dualClip !== null,
    delta: delta !== null,
  }
  return assemble(
    {
      name,
      silentWithoutAdvantage: true,
      constants: {
        clipLow,
        clipHigh,
        ...(dualClip === null ? {} : { dualClip }),
        ...(delta === null ? {} : { delta }),
      },
      structure: { form: "clipped", ...choices },
      policyLoss: (inputs) => clippedLoss(inputs, choices),
      again: (others) => clippedObjective(name, defaults, others),
    },
    own,
  )
}

function clippedLoss(inputs: BatchObjectiveInputs, choices: Choices): PolicyLoss {
  const A_BT = inputs.advantages_BT
  const logRatio_BT = tokenLogRatio(inputs, choices.level === "token" ? choices.logRatioClamp : null)
  const ratio_BT = exp(
    choices.level === "token"
      ? logRatio_BT
      : sequenceLogRatio(inputs, { gradient: choices.sequenceGradient, clamp: choices.sequenceClamp }),
  )
  const free_BT = choices.delta ? capped(ratio_BT, inputs.constant("delta")) : ratio_BT
  const [low, high] = [sub(1, inputs.constant("clipLow")), add(1, inputs.constant("clipHigh"))]
  const clipped_BT = maximum(neg(mul(A_BT, free_BT)), neg(mul(A_BT, clip(ratio_BT, low, high))))

  const lowClipped_BT = mul(less(free_BT, low), less(A_BT, 0))
  const highClipped_BT = mul(greater(free_BT, high), greater(A_BT, 0))
  const statistics: Record<string, Tensor> = {
    clipFraction: add(lowClipped_BT, highClipped_BT),
    clipFractionLow: lowClipped_BT,
    clipFractionHigh: highClipped_BT,
  }
  if (!choices.dualClip) return { loss_BT: clipped_BT, logRatio_BT, ratio_BT, statistics }

  const ceiling_BT = neg(mul(A_BT, inputs.constant("dualClip")))
  const negative_BT = less(A_BT, 0)
  statistics["dualClipFraction"] = mul(greater(clipped_BT, ceiling_BT), negative_BT)
  return { loss_BT: where(negative_BT, minimum(ceiling_BT, clipped_BT), clipped_BT), logRatio_BT, ratio_BT, statistics }
}
