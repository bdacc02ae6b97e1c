/** The first look in words. */
import { formatDuration } from "../age.ts"
import { wilson } from "../analysis/intervals.ts"
import { terminalLine } from "../terminal-text.ts"
import type { EvaluationLine } from "../runs/index.ts"
import type { FirstLook, RewardCounts, TimeLook } from "./first-look.ts"
import { describeMemory } from "./memory-forecast.ts"
import type { RewardExample, RewardProblem } from "./reward-diagnosis.ts"
import { describeForecast } from "./run-forecast.ts"

const SHOWN_CHARACTERS = 160

/** A line per fact, behind a headline. */
export function describeLook({ start, rewards, memory, time }: FirstLook): string {
  const rows = [
    ...(start === undefined ? [] : describeStart(start)),
    describeRewards(rewards),
    `responses: ${rewards.responseLength.toFixed(1)} tokens on average, ${rewards.truncated} of ${rewards.responses} cut off`,
    ...(memory === undefined ? [] : [`memory: ${describeMemory(memory)}`]),
    ...describeTime(time),
  ]
  return ["before the first update:", ...rows.map((row) => `  ${row}`)].join("\n")
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function describeStart({ size, greedyAccuracy, greedyCorrect, expectedAccuracy }: EvaluationLine): string[] {
  const parts: string[] = []
  if (greedyAccuracy !== undefined) {
    const judged = typeof greedyCorrect === "string" ? greedyCorrect.replaceAll("-", "").length : size
    const interval = wilson(Math.round(greedyAccuracy * judged), judged)
    const range = interval === null ? "" : `, 95 %: ${(100 * interval.low).toFixed(1)} to ${(100 * interval.high).toFixed(1)}`
    parts.push(`${percent(greedyAccuracy)} greedy (${size} held-out problems${range})`)
  }
  if (expectedAccuracy !== undefined) parts.push(`${percent(expectedAccuracy)} expected`)
  return parts.length === 0 ? [] : [`accuracy: ${parts.join(", ")}`]
}

function describeRewards({ responses, rewarded, groups, groupsWithSignal, meanReward }: RewardCounts): string {
  return `rewards: ${rewarded} of ${responses} responses rewarded, ${meanReward.toFixed(3)} on average; ${groupsWithSignal} of ${groups} groups with a signal (their rewards differ)`
}

function describeTime({ sampleSeconds, scoreSeconds, trainSeconds, run }: TimeLook): string[] {
  if (run === undefined || trainSeconds === undefined) return [`time: sampling took ${formatDuration(sampleSeconds)}; how long a step takes is known after the first`]
  const scoring = scoreSeconds < 0.5 ? "" : `, scoring ${formatDuration(scoreSeconds)}`
  return [
    `a step: about ${formatDuration(run.stepSeconds)} (sampling ${formatDuration(sampleSeconds)}${scoring}, training ${formatDuration(trainSeconds)})`,
    `the run: ${describeForecast(run)}`,
  ]
}

/** What is wrong, two responses, and what may help. */
export function describeProblem({ message, examples, advice }: RewardProblem): string {
  return [
    `warning: ${terminalLine(message)}`,
    ...examples.flatMap(describeExample),
    "  What may help:",
    ...advice.map((line) => `    - ${line}`),
  ].join("\n")
}

function describeExample({ prompt, response, gold, reason }: RewardExample): string[] {
  return [`  to ${shown(prompt)} (ground truth ${shown(gold)})`, `    the response ${shown(response)}`, `    ${terminalLine(reason)}`]
}

/** Quoted, on one line, cut where it is long, and without what could steer a terminal. */
function shown(text: string): string {
  return terminalLine(JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text))
}
