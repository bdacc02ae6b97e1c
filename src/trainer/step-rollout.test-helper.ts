/** Rollouts that nobody sampled. */
import type { StepRollout } from "../rollout/rollout-stage.ts"

/** A judged rollout of two tokens that is trained on, but for what is said otherwise. */
export function stepRollout(group: number, reward: number, more: Partial<StepRollout> = {}): StepRollout {
  const tokens = [1, 2]
  const logprobs = Float32Array.of(-1, -1)
  return {
    problem: { id: `p${group}`, prompt: "", gold: "" },
    group,
    promptTokens: [0],
    sequence: { tokens, logprobs, policyLogprobs: logprobs, stopReason: "stop" },
    text: "",
    verdict: { status: reward > 0 ? "correct" : "incorrect", reward, reason: "" },
    failed: false,
    trainingReward: reward,
    masked: false,
    representative: true,
    trained: true,
    ...more,
  }
}
