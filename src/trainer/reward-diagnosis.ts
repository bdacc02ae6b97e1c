/**
 * Why the responses of a first step teach nothing, and what helps: no reward at all, the full reward for all, or one reward within
 * each group. Said before the first update, since a run in this state can train for hours and learn nothing.
 */
import type { ResolvedConfig } from "../config/index.ts"
import type { Problem } from "../data/task.ts"
import { byGroup, isFlat } from "../rollout/group-filter.ts"
import { isTruncated } from "../rollout/reward-shaping.ts"
import type { Rollout } from "../rollout/rollout.ts"
import { verifierInput, verifyResponse } from "../rollout/verify.ts"
import { createVerifier } from "../verifiers/registry.ts"
import type { VerdictStatus } from "../verifiers/verifier.ts"

export interface RewardProblem {
  readonly kind: "nothing-rewarded" | "everything-right" | "no-signal"
  /** What was found, on one line: `128 of 128 responses have no answer: ...`. */
  readonly message: string
  /** Up to two responses with their verdicts, as they are: control characters included. */
  readonly examples: readonly RewardExample[]
  /** What may help, the most promising first. */
  readonly advice: readonly string[]
}

export interface RewardExample {
  readonly prompt: string
  readonly response: string
  readonly gold: string
  readonly reason: string
}

/** What a verifier of the registry says of responses that another one rewards nowhere. */
interface OtherVerifier {
  readonly name: string
  readonly answered: number
  readonly correct: number
}

const EXAMPLES = 2
/** Verifiers that read an answer from text and need no options. */
const TRIED_VERIFIERS: readonly string[] = ["integer", "numeric", "boxed-integer", "math"]
/** Responses on which they are tried. */
const TRIED_RESPONSES = 64
const TRIED_TIMEOUT_MS = 5000

/**
 * @param rollouts  of the first step, dropped groups included
 * @returns undefined when some groups have responses of different reward
 */
export async function diagnoseRewards(
  rollouts: readonly Rollout[],
  { config, verifierName }: { readonly config: ResolvedConfig; readonly verifierName: string },
): Promise<RewardProblem | undefined> {
  const judged = rollouts.filter(({ failed }) => !failed)
  if (judged.length === 0 || byGroup(judged).some((group) => !isFlat(group.map(({ verdict }) => verdict.reward)))) return undefined
  const examples = judged.slice(0, EXAMPLES).map(exampleOf)
  const rewarded = judged.filter(({ verdict }) => verdict.reward > 0).length
  if (rewarded === 0) {
    // Other tasks bring their verifier with them.
    const others = config.task.name === "dataset" ? await tryOthers(judged, verifierName) : []
    const message = describeStatuses(judged)
    return { kind: "nothing-rewarded", message, examples, advice: [...adviceOnForm(judged, config, verifierName, others), ...adviceOnSkill(judged, config)] }
  }
  if (judged.every(({ verdict }) => verdict.status === "correct")) {
    const message = `all ${judged.length} responses are right: there is nothing left to learn`
    return { kind: "everything-right", message, examples, advice: ["harder problems (task.difficulty, or rows that the model does not solve)"] }
  }
  return {
    kind: "no-signal",
    message: `in each of ${byGroup(judged).length} groups all responses have one reward (${rewarded} of ${judged.length} responses are rewarded): there is nothing to compare`,
    examples,
    advice: [
      `more responses to a prompt (rollout.groupSize, now ${config.rollout.groupSize}) or more prompts (rollout.promptsPerStep, now ${config.rollout.promptsPerStep})`,
      "problems of middling difficulty: those that the model solves sometimes (rollout.curriculum, rollout.dynamicSampling)",
      ...(config.rollout.temperature < 1 ? [`a higher rollout.temperature (now ${config.rollout.temperature})`] : []),
    ],
  }
}

function exampleOf({ problem, text, verdict }: Rollout): RewardExample {
  return { prompt: promptText(problem), response: text, gold: problem.gold, reason: verdict.reason }
}

/** The last thing the model was told. */
function promptText({ prompt }: Problem): string {
  return typeof prompt === "string" ? prompt : (prompt.at(-1)?.content ?? "")
}

/** Of one response, and of several. Failures and timeouts are no verdicts on a response. */
const STATUS_WORDS: Readonly<Record<Exclude<VerdictStatus, "failure" | "timeout">, readonly [one: string, several: string]>> = {
  "no-answer": ["has no answer", "have no answer"],
  incorrect: ["has a wrong answer", "have a wrong answer"],
  correct: ["is right and worth no reward", "are right and worth no reward"],
  "unparsable-gold": ["cannot be compared with the ground truth", "cannot be compared with the ground truth"],
}

