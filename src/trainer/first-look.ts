/**
 * What a run says of itself before its first update: where it starts, whether its rewards teach anything, what it needs of memory and
 * time. Measured between the sampling of the first step and its update, and without a trace in any number of the run.
 */
import { join } from "node:path"
import { byGroup, carriesSignal } from "../rollout/group-filter.ts"
import { isTruncated } from "../rollout/reward-shaping.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import {
  readJsonl,
  type EvaluationLine,
  type RewardCounts,
  type RunFolder,
  type StartLook,
  type TimeLook,
} from "../runs/index.ts"
import { mean } from "../statistics.ts"
import { describeLook, describeProblem } from "./first-look-text.ts"
import type { PlannedStep } from "./iteration.ts"
import type { MemoryForecast } from "./memory-forecast.ts"
import { tokenBudgetOf } from "./policy.ts"
import { diagnoseRewards, type RewardProblem } from "./reward-diagnosis.ts"
import { ForecastCheck, forecastRun } from "./run-forecast.ts"
import type { RunParts } from "./run-parts.ts"
import { forecastUpdates } from "./update-probe.ts"

export interface FirstLook extends StartLook {
  readonly problem: RewardProblem | undefined
  /** GPUs of the machine that are not used, where the engine is the embedded one. */
  readonly idleGpus: readonly string[]
}

export interface FirstLookContext {
  readonly parts: RunParts
  readonly folder: RunFolder
  readonly memory: MemoryForecast | undefined
  readonly idleGpus: readonly string[]
  readonly onNote: (text: string) => void
}

/** The probe runs about this share of the tokens of a micro-batch. */
const PROBE_SHARE = 0.25

/** Looks, logs and tells. @returns what holds the forecast against the first steps */
export async function takeFirstLook(
  { parts, folder, memory, idleGpus, onNote }: FirstLookContext,
  planned: PlannedStep,
): Promise<ForecastCheck> {
  const { config, task } = parts
  const start = readJsonl(join(folder.directory, "evaluations.jsonl")).records[0] as EvaluationLine | undefined
  const evaluationSeconds = Number(start?.time["seconds"] ?? 0)
  const look: FirstLook = {
    start,
    rewards: rewardCounts(planned.rollouts, config.rollout.maskTruncated),
    problem: await diagnoseRewards(planned.rollouts, {
      config,
      verifierName: task.verifierFor(planned.rollouts[0]!.problem).name,
    }),
    memory,
    idleGpus,
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
function log(folder: RunFolder, step: number, { rewards, problem, memory, idleGpus, time }: FirstLook): void {
  const message = `${rewards.rewarded} of ${rewards.responses} responses rewarded, ${rewards.groupsWithSignal} of ${rewards.groups} groups with a signal`
  const needs = memory === undefined ? {} : { memoryNeededBytes: memory.neededBytes }
  const free = memory === undefined ? {} : { memoryAvailableBytes: memory.availableBytes }
  folder.logEvent(
    "first-look",
    message,
    { step, ...rewards, ...needs },
    { ...time, ...free, ...(idleGpus.length === 0 ? {} : { idleGpus }) },
  )
  if (problem === undefined) return
  const { kind: alarm, message: found, advice } = problem
  folder.logEvent("alarm", `step ${step}: ${found}`, { step, alarm, advice })
}
