/**
 * Builds an objective from its policy loss and the terms that all objectives share:
 *   loss = policy loss x off-policy mask x importance weight + klCoefficient KL - entropyCoefficient H
 *
 * Shape legend: B sequences, T response tokens.
 */
import { EngineError } from "../errors.ts"
import {
  add,
  div,
  exp,
  expand,
  greaterEqual,
  lessEqual,
  maximum,
  mul,
  neg,
  stopGradient,
  sub,
  sum,
  where,
  type Tensor,
} from "../graph/index.ts"
import {
  IMPORTANCE_INPUT,
  type BatchObjective,
  type BatchObjectiveInputs,
  type ObjectiveTerm,
  type Preparation,
  type PreparationSequence,
} from "./batch-objective.ts"
import { klEstimate } from "./kl.ts"
import type { ObjectiveNeed, ObjectiveOutput } from "./objective.ts"
import type { CommonOptions, ObjectiveOptions } from "./options.ts"
import { sequenceLengths, tokenLogRatio } from "./ratio.ts"

/** The part of an objective that is its own. */
export interface PolicyLoss {
  /** [B, T] or [B, 1]. */
  readonly loss_BT: Tensor
  /** Log importance ratio, where the loss has one: its negative mean is reported as `behaviourKl`. */
  readonly logRatio_BT?: Tensor
  /** Ratio that corrects the KL term; exp(logRatio) when absent. */
  readonly ratio_BT?: Tensor
  readonly statistics?: Readonly<Record<string, Tensor>>
}

export interface ObjectiveDefinition {
  readonly name: string
  readonly constants: Readonly<Record<string, number>>
  /** Choices that change the graph: they make up the key. */
  readonly structure: Readonly<Record<string, unknown>>
  readonly tokenInputs?: readonly string[]
  policyLoss(inputs: BatchObjectiveInputs): PolicyLoss
  prepare?(batch: readonly PreparationSequence[], random: () => number): Preparation
  /** The policy loss of a sequence whose advantages are all zero is exactly zero, and no other sequence's loss reads it. */
  readonly silentWithoutAdvantage: boolean
  /** The policy loss accounts for importance weights itself. */
  readonly ownImportance?: boolean
  /** The same objective with other options. */
  again(options: ObjectiveOptions): BatchObjective
}

/** @throws EngineError from `build` when the engine lacks an input that the objective needs */
export function assemble(definition: ObjectiveDefinition, options: ObjectiveOptions): BatchObjective {
  const {
    klCoefficient = 0,
    entropyCoefficient = 0,
    importance = false,
    offPolicyThreshold = null,
    klTo = "reference",
  } = options
  const [hasKl, hasEntropy] = [klCoefficient !== 0, entropyCoefficient !== 0]
  const needs: ObjectiveNeed[] = []
  if (hasKl && options.klEstimator === "full") needs.push("fullKl")
  else if (hasKl && klTo === "reference") needs.push("reference")
  if (hasEntropy) needs.push("entropy")
  const tokenInputs = [...(definition.tokenInputs ?? []), ...(importance ? [IMPORTANCE_INPUT] : [])]
  const terms = {
    kl: hasKl ? klStructure(options) : null,
    entropy: hasEntropy,
    importance,
    offPolicy: offPolicyThreshold !== null,
  }

  return {
    name: definition.name,
    needs,
    // A divergence and an entropy bonus act on every token.
    silentWithoutAdvantage: definition.silentWithoutAdvantage && !hasKl && !hasEntropy,
    tokenInputs,
    constants: {
      ...definition.constants,
      ...(hasKl ? { klCoefficient } : {}),
      ...(hasEntropy ? { entropyCoefficient } : {}),
      ...(offPolicyThreshold === null ? {} : { offPolicyThreshold }),
    },
    key: `${definition.name} ${JSON.stringify({ ...definition.structure, ...terms })}`,
    ...(definition.prepare === undefined ? {} : { prepare: definition.prepare }),

    build(inputs: BatchObjectiveInputs): ObjectiveOutput {
      const policy = definition.policyLoss(inputs)
      const statistics: Record<string, Tensor> = { ...policy.statistics }
      if (policy.logRatio_BT !== undefined) statistics["behaviourKl"] = neg(policy.logRatio_BT)
      let { loss_BT } = policy
      if (offPolicyThreshold !== null) {
        const kept_BT = offPolicyMask(inputs)
        loss_BT = mul(loss_BT, kept_BT)
        statistics["offPolicyFraction"] = sub(1, kept_BT)
      }
      if (importance && definition.ownImportance !== true)
        loss_BT = mul(loss_BT, requiredTokenInput(definition.name, inputs, IMPORTANCE_INPUT))
      if (hasKl) {
        const kl_BT = klTerm(definition.name, inputs, policy, options)
        loss_BT = add(loss_BT, mul(inputs.constant("klCoefficient"), kl_BT))
        statistics["kl"] = kl_BT
      }
      if (hasEntropy) {
        if (inputs.entropy_BT === undefined)
          throw missing(definition.name, "entropy", "Set objective.entropyCoefficient to 0")
        loss_BT = sub(loss_BT, mul(inputs.constant("entropyCoefficient"), inputs.entropy_BT))
      }
      // Losses and statistics of a sequence are [B, 1]: every token of the sequence carries them.
      const toTokens = (x: Tensor): Tensor => expand(x, inputs.mask_BT.shape)
      const perToken = Object.fromEntries(Object.entries(statistics).map(([key, value]) => [key, toTokens(value)]))
      return { loss_BT: toTokens(loss_BT), statistics: perToken }
    },

    without(left: readonly ObjectiveTerm[]): BatchObjective {
      return definition.again({
        ...options,
        ...(left.includes("kl") ? { klCoefficient: 0 } : {}),
        ...(left.includes("entropy") ? { entropyCoefficient: 0 } : {}),
        ...(left.includes("dualClip") && "dualClip" in definition.structure ? { dualClip: null } : {}),
        ...(options.logRatioClamp === null ? { logRatioClamp: 20 } : {}),
        ...(options.sequenceClamp === null ? { sequenceClamp: 10 } : {}),
      })
    },
  }
}

