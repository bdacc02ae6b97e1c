/**
 * How much better the current policy is than the previous one, measured on one fresh batch: the responses of the current policy
 * are weighted by what the previous one would have given them. Prompts and responses are the same on both sides, so that
 * their luck cancels, which is most of the noise of a difference of batch means.
 *
 * Shape legend: P prompts, G responses of one prompt, T response tokens.
 */
import { ShapeError } from "../errors.ts"
import { mean, standardError } from "../statistics.ts"

export interface PairedResponse {
  readonly reward: number
  /** Responses to the same prompt carry the same number. */
  readonly group: number
  /** [T] under the policy that sampled it, nats. */
  readonly logprobs: ArrayLike<number>
  /**
   * [T] under the previous policy. Absent for a response that was not scored: only where every reward of its group is the
   * same, since it then counts in the KL alone, and there the scored responses of the group stand for the others.
   */
  readonly previousLogprobs?: ArrayLike<number>
}

export interface PairedImprovement {
  /** Estimate of J(theta_t) - J(theta_{t-1}), in units of reward. */
  readonly improvement: number
  /** Over prompts. */
  readonly standardError: number
  /**
   * Derivative of J at theta_t along the last step, as the change of J per such step: positive while a longer step would
   * have gained more.
   */
  readonly slope: number
  readonly slopeStandardError: number
  /** KL(theta_t || theta_{t-1}) per token, nats (k3 estimate). */
  readonly kl: number
}

/** Largest |log weight| of a response. */
const LOG_WEIGHT_LIMIT = 5

/**
 *   w_i = pi_{t-1}(y_i) / pi_t(y_i),  b_i = mean reward of the other responses of the group
 *   improvement = mean over prompts of mean over its responses of (1 - w_i) (r_i - b_i)
 *   slope       = the same of -log(w_i) (r_i - b_i)
 * E[1 - w] = 0 under pi_t, so that the baseline, which does not know y_i, leaves the estimate of the difference unbiased. A group of
 * one has no baseline of its own and takes the mean reward of the other groups.
 *
 * The KL is a mean over tokens, in which the scored responses of a group stand for all of the group.
 *
 * @param responses sampled from the current policy without truncation (top-k, top-p), else the weights are approximate
 * @returns null when there is no response with a token
 * @throws ShapeError when the two rows of log-probs differ in length, or a response that counts was not scored
 * Source: importance sampling with a leave-one-out baseline; that the previous policy is weighted on the samples of the current one, and
 * what is done with it, is this project's own. No part of arXiv:2604.00860.
 */
export function pairedImprovement(responses: readonly PairedResponse[]): PairedImprovement | null {
  const groups = new Map<number, PairedResponse[]>()
  let [klTotal, tokens, rewardTotal] = [0, 0, 0]
  for (const response of responses) {
    const members = groups.get(response.group)
    if (members === undefined) groups.set(response.group, [response])
    else members.push(response)
    rewardTotal += response.reward
  }
  if (responses.length === 0) return null
  const gains: number[] = []
  const slopes: number[] = []
  for (const members of groups.values()) {
    const total = members.reduce((sum, { reward }) => sum + reward, 0)
    let [gain, slope] = [0, 0]
    const scored = members.filter(({ previousLogprobs }) => previousLogprobs !== undefined).length
    for (const response of members) {
      const others = responses.length - members.length
      const elsewhere = others === 0 ? response.reward : (rewardTotal - total) / others
      const baseline = members.length > 1 ? (total - response.reward) / (members.length - 1) : elsewhere
      if (response.previousLogprobs === undefined) {
        checkUnscored(members)
        continue
      }
      const { logWeight, kl } = compare(response.logprobs, response.previousLogprobs)
      const share = members.length / scored
      klTotal += share * kl
      tokens += share * response.logprobs.length
      gain += ((1 - Math.exp(logWeight)) * (response.reward - baseline)) / members.length
      slope += (-logWeight * (response.reward - baseline)) / members.length
    }
    gains.push(gain)
    slopes.push(slope)
  }
  if (tokens === 0) return null
  return {
    improvement: mean(gains),
    standardError: standardError(gains),
    slope: mean(slopes),
    slopeStandardError: standardError(slopes),
    kl: klTotal / tokens,
  }
}

function checkUnscored(members: readonly PairedResponse[]): void {
  if (members.length > 1 && members.every(({ reward }) => reward === members[0]!.reward)) return
  throw new ShapeError(
    "pairedImprovement: expected log-probs of the previous policy for every response of a group with several rewards, got none for one. Score it.",
  )
}

function compare(logprobs: ArrayLike<number>, previousLogprobs: ArrayLike<number>): { logWeight: number; kl: number } {
  if (logprobs.length !== previousLogprobs.length) {
    throw new ShapeError(
      `pairedImprovement: expected ${logprobs.length} log-probs under both policies, got ${previousLogprobs.length}. Score the same tokens.`,
    )
  }
  let [logWeight, kl] = [0, 0]
  for (let t = 0; t < logprobs.length; t++) {
    const d = Math.min(LOG_WEIGHT_LIMIT, Math.max(-LOG_WEIGHT_LIMIT, previousLogprobs[t]! - logprobs[t]!))
    logWeight += d
    kl += Math.exp(d) - 1 - d
  }
  return { logWeight: Math.min(LOG_WEIGHT_LIMIT, Math.max(-LOG_WEIGHT_LIMIT, logWeight)), kl }
}
