/**
 * What a run says of itself before its first update: where it starts, whether its rewards teach anything, what it needs of memory and
 * time. Measured between the sampling of the first step and its update, and without a trace in any number of the run.
 */
import { join } from "node:path"
import { byGroup, carriesSignal } from "../rollout/group-filter.ts"
import { isTruncated } from "../rollout/reward-shaping.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { readJsonl, type EvaluationLine, type RunFolder } from "../runs/index.ts"
import { mean } from "../statistics.ts"
import { describeLook, describeProblem } from "./first-look-text.ts"
import type { PlannedStep } from "./iteration.ts"
import type { MemoryForecast } from "./memory-forecast.ts"
import { tokenBudgetOf } from "./policy.ts"
import { diagnoseRewards, type RewardProblem } from "./reward-diagnosis.ts"
import { ForecastCheck, forecastRun, type RunForecast } from "./run-forecast.ts"
import type { RunParts } from "./run-parts.ts"
import { forecastUpdates } from "./update-probe.ts"

export interface FirstLook {
  /** Evaluation of step 0; undefined when there was none. */
  readonly start: EvaluationLine | undefined
  readonly rewards: RewardCounts
  readonly problem: RewardProblem | undefined
  readonly memory: MemoryForecast | undefined
  readonly time: TimeLook
}

/** Of the first step's responses. Those that could not be judged are left out of all but `responses` and the lengths. */
export interface RewardCounts {
  readonly responses: number
  /** Reward above 0. */
  readonly rewarded: number
  readonly groups: number
  /** Rewards of the group differ: there is something to compare. */
  readonly groupsWithSignal: number
  readonly meanReward: number
  /** Mean length, tokens. */
  readonly responseLength: number
  /** Cut off at rollout.maxResponseTokens. */
  readonly truncated: number
}

export interface TimeLook {
  readonly sampleSeconds: number
  /** Verification, and scores of other policies. */
  readonly scoreSeconds: number
  /** Forecast from a probe; undefined where the engine is elsewhere, or nothing is trained on. */
  readonly trainSeconds: number | undefined
  /** Undefined without `trainSeconds`. */
  readonly run: RunForecast | undefined
}

export interface FirstLookContext {
  readonly parts: RunParts
  readonly folder: RunFolder
  readonly memory: MemoryForecast | undefined
  readonly onNote: (text: string) => void
}

/** The probe runs about this share of the tokens of a micro-batch. */
const PROBE_SHARE = 0.25

/** Looks, logs and tells. @returns what holds the forecast against the first steps */
export async function takeFirstLook({ parts, folder, memory, onNote }: FirstLookContext, planned: PlannedStep): Promise<ForecastCheck> {
  const { config, task } = parts
  const start = readJsonl(join(folder.directory, "evaluations.jsonl")).records[0] as EvaluationLine | undefined
  const evaluationSeconds = Number(start?.time["seconds"] ?? 0)
  const look: FirstLook = {
    start,
    rewards: rewardCounts(planned.rollouts, config.rollout.maskTruncated),
    problem: await diagnoseRewards(planned.rollouts, { config, verifierName: task.verifierFor(planned.rollouts[0]!.problem).name }),
    memory,
    time: await timeLook(parts, planned, evaluationSeconds),
  }
  log(folder, planned.step, look)
  onNote(describeLook(look))
  if (look.problem !== undefined) onNote(describeProblem(look.problem))
  return new ForecastCheck(config, evaluationSeconds, look.time.run)
}

export function rewardCounts(rollouts: readonly StepRollout[], maskTruncated: boolean): RewardCounts {
  const judged = rollouts.filter(({ failed }) => !failed)
  const groups = byGroup(judged)
  return {
    responses: rollouts.length,
    rewarded: judged.filter(({ verdict }) => verdict.reward > 0).length,
    groups: groups.length,
    groupsWithSignal: groups.filter((group) => carriesSignal(group, (rollout) => !(maskTruncated && isTruncated(rollout)))).length,
    meanReward: judged.length === 0 ? 0 : mean(judged.map(({ verdict }) => verdict.reward)),
    responseLength: mean(rollouts.map(({ sequence }) => sequence.tokens.length)),
    truncated: rollouts.filter(isTruncated).length,
  }
}

async function timeLook({ config }: RunParts, planned: PlannedStep, evaluationSeconds: number): Promise<TimeLook> {
  const { sampleSeconds, scoreSeconds, context, plan } = planned
  // Another machine's time is another machine's money.
  const trainSeconds =
    config.engine.kind === "tinker"
      ? undefined
      : await forecastUpdates(context, plan.updates, tokenBudgetOf(config) * PROBE_SHARE)
  if (trainSeconds === undefined) return { sampleSeconds, scoreSeconds, trainSeconds, run: undefined }
  return { sampleSeconds, scoreSeconds, trainSeconds, run: forecastRun(config, sampleSeconds + scoreSeconds + trainSeconds, evaluationSeconds) }
}

/** What depends on the clock or the machine goes into the event's time. */
function log(folder: RunFolder, step: number, { rewards, problem, memory, time }: FirstLook): void {
  const message = `${rewards.rewarded} of ${rewards.responses} responses rewarded, ${rewards.groupsWithSignal} of ${rewards.groups} groups with a signal`
  const needs = memory === undefined ? {} : { memoryNeededBytes: memory.neededBytes }
  const free = memory === undefined ? {} : { memoryAvailableBytes: memory.availableBytes }
  folder.logEvent("first-look", message, { step, ...rewards, ...needs }, { ...time, ...free })
  if (problem === undefined) return
  const { kind: alarm, message: found, advice } = problem
  folder.logEvent("alarm", `step ${step}: ${found}`, { step, alarm, advice })
}
