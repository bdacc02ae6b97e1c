import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Problem, Task } from "../data/task.ts"
import type { Engine, SampleRequest, Sequence } from "../engine/engine.ts"
import { createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { decodeState, encodeState } from "../runs/index.ts"
import { defaults } from "../config/defaults.ts"
import { RolloutStage, type RolloutStageOptions, type StepRollouts } from "./rollout-stage.ts"
import type { RolloutContext } from "./rollout.ts"

const tokenizer = createCharacterTokenizer("0123456789")
const GROUP = 4
const MAX_TOKENS = 6

/** What a problem's responses get, by the index of the response; null is a verdict that failed. */
type Rewards = (problem: number, response: number) => number | null

interface Response {
  readonly reward: number | null
  readonly tokens: number
}

/** Problem i of the stream has the prompt i; its responses are worth what `rewards` says and as long as `length` says. */
class Fake {
  readonly sampled: number[][] = []
  readonly seeds = new Set<number>()
  readonly #queue: Response[] = []
  readonly context: RolloutContext

  constructor(rewards: Rewards, length: (problem: number, response: number) => number = () => 2, trainSize?: number) {
    const problem = (index: number): Problem => ({ id: `p${index}`, prompt: String(index), gold: "" })
    const task: Task = {
      name: "fake",
      trainSize,
      trainProblem: (_seed, position) => problem(trainSize === undefined ? position : position % trainSize),
      heldOut: [],
      verifierFor: () => ({
        name: "queue",
        verify: () => {
          const { reward } = this.#queue.shift()!
          if (reward === null) throw new Error("no judge")
          return { status: reward > 0 ? "correct" : "incorrect", reward, reason: "" }
        },
      }),
    }
    const sample = (requests: readonly SampleRequest[]): Promise<Sequence[][]> => {
      this.sampled.push([])
      const groups = requests.map(({ promptTokens, seeds }): Sequence[] => {
        const index = Number(tokenizer.decode(promptTokens))
        this.sampled.at(-1)!.push(index)
        return seeds.map((seed, response) => {
          this.seeds.add(seed)
          const tokens = length(index, response)
          this.#queue.push({ reward: rewards(index, response), tokens })
          const zeros = new Float32Array(tokens)
          const stopReason = tokens === MAX_TOKENS ? "length" : "stop"
          return { tokens: Array.from(zeros, () => 1), logprobs: zeros, policyLogprobs: zeros, stopReason }
        })
      })
      return Promise.resolve(groups)
    }
    this.context = { engine: { sample } as unknown as Engine, tokenizer, task, sampling: { maxTokens: MAX_TOKENS }, groupSize: GROUP, verifierTimeoutMs: 1000 }
  }
}

function stageOf(fake: Fake, options: Partial<RolloutStageOptions> = {}): RolloutStage {
  return new RolloutStage(fake.context, { ...defaults.rollout, seed: 1, promptsPerStep: 4, maxResponseTokens: MAX_TOKENS, smallestGroup: 1, ...options })
}

const mixed: Rewards = (_problem, response) => response % 2
const dynamicSampling = { enabled: true, maxRounds: 3 }
const curriculum = { ...defaults.rollout.curriculum, enabled: true }

function trainedPrompts({ rollouts }: StepRollouts): string[] {
  return [...new Set(rollouts.filter(({ trained }) => trained).map(({ problem }) => problem.id))]
}

describe("with nothing switched on", () => {
  test("a step takes its own prompts of the stream, all are trained on, and the training reward is the verifier's", async () => {
    const fake = new Fake((problem) => problem % 3)
    const stage = stageOf(fake)
    const [first, second] = [await stage.collect(1), await stage.collect(2)]
    expect(fake.sampled).toEqual([[0, 1, 2, 3], [4, 5, 6, 7]])
    expect(second.rollouts.map(({ group }) => group)).toEqual(first.rollouts.map(({ group }) => group))
    for (const { trainingReward, verdict, trained, masked, representative } of [...first.rollouts, ...second.rollouts]) {
      expect([trainingReward, trained, masked, representative]).toEqual([verdict.reward, true, false, true])
    }
    expect(first.metrics).toEqual({ sampledResponses: 16 })
    expect(stage.state()).toEqual({ position: 8, memory: null })
  })
})

describe("dynamic sampling", () => {
  // Multiples of three are always wrong.
  const rewards: Rewards = (problem, response) => (problem % 3 === 0 ? 0 : response % 2)

  test("drops groups of one reward and samples the next prompts in their place", async () => {
    const fake = new Fake(rewards)
    const step = await stageOf(fake, { dynamicSampling }).collect(1)
    // 0 and 3 are dropped, then 4 and 5 are good.
    expect(fake.sampled).toEqual([[0, 1, 2, 3], [4, 5]])
    expect(trainedPrompts(step)).toEqual(["p1", "p2", "p4", "p5"])
    expect(step.metrics).toEqual({
      sampledResponses: 24,
      trainedGroups: 4,
      emptyBatch: 0,
      zeroVarianceShareTrained: 0,
      sampledPrompts: 6,
      samplingRounds: 2,
      droppedGroups: 2,
      costFactor: 1.5,
    })
    expect(step.rollouts.every(({ representative }) => representative)).toBe(true)
    expect(new Set(step.rollouts.map(({ group }) => group))).toEqual(new Set([0, 1, 2, 3, 4, 5]))
    // Every response of the step has a seed of its own, those of refills too.
    expect(fake.seeds.size).toBe(24)
  })

  test("begins the next step after the prompts of the refills", async () => {
    const fake = new Fake(rewards)
    const stage = stageOf(fake, { dynamicSampling })
    await stage.collect(1)
    await stage.collect(2)
    expect(fake.sampled.flat().slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test("stops at its last round with the groups it has", async () => {
    const fake = new Fake((problem, response) => (problem < 8 && problem !== 2 ? 1 : response % 2))
    const step = await stageOf(fake, { dynamicSampling: { enabled: true, maxRounds: 2 } }).collect(1)
    expect(fake.sampled).toEqual([[0, 1, 2, 3], [4, 5, 6]])
    expect(trainedPrompts(step)).toEqual(["p2"])
    expect(step.metrics).toMatchObject({ trainedGroups: 1, droppedGroups: 6, samplingRounds: 2, costFactor: 7 / 4, emptyBatch: 0 })
  })

  test("gives an empty batch, and no NaN, when every group of every round has one reward", async () => {
    const fake = new Fake(() => 1)
    const step = await stageOf(fake, { dynamicSampling, overlong: { bufferTokens: 2, penalty: 1 }, maskTruncated: true, curriculum }).collect(1)
    expect(trainedPrompts(step)).toEqual([])
    expect(step.metrics).toMatchObject({ trainedGroups: 0, emptyBatch: 1, droppedGroups: 12, costFactor: 3, zeroVarianceShareTrained: 0 })
    expect(Object.values(step.metrics).every(Number.isFinite)).toBe(true)
  })

  test("does not take different penalties on length for a signal", async () => {
    const fake = new Fake(() => 1, (_problem, response) => 2 + response)
    const step = await stageOf(fake, { dynamicSampling, overlong: { bufferTokens: 4, penalty: 1 } }).collect(1)
    expect(new Set(step.rollouts.map(({ trainingReward }) => trainingReward)).size).toBe(4)
    expect(trainedPrompts(step)).toEqual([])
  })

  test("drops a group whose responses are all masked, whatever their rewards", async () => {
    const fake = new Fake(mixed, (problem) => (problem === 1 ? MAX_TOKENS : 2))
    const step = await stageOf(fake, { dynamicSampling, maskTruncated: true }).collect(1)
    expect(trainedPrompts(step)).toEqual(["p0", "p2", "p3", "p4"])
  })

  test("judges a group by the responses that were judged", async () => {
    // Of p0 one verdict is left, of p1 two that differ, of p2 none.
    const verdicts: (number | null)[][] = [[1, null, null, null], [1, null, 0, null], [null, null, null, null]]
    const fake = new Fake((problem, response) => verdicts[problem]?.[response] ?? (problem < 3 ? null : response % 2))
    const step = await stageOf(fake, { dynamicSampling }).collect(1)
    expect(trainedPrompts(step)).toEqual(["p1", "p3", "p4", "p5"])
  })
})

test("a group smaller than the advantage needs is left out", async () => {
  const fake = new Fake((problem, response) => (problem === 1 && response > 0 ? null : response % 2))
  const step = await stageOf(fake, { smallestGroup: 2 }).collect(1)
  expect(trainedPrompts(step)).toEqual(["p0", "p2", "p3"])
})

test("the overlong penalty changes the training reward and not the verdict, and its mean is measured", async () => {
  const fake = new Fake(mixed, (_problem, response) => 3 + response)
  const { rollouts, metrics } = await stageOf(fake, { overlong: { bufferTokens: 2, penalty: 0.5 } }).collect(1)
  expect(rollouts.slice(0, GROUP).map(({ trainingReward }) => trainingReward)).toEqual([0, 1, -0.25, 0.5])
  expect(rollouts.slice(0, GROUP).map(({ verdict }) => verdict.reward)).toEqual([0, 1, 0, 1])
  expect(metrics).toMatchObject({ overlongPenalty: 0.75 / 4, overlongShare: 0.5 })
})

test("truncated responses are masked, counted, and keep their reward", async () => {
  const fake = new Fake(mixed, (_problem, response) => (response === 3 ? MAX_TOKENS : 2))
  const { rollouts, metrics } = await stageOf(fake, { maskTruncated: true }).collect(1)
  expect(rollouts.slice(0, GROUP).map(({ masked, trainingReward }) => [masked, trainingReward])).toEqual([[false, 0], [false, 1], [false, 0], [true, 1]])
  expect(metrics).toMatchObject({ maskedShare: 0.25, emptyBatch: 0 })
})

test("a step whose responses are all truncated and masked is an empty batch", async () => {
  const { metrics } = await stageOf(new Fake(mixed, () => MAX_TOKENS), { maskTruncated: true }).collect(1)
  expect(metrics).toMatchObject({ maskedShare: 1, emptyBatch: 1, trainedGroups: 4 })
})

describe("the curriculum", () => {
  // Of 40 problems every fourth is solved half of the time; the others always.
  const rewards: Rewards = (problem, response) => (problem % 4 === 0 ? response % 2 : 1)

  test("comes to prefer prompts of success near one half, and the uniform part stays uniform", async () => {
    const fake = new Fake(rewards, undefined, 40)
    const stage = stageOf(fake, { curriculum, promptsPerStep: 8 })
    const counts = { chosen: 0, chosenMixed: 0, uniform: 0, uniformMixed: 0 }
    for (let step = 1; step <= 60; step++) {
      const { rollouts, metrics } = await stage.collect(step)
      const groups = rollouts.filter((_, i) => i % GROUP === 0)
      expect(groups.map(({ representative }) => representative).filter(Boolean)).toHaveLength(2)
      if (step <= 20) continue
      expect(metrics["curriculumKnownShare"]).toBe(1)
      for (const { representative, problem } of groups) {
        const isMixed = Number(problem.id.slice(1)) % 4 === 0
        counts[representative ? "uniform" : "chosen"] += 1
        if (isMixed) counts[representative ? "uniformMixed" : "chosenMixed"] += 1
      }
    }
    expect(counts.chosenMixed / counts.chosen).toBeGreaterThan(0.5)
    expect(Math.abs(counts.uniformMixed / counts.uniform - 0.25)).toBeLessThan(0.15)
  })

  test("measures the success rate of the prompts it chose, and remembers every problem sampled", async () => {
    const fake = new Fake(() => 1, undefined, 1000)
    const stage = stageOf(fake, { curriculum, promptsPerStep: 8 })
    const { metrics } = await stage.collect(1)
    expect(metrics).toMatchObject({ curriculumSuccessRate: 1, curriculumEstimate: 0.5, curriculumKnownShare: 0, curriculumProblems: 8 })
  })

  test("with no uniform part the mean is over all prompts", async () => {
    const stage = stageOf(new Fake(mixed), { curriculum: { ...curriculum, uniformShare: 0 } })
    expect((await stage.collect(1)).rollouts.every(({ representative }) => representative)).toBe(true)
  })

  test("refills are chosen and do not count in the mean", async () => {
    const fake = new Fake((problem, response) => (problem % 2 === 0 ? 0 : response % 2))
    const { rollouts, metrics } = await stageOf(fake, { curriculum, dynamicSampling, promptsPerStep: 8 }).collect(1)
    expect(metrics["samplingRounds"]).toBeGreaterThan(1)
    expect(new Set(rollouts.filter(({ representative }) => representative).map(({ group }) => group)).size).toBe(2)
    expect(rollouts.filter(({ representative }) => representative).every(({ group }) => group < 8)).toBe(true)
  })

  test("never asks a small data set for a problem twice in one round", async () => {
    const fake = new Fake(mixed, undefined, 9)
    const stage = stageOf(fake, { curriculum, promptsPerStep: 8 })
    for (let step = 1; step <= 5; step++) await stage.collect(step)
    for (const round of fake.sampled) expect(new Set(round).size).toBe(8)
  })
})

test("a stage restored between steps goes on as the one that was not interrupted, whatever is switched on", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.boolean(), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 30 }), async (dynamic, chosen, capacity, trainSize) => {
      const rewards: Rewards = (problem, response) => (problem % 3 === 0 ? 0 : Number(response < problem % 4))
      const options = { dynamicSampling: { enabled: dynamic, maxRounds: 3 }, curriculum: { ...curriculum, enabled: chosen, capacity } }
      const [whole, before, after] = [new Fake(rewards, undefined, trainSize), new Fake(rewards, undefined, trainSize), new Fake(rewards, undefined, trainSize)]
      const uninterrupted = stageOf(whole, options)
      const first = stageOf(before, options)
      for (let step = 1; step <= 3; step++) {
        await uninterrupted.collect(step)
        await first.collect(step)
      }
      const second = stageOf(after, options)
      second.restore(decodeState(encodeState(first.state())))
      for (let step = 4; step <= 6; step++) expect((await second.collect(step)).metrics).toEqual((await uninterrupted.collect(step)).metrics)
      expect([...before.sampled, ...after.sampled]).toEqual(whole.sampled)
      expect(second.state()).toEqual(uninterrupted.state())
    }),
    { numRuns: 25 },
  )
})