function missing(who: string, what: string, instead: string): EngineError {
  return new EngineError(
    `${who}: expected the engine to give ${what}, got none. ${instead}, or use an engine that has it.`,
  )
}

/** @throws EngineError when the engine does not feed it */
export function requiredTokenInput(who: string, inputs: BatchObjectiveInputs, name: string): Tensor {
  if (inputs.tokenInput === undefined) throw missing(who, `the per-token input ${name}`, "Choose another objective")
  return inputs.tokenInput(name)
}

function klStructure(options: CommonOptions): Readonly<Record<string, unknown>> {
  const { klEstimator = "k3", klTo = "reference", klClamp = true, klBiasCorrection = false } = options
  return { klEstimator, klTo, klClamp, klBiasCorrection }
}

function klTerm(who: string, inputs: BatchObjectiveInputs, policy: PolicyLoss, options: CommonOptions): Tensor {
  const {
    klEstimator = "k3",
    klTo = "reference",
    klClamp = true,
    klBiasCorrection = false,
    logRatioClamp = 20,
  } = options
  if (klEstimator === "full") {
    if (inputs.fullKl_BT === undefined) throw missing(who, "the divergence over the vocabulary", "Set objective.klEstimator to k3")
    return where(inputs.mask_BT, inputs.fullKl_BT, 0)
  }
  const anchor_BT = klTo === "behaviour" ? inputs.behaviourLogprobs_BT : inputs.referenceLogprobs_BT
  if (anchor_BT === undefined) throw missing(who, "reference log-probs", "Set objective.klCoefficient to 0")
  const masked = (x_BT: Tensor): Tensor => where(inputs.mask_BT, x_BT, 0)
  const kl_BT = klEstimate(klEstimator, masked(inputs.logprobs_BT), masked(anchor_BT), { clamp: klClamp })
  if (!klBiasCorrection) return kl_BT
  return mul(kl_BT, policy.ratio_BT ?? exp(policy.logRatio_BT ?? tokenLogRatio(inputs, logRatioClamp)))
}

/**
 * [B, T] 0 where a token has A < 0 and its sequence has drifted further from the behaviour policy than the threshold, else 1.
 * Source: arXiv:2512.02556.
 */
function offPolicyMask(inputs: BatchObjectiveInputs): Tensor {
  const drift_B1 = div(
    sum(neg(stopGradient(tokenLogRatio(inputs, null))), { axes: [1], keepDims: true }),
    sequenceLengths(inputs),
  )
  return maximum(greaterEqual(inputs.advantages_BT, 0), lessEqual(drift_B1, inputs.constant("offPolicyThreshold")))
}
