/**
 * From hidden rows to log-probs: the output projection, and for large vocabularies a cross entropy in pieces.
 *
 * Shape legend: R rows (response tokens), D model width, V vocabulary.
 */
import {
  add,
  concat,
  constant,
  customGradient,
  div,
  embedding,
  equal,
  exp,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  mul,
  neg,
  reshape,
  slice,
  sub,
  sum,
  takeAlong,
} from "../graph/index.ts"
import type { Tensor } from "../graph/index.ts"
import type { ModelConfig } from "./config.ts"
import type { WeightTensors } from "./decoder.ts"

/** The output projection, [V, D]. */
export function headWeight(config: ModelConfig, weights: WeightTensors): Tensor {
  return weights.get(config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight")!
}

export interface TokenScores {
  /** [R] log-prob of the target token, nats. */
  readonly logprobs_R: Tensor
  /** [R] entropy of the distribution, nats. */
  readonly entropy_R: Tensor
  /** [R, V] log-probs of the whole vocabulary; absent where it is cut into pieces. */
  readonly logprobs_RV?: Tensor
}

export interface TokenTargets {
  /** [R] i64. */
  readonly tokens_R: Tensor
  /** [R, 1] the same numbers as floats: exact up to 2^24. */
  readonly floats_R1: Tensor
}

/** Scores from all logits at once. `temperature` divides the logits. */
export function tokenScores(hidden_RD: Tensor, head_VD: Tensor, targets: TokenTargets, temperature: number): TokenScores {
  const logprobs_RV = logSoftmax(matmul(hidden_RD, head_VD, { transposeB: true, scale: 1 / temperature }))
  return {
    logprobs_R: takeAlong(logprobs_RV, targets.tokens_R),
    entropy_R: neg(sum(mul(exp(logprobs_RV), logprobs_RV), { axes: [1] })),
    logprobs_RV,
  }
}

/**
 * The same scores over the vocabulary in pieces of `chunk` entries: no tensor is larger than [R, chunk], and the logits are
 * computed again in the backward pass. Costs one more output projection.
 */
export function chunkedTokenScores(hidden_RD: Tensor, head_VD: Tensor, targets: TokenTargets, temperature: number, chunk: number): TokenScores {
  const vocabulary = head_VD.shape[0]! as number
  const pieces = Array.from({ length: Math.ceil(vocabulary / chunk) }, (_, i) => {
    const start = i * chunk
    const end = Math.min(start + chunk, vocabulary)
    return { start, end, head_CD: slice(head_VD, 0, start, end) }
  })
  const logitsOf = (rows: Tensor, head_CD: Tensor): Tensor => matmul(rows, head_CD, { transposeB: true, scale: 1 / temperature })

  // Running maximum, sum of exponentials, and sum of exponential times logit.
  let top: Tensor | undefined
  let total: Tensor | undefined
  let weighted: Tensor | undefined
  for (const { head_CD } of pieces) {
    const logits_RC = logitsOf(hidden_RD, head_CD)
    const pieceTop = max(logits_RC, { axes: [1], keepDims: true })
    const newTop = top === undefined ? pieceTop : maximum(top, pieceTop)
    const powers = exp(sub(logits_RC, newTop))
    const pieceTotal = sum(powers, { axes: [1], keepDims: true })
    const pieceWeighted = sum(mul(powers, logits_RC), { axes: [1], keepDims: true })
    const decay: Tensor | undefined = top === undefined ? undefined : exp(sub(top, newTop))
    total = total === undefined || decay === undefined ? pieceTotal : add(mul(total, decay), pieceTotal)
    weighted = weighted === undefined || decay === undefined ? pieceWeighted : add(mul(weighted, decay), pieceWeighted)
    top = newTop
  }
  const normaliser_R1 = add(top!, log(total!))
  const entropy_R1 = sub(normaliser_R1, div(weighted!, total!))
  const targetRows_RD = embedding(head_VD, targets.tokens_R)
  const targetLogits_R1 = mul(sum(mul(hidden_RD, targetRows_RD), { axes: [1], keepDims: true }), 1 / temperature)
  const scores_R2 = concat([sub(targetLogits_R1, normaliser_R1), entropy_R1], 1)

  const differentiable = customGradient(scores_R2, [hidden_RD, head_VD], (g_R2) => {
    const [g_R1, gEntropy_R1] = [slice(g_R2, 1, 0, 1), slice(g_R2, 1, 1, 2)]
    // Zero times the upstream gradient ties the recomputation to the backward pass (see graph/recompute.ts).
    const rows_RD = add(hidden_RD, mul(g_R1, 0))
    let dHidden: Tensor | undefined
    const dHeads = pieces.map(({ start, end, head_CD }) => {
      const logits_RC = logitsOf(rows_RD, head_CD)
      const logprobs_RC = sub(logits_RC, normaliser_R1)
      const probabilities_RC = exp(logprobs_RC)
      const hot_RC = equal(targets.floats_R1, constant(Array.from({ length: end - start }, (_, i) => start + i), [1, end - start]))
      // d log p(target) = hot - p; d entropy = -p (log p + entropy).
      const dScore = mul(g_R1, sub(hot_RC, probabilities_RC))
      const dEntropy = mul(mul(gEntropy_R1, probabilities_RC), add(logprobs_RC, entropy_R1))
      const dLogits_RC = sub(dScore, dEntropy)
      const part = matmul(dLogits_RC, head_CD, { scale: 1 / temperature })
      dHidden = dHidden === undefined ? part : add(dHidden, part)
      return matmul(dLogits_RC, rows_RD, { transposeA: true, scale: 1 / temperature })
    })
    return [dHidden, dHeads.length === 1 ? dHeads[0] : concat(dHeads, 0)]
  })
  const column = (index: number): Tensor => {
    const slice_R1 = slice(differentiable, 1, index, index + 1)
    return reshape(slice_R1, [slice_R1.shape[0]!])
  }
  return { logprobs_R: column(0), entropy_R: column(1) }
}
