import { describe, expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import { advantageNames, createAdvantage, evaluateObjective, isBatchObjective, objectiveNames, type AdvantageNeed, type Objective } from "../objectives/index.ts"
import type { BatchSequence, PipoBatch } from "../pipo/index.ts"
import type { StepRollout } from "../rollout/rollout-stage.ts"
import { batchMetrics, keptRollouts, makeBatch, type BatchScores } from "./batch.ts"
import { miniBatchesOf } from "./execute-update.ts"
import { createAdvantageOf } from "./objective-parts.ts"
import { aggregator, createObjectiveOf, createRule, criticized } from "./rule.ts"
import { scoreMetrics } from "./score-metrics.ts"

/** A response by its group, its reward (undefined: the verifier failed) and its length. */
type Case = readonly (readonly [group: number, reward: number | undefined, length: number])[]

const cases: Readonly<Record<string, Case>> = {
  "groups of unequal size, one of them a single response": [
    [0, 1, 3],
    [0, 0, 1],
    [0, 0.5, 2],
    [1, 1, 4],
    [2, 0, 2],
    [2, 1, 2],
  ],
  "groups of one": [
    [0, 1, 2],
    [1, 0, 3],
  ],
  "one response of one token": [[3, 1, 1]],
  "groups of one reward": [
    [0, 0, 2],
    [0, 0, 1],
    [1, 1, 1],
    [1, 1, 3],
  ],
  "a group reduced to one by failed verdicts, another to none": [
    [0, 1, 2],
    [0, undefined, 2],
    [1, undefined, 1],
    [1, undefined, 1],
    [2, 0, 1],
    [2, 1, 2],
  ],
  "no response with a verdict": [
    [0, undefined, 2],
    [0, undefined, 1],
  ],
  "no response at all": [],
}

/** @param smallestGroup  judged responses without which a group is dropped, as the rollout stage does it */
function rolloutsOf(drawn: Case, smallestGroup: number = 1): StepRollout[] {
  return drawn.map(([group, reward, length], i) => {
    const logprobs = Float32Array.from({ length }, (_, t) => -0.5 - ((i + t) % 3))
    return {
      problem: { id: `p${group}`, prompt: "1", gold: "1" },
      group,
      promptTokens: [2],
      sequence: { tokens: Array.from({ length }, () => 3), logprobs, policyLogprobs: logprobs, stopReason: "stop" },
      text: "",
      verdict: { status: reward === undefined ? "failure" : "correct", reward: reward ?? 0, reason: "", components: [{ name: "a", reward: reward ?? 0 }, { name: "b", reward: 1 }] },
      failed: reward === undefined,
      trainingReward: reward ?? 0,
      masked: false,
      representative: true,
      trained: drawn.filter(([other, judged]) => other === group && judged !== undefined).length >= smallestGroup,
    }
  })
}

/** What the trainer computes for an advantage that needs it, and the reference's log-probs. */
function scoresOf(rollouts: readonly StepRollout[], needs: readonly AdvantageNeed[], more: BatchScores = {}): BatchScores {
  return {
    ...(needs.includes("values") ? { values: rollouts.map(({ sequence }) => sequence.policyLogprobs.map((x) => x / 4)) } : {}),
    ...(needs.includes("greedy") ? { greedyRewards: new Map(rollouts.map(({ group }) => [group, 0.5])) } : {}),
    reference: rollouts.map(({ sequence }) => sequence.policyLogprobs.map((x) => x - 0.1)),
    ...more,
  }
}

/** Metrics of a step; `mu` of a batch without a verdict is the one that is not known. */
function expectFiniteMetrics(metrics: Readonly<Record<string, unknown>>, what: string): void {
  const bad = Object.entries(metrics).filter(([name, value]) => name !== "mu" && typeof value === "number" && !Number.isFinite(value))
  expect(bad, what).toEqual([])
}

function expectFinite(numbers: readonly number[], what: string): void {
  const bad = numbers.filter((x) => !Number.isFinite(x))
  expect(bad, what).toEqual([])
}

/** Loss and gradients of one update, as the engine would compute them a little off policy. */
function run(objective: Objective, sequences: readonly BatchSequence[], weights: readonly Float32Array[], what: string): void {
  const logprobs = sequences.map(({ behaviourLogprobs }) => behaviourLogprobs.map((x, t) => x + 0.2 * (t % 3) - 0.15))
  const prepared = isBatchObjective(objective) ? objective.prepare?.(sequences.map((sequence, i) => ({ ...sequence, logprobs: logprobs[i]! })), () => 0.5) : undefined
  const names = [...new Set(sequences.flatMap(({ tokenInputs }) => Object.keys(tokenInputs ?? {})))]
  const { loss, gradient, valueGradient } = evaluateObjective(objective, {
    logprobs,
    behaviourLogprobs: sequences.map(({ behaviourLogprobs }) => behaviourLogprobs),
    referenceLogprobs: sequences.map(({ referenceLogprobs }) => referenceLogprobs!),
    entropies: logprobs.map((row) => row.map(() => 0.5)),
    values: logprobs.map((row) => row.map((x) => x / 3)),
    advantages: sequences.map(({ advantages }) => advantages),
    mask: sequences.map(({ mask }) => mask),
    weights,
    constants: prepared?.constants ?? {},
    tokenInputs: { ...Object.fromEntries(names.map((name) => [name, sequences.map(({ tokenInputs }) => tokenInputs![name]!)])), ...prepared?.tokenInputs },
  })
  expectFinite([loss, ...[...gradient, ...(valueGradient ?? [])].flatMap((row) => Array.from(row))], what)
}

const base = { model: { preset: "nano" }, task: { name: "add2" }, pipo: { minSteps: 1, window: 2 } }

describe.each(advantageNames)("%s advantages", (advantage) => {
  test.each(Object.entries(cases))("%s: every objective, PIPO around it, has finite losses and metrics", (_, drawn) => {
    const { needs, smallestGroup = 1 } = createAdvantage(advantage)
    const rollouts = rolloutsOf(drawn, smallestGroup)
    const kept = keptRollouts(rollouts)
    const scores = scoresOf(kept, needs)
    for (const name of objectiveNames) {
      const config = parseConfig({ ...base, objective: { name, advantage, klCoefficient: 0.1, entropyCoefficient: 0.01 } })
      const objective = criticized(config, createObjectiveOf(config))
      const rule = createRule(config, objective)
      const makeStep = (step: number, meanReward: number): PipoBatch => {
        const batch = makeBatch(step, rollouts, createAdvantageOf(config), scores)
        expectFinite(batch.sequences.flatMap(({ advantages }) => Array.from(advantages)), `${name} advantages`)
        expectFiniteMetrics(scoreMetrics(batch, kept, scores, undefined), `${name} score metrics`)
        if (rollouts.length > 0) expectFiniteMetrics(batchMetrics(rollouts, batch), `${name} batch metrics`)
        return batch.sequences.length === 0 ? batch : { ...batch, meanReward }
      }
      for (const [step, mean] of [0.1, 0.4, 0.9].entries()) {
        const batch = makeStep(step + 1, mean)
        const { updates } = rule.plan(batch)
        for (const update of updates) {
          for (const part of miniBatchesOf(update.sequences, 2)) {
            if (part.length > 0) run(update.objective, part, aggregator(config)(part.map(({ mask }) => mask)), `${name} ${update.kind}`)
          }
        }
        rule.commit(batch, { explorationApplied: batch.sequences.length > 0 })
      }
    }
  })
})

test.each(["sum-then-normalize", "normalize-then-sum"] as const)("several rewards, %s, are finite in every case", (rewardAggregation) => {
  for (const [name, drawn] of Object.entries(cases)) {
    const rollouts = rolloutsOf(drawn)
    for (const advantage of ["grpo", "drgrpo", "batch-std"]) {
      const config = parseConfig({ ...base, objective: { advantage, rewardAggregation } })
      const batch = makeBatch(1, rollouts, createAdvantageOf(config), { rewards: true })
      expectFinite(batch.sequences.flatMap(({ advantages }) => Array.from(advantages)), name)
    }
  }
})

test("a divergence off the reward and importance weights are finite in every case", () => {
  for (const [name, drawn] of Object.entries(cases)) {
    const rollouts = rolloutsOf(drawn)
    const kept = keptRollouts(rollouts)
    const old = kept.map(({ sequence }) => sequence.policyLogprobs.map((x) => x + 0.3))
    for (const mode of ["token-truncate", "token-mask", "sequence-truncate", "sequence-mask"] as const) {
      const config = parseConfig(base)
      const batch = makeBatch(1, rollouts, createAdvantageOf(config), scoresOf(kept, [], { klInReward: 0.1, correction: { mode, old, maximum: 2 } }))
      expectFinite(batch.sequences.flatMap(({ advantages, tokenInputs }) => [...advantages, ...Object.values(tokenInputs ?? {}).flatMap((row) => Array.from(row))]), name)
    }
  }
})
