/** Whether a run without a signal has lost its policy, or never had one that could learn. */
import type { MetricsLine } from "../runs/index.ts"

/** Steps without a signal after which a person is told: the rewards now are theirs. */
const LAST_STEPS = 5
/** A mean reward below this share of the best one before is lost. */
const LOST_SHARE = 0.1
/** Mean rewards below this are luck. */
const SMALLEST_REWARD = 0.02

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function numberOf(line: MetricsLine | undefined, name: string): number | undefined {
  const value = line?.[name]
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

function largest(lines: readonly MetricsLine[], name: string): MetricsLine | undefined {
  let best: MetricsLine | undefined
  for (const line of lines) {
    if ((numberOf(line, name) ?? -Infinity) > (numberOf(best, name) ?? -Infinity)) best = line
  }
  return best
}

/**
 * What became of a policy whose rewards are gone, by reward, entropy, KL and learning rate.
 * @param lines  metrics of the run, the last of them without a signal
 * @returns undefined when the rewards were no better before
 */
export function describeLostPolicy(lines: readonly MetricsLine[]): string | undefined {
  const [before, now] = [lines.slice(0, -LAST_STEPS), lines.slice(-LAST_STEPS)]
  const best = largest(before, "mu")
  const reward = numberOf(largest(now, "mu"), "mu")
  const highest = numberOf(best, "mu")
  if (best === undefined || highest === undefined || reward === undefined) return undefined
  if (highest < SMALLEST_REWARD || reward > LOST_SHARE * highest) return undefined
  const facts = [`its mean reward was ${shortNumber(highest)} at step ${best.step} and is ${shortNumber(reward)}`]
  const [start, end] = [numberOf(before[0], "entropy"), numberOf(now.at(-1), "entropy")]
  if (start !== undefined && end !== undefined)
    facts.push(`its entropy went from ${shortNumber(start)} to ${shortNumber(end)} nats a token`)
  for (const [name, against] of [
    ["behaviourKl", "the policy that sampled"],
    ["kl", "the reference policy"],
  ] as const) {
    const worst = largest(lines, name)
    const size = numberOf(worst, name)
    if (size !== undefined && size > 0)
      facts.push(`its KL to ${against} rose to ${shortNumber(size)} (step ${worst!.step})`)
  }
  const rate = numberOf(largest(lines, "learningRate"), "learningRate")
  if (rate !== undefined) facts.push(`the learning rate was ${shortNumber(rate)}`)
  return facts.join(", ")
}
