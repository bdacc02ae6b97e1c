/** What the completions log holds of a step's responses. */
import type { ResolvedConfig } from "../config/index.ts"
import { attributionOf, type BatchSequence } from "../pipo/index.ts"
import { tokenLengths } from "../rollout/token-lengths.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import type { CompletionLine } from "../runs/index.ts"
import type { RunParts } from "./run-parts.ts"

/**
 * Lines of the first responses of a step, as many as `logging.completionsPerStep` says.
 * @param sequences  the batch's sequences: the judged rollouts of the groups that are trained on, in order
 */
export function completionLines({ config, tokenizer }: Pick<RunParts, "config" | "tokenizer">, step: number, rollouts: readonly StepRollout[], sequences: readonly BatchSequence[]): CompletionLine[] {
  const attribution = looksBack(config) ? attributionOf(sequences) : undefined
  let next = 0
  return rollouts.slice(0, config.logging.completionsPerStep).map((rollout): CompletionLine => {
    const { group, problem, text, verdict, trainingReward, sequence } = rollout
    const place = rollout.failed || !rollout.trained ? undefined : next++
    return {
      step,
      group,
      problem: problem.id,
      prompt: problem.prompt,
      completion: text,
      // Before what is short: readers of very long lines look at their two ends.
      ...(config.logging.tokenLogprobs ? tokenColumns(rollout, tokenizer) : {}),
      gold: problem.gold,
      reward: verdict.reward,
      status: verdict.status,
      extracted: verdict.extracted ?? null,
      reason: verdict.reason,
      ...(trainingReward === verdict.reward ? {} : { trainingReward }),
      advantage: place === undefined ? null : (sequences[place]!.advantages[0] ?? 0),
      ...(attribution === undefined ? {} : { attribution: place === undefined ? null : attribution[place]! }),
      stopReason: sequence.stopReason,
    }
  })
}

/** The next step may train on these responses again, by their share in their group's advantage. */
function looksBack({ pipo }: ResolvedConfig): boolean {
  return pipo.enabled && pipo.acts === "update"
}

/** The log-prob of each token, nats to three digits, and its length in the text; nothing where the tokens do not add up to the text. */
function tokenColumns({ sequence, text }: StepRollout, tokenizer: RunParts["tokenizer"]): { readonly tokenLengths?: number[]; readonly tokenLogprobs?: number[] } {
  const lengths = tokenLengths(sequence.tokens, text, tokenizer)
  if (lengths === undefined) return {}
  return { tokenLengths: lengths, tokenLogprobs: Array.from(sequence.policyLogprobs, (value) => Number(value.toFixed(3))) }
}