function statusWords(status: VerdictStatus, count: number): string {
  if (status === "failure" || status === "timeout") return status
  const [one, several] = STATUS_WORDS[status]
  return count === 1 ? one : several
}

/** Each status with its count, the most common first, and its most common reason. */
function describeStatuses(judged: readonly Rollout[]): string {
  const kinds = countedBy(judged, ({ verdict }) => verdict.status).map(([status, rollouts]) => {
    const [reason, same] = countedBy(rollouts, ({ verdict }) => verdict.reason)[0]!
    const shared = same.length === rollouts.length ? reason : `${same.length === 1 ? "for one" : `for ${same.length} of them`}, ${reason}`
    return { count: rollouts.length, text: `${statusWords(status, rollouts.length)}: ${shared}` }
  })
  if (kinds.length === 1) return `${judged.length} of ${judged.length} responses ${kinds[0]!.text}`
  return `none of ${judged.length} responses is rewarded; ${kinds.map(({ count, text }) => `${count} ${text}`).join("; ")}`
}

function countedBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): [Key, Item[]][] {
  const groups = new Map<Key, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return [...groups].sort(([, a], [, b]) => b.length - a.length)
}

/** Most right answers first, then most answers; those that find none are left out. */
async function tryOthers(judged: readonly Rollout[], own: string): Promise<OtherVerifier[]> {
  const tried = judged.slice(0, TRIED_RESPONSES)
  const found: OtherVerifier[] = []
  for (const name of TRIED_VERIFIERS.filter((other) => other !== own)) {
    const verifier = createVerifier(name)
    const verdicts = await Promise.all(tried.map(({ problem, text }) => verifyResponse(verifier, verifierInput(problem, text), TRIED_TIMEOUT_MS)))
    const correct = verdicts.filter(({ status }) => status === "correct").length
    const answered = correct + verdicts.filter(({ status }) => status === "incorrect").length
    if (answered > 0) found.push({ name, answered, correct })
  }
  return found.sort((a, b) => b.correct - a.correct || b.answered - a.answered)
}

/** The response may hold an answer that the verifier does not see. */
function adviceOnForm(judged: readonly Rollout[], config: ResolvedConfig, own: string, others: readonly OtherVerifier[]): string[] {
  const share = (matches: (rollout: Rollout) => boolean): number => judged.filter(matches).length
  const [cut, empty, unanswered, unparsable] = [
    share(isTruncated),
    share(({ text }) => text.trim() === ""),
    share(({ verdict }) => verdict.status === "no-answer"),
    share(({ verdict }) => verdict.status === "unparsable-gold"),
  ]
  const tried = Math.min(judged.length, TRIED_RESPONSES)
  const best = others[0]
  const dataset = config.task.name === "dataset"
  const advice: string[] = []
  if (unparsable > 0) advice.push("the ground truths: check the column (task.columns.answer), or choose a verifier that reads them (task.verifier)")
  if (empty > judged.length / 2) advice.push(`a prompt that the model answers: ${empty} of ${judged.length} responses are empty. A chat model wants its template (task.template.user)`)
  if (cut > judged.length / 2) advice.push(`a larger rollout.maxResponseTokens: ${cut} of ${judged.length} responses are cut off at ${config.rollout.maxResponseTokens} tokens`)
  if (best !== undefined && (best.correct > 0 || unanswered > judged.length / 2)) {
    const right = best.correct === 0 ? "none of them right" : `${best.correct} of them right`
    advice.push(`another verifier: ${best.name} finds an answer in ${best.answered} of ${tried} responses, ${right} (task.verifier: ${best.name})`)
  }
  if (unanswered > judged.length / 2) {
    advice.push(`asking in the prompt for the form that the verifier ${own} reads${dataset ? " (task.template)" : ""}`)
  }
  return advice
}

/** The model may not be able to do it yet. */
function adviceOnSkill(judged: readonly Rollout[], config: ResolvedConfig): string[] {
  const solved = judged[0]?.problem.solution !== undefined
  return [
    ...(config.task.name === "dataset" ? ["a worked example in the prompt (task.template)"] : ["easier problems (task.difficulty)"]),
    config.warmStart.enabled
      ? `a longer warm start (warmStart.targetAccuracy, now ${config.warmStart.targetAccuracy})`
      : `a warm start on solutions (warmStart.enabled: true${solved ? "" : ", with a column of solutions"})`,
  ]
}
