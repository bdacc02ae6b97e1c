/** Objectives that hold back the tokens whose log-prob and advantage move together: kl-cov and clip-cov. */
import { abs, add, clip, equal, exp, greater, less, maximum, mul, neg, sub } from "../graph/index.ts"
import { assemble, requiredTokenInput } from "./assemble.ts"
import type { BatchObjective, PreparationSequence } from "./batch-objective.ts"
import type { ObjectiveOptions } from "./options.ts"
import { tokenLogRatio } from "./ratio.ts"

/** Per-token input of both: 1 on the tokens that `prepare` picked. */
const SELECTED = "selected"

interface TokenCovariance {
  readonly sequence: number
  readonly position: number
  readonly covariance: number
  readonly advantage: number
  readonly ratio: number
}

/** (A - mean A)(log pi - mean log pi) of every counted token, means over the counted tokens of the batch. */
function covariances(batch: readonly PreparationSequence[]): TokenCovariance[] {
  let [count, advantageSum, logprobSum] = [0, 0, 0]
  for (const { mask, advantages, logprobs } of batch) {
    for (let t = 0; t < mask.length; t++) {
      if (mask[t] === 0) continue
      count += 1
      advantageSum += advantages[t]!
      logprobSum += logprobs[t]!
    }
  }
  return batch.flatMap(({ mask, advantages, logprobs, behaviourLogprobs }, sequence) =>
    Array.from(mask).flatMap((m, position) => {
      if (m === 0) return []
      const [advantage, logprob] = [advantages[position]!, logprobs[position]!]
      const covariance = (advantage - advantageSum / count) * (logprob - logprobSum / count)
      return [{ sequence, position, covariance, advantage, ratio: Math.exp(logprob - behaviourLogprobs[position]!) }]
    }),
  )
}

function marks(batch: readonly PreparationSequence[], tokens: readonly TokenCovariance[]): Float64Array[] {
  const rows = batch.map(({ mask }) => new Float64Array(mask.length))
  for (const { sequence, position } of tokens) rows[sequence]![position] = 1
  return rows
}

/**
 *   L_t = -A_t r_t, plus covarianceCoefficient |log r_t| on the share of tokens of largest covariance (at least one token)
 * Equal covariances are taken in order of position.
 *
 * Source: arXiv:2505.22617 (KL-Cov).
 */
export function klCov(options: ObjectiveOptions): BatchObjective {
  const { covarianceShare = 0.0002, covarianceCoefficient = 1, logRatioClamp = 20 } = options
  return assemble(
    {
      name: "kl-cov",
      // Means over all counted tokens decide which tokens are picked.
      silentWithoutAdvantage: false,
      constants: { covarianceCoefficient },
      structure: { logRatioClamp },
      tokenInputs: [SELECTED],
      policyLoss(inputs) {
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const ratio_BT = exp(logRatio_BT)
        const distance_BT = abs(logRatio_BT)
        const selected_BT = requiredTokenInput("kl-cov", inputs, SELECTED)
        const penalty_BT = mul(mul(inputs.constant("covarianceCoefficient"), selected_BT), distance_BT)
        return {
          loss_BT: add(neg(mul(inputs.advantages_BT, ratio_BT)), penalty_BT),
          logRatio_BT,
          ratio_BT,
          statistics: { absoluteLogRatio: distance_BT, selectedFraction: selected_BT },
        }
      },
      prepare(batch) {
        const tokens = covariances(batch)
        const count = tokens.length === 0 ? 0 : Math.max(1, Math.floor(tokens.length * covarianceShare))
        const largest = [...tokens].sort((a, b) => b.covariance - a.covariance).slice(0, count)
        return {
          constants: {},
          tokenInputs: { [SELECTED]: marks(batch, largest) },
          statistics: { selectedTokens: count },
        }
      },
      again: klCov,
    },
    options,
  )
}

/**
 *   L_t = max(-A_t r_t, -A_t clip(r_t, 1 - clipLow, 1 + clipHigh)), and 0 on a random covarianceShare of the counted tokens,
 * drawn among those whose covariance lies between covarianceLow and covarianceHigh and that the clip has left alone.
 *
 * Source: arXiv:2505.22617 (Clip-Cov).
 */
export function clipCov(options: ObjectiveOptions): BatchObjective {
  const {
    clipLow = 0.2,
    clipHigh = 0.2,
    covarianceShare = 0.0002,
    covarianceLow = 1,
    covarianceHigh = 5,
    logRatioClamp = 20,
  } = options
  const wasClipped = ({ ratio, advantage }: TokenCovariance): boolean =>
    advantage > 0 ? ratio > 1 + clipHigh : advantage < 0 && ratio < 1 - clipLow
  return assemble(
    {
      name: "clip-cov",
      // Means over all counted tokens decide which tokens are picked.
      silentWithoutAdvantage: false,
      constants: { clipLow, clipHigh },
      structure: { logRatioClamp },
      tokenInputs: [SELECTED],
      policyLoss(inputs) {
        const A_BT = inputs.advantages_BT
        const logRatio_BT = tokenLogRatio(inputs, logRatioClamp)
        const ratio_BT = exp(logRatio_BT)
        const [low, high] = [sub(1, inputs.constant("clipLow")), add(1, inputs.constant("clipHigh"))]
        const clipped_BT = maximum(neg(mul(A_BT, ratio_BT)), neg(mul(A_BT, clip(ratio_BT, low, high))))
        const selected_BT = requiredTokenInput("clip-cov", inputs, SELECTED)
        return {
          loss_BT: mul(clipped_BT, equal(selected_BT, 0)),
          logRatio_BT,
          ratio_BT,
          statistics: {
            selectedFraction: selected_BT,
            clipFraction: add(mul(greater(ratio_BT, high), greater(A_BT, 0)), mul(less(ratio_BT, low), less(A_BT, 0))),
          },
        }
      },
      prepare(batch, random) {
        const tokens = covariances(batch)
        const candidates = tokens.filter(
          (token) => token.covariance > covarianceLow && token.covariance < covarianceHigh && !wasClipped(token),
        )
        const budget = Math.max(1, Math.floor(tokens.length * covarianceShare))
        const picked = candidates
          .map((token) => ({ token, draw: random() }))
          .sort((a, b) => a.draw - b.draw)
          .slice(0, budget)
          .map(({ token }) => token)
        return {
          constants: {},
          tokenInputs: { [SELECTED]: marks(batch, picked) },
          statistics: { candidateTokens: candidates.length, budget, selectedTokens: picked.length },
        }
      },
      again: clipCov,
    },
    options,
  )
}
