import { describe, expect, test } from "vitest"
import { createObjective } from "../../objectives/index.ts"
import type { TrainSequence } from "../engine.ts"
import { distinctTokens, distinctTraining } from "./distinct-sequences.ts"
import { createEngine } from "./nano-engine.test-helper.ts"

function sequence(responseTokens: readonly number[], changes: Partial<TrainSequence> = {}): TrainSequence {
  const all = (value: number): Float32Array => new Float32Array(responseTokens.length).fill(value)
  return {
    promptTokens: [2, 3, 4],
    responseTokens,
    behaviourLogprobs: all(-2),
    advantages: all(1),
    mask: all(1),
    weights: all(0.125),
    ...changes,
  }
}

describe("equal sequences", () => {
  test("become one, whose weights are the sum and which knows how many it stands for", () => {
    const [a, b] = [sequence([5, 6]), sequence([7])]
    const { sequences, places } = distinctTraining([a, b, a, a])
    expect(places).toEqual([0, 1, 0, 0])
    expect(sequences.map(({ count }) => count)).toEqual([3, 1])
    expect(sequences.map(({ weights }) => [...weights])).toEqual([[0.375, 0.375], [0.125]])
    expect([...a.weights]).toEqual([0.125, 0.125])
  })

  test("stay apart in training when an objective could tell them apart", () => {
    const plain = sequence([5, 6])
    const others = [
      sequence([5, 6], { promptTokens: [2, 3] }),
      sequence([5, 6], { behaviourLogprobs: Float32Array.of(-2, -2.5) }),
      sequence([5, 6], { advantages: Float32Array.of(1, -1) }),
      sequence([5, 6], { mask: Float32Array.of(1, 0) }),
      sequence([5, 6], { referenceLogprobs: Float32Array.of(-1, -1) }),
      sequence([5, 6], { tokenInputs: { share: Float32Array.of(0, 1) } }),
    ]
    expect(distinctTraining([plain, ...others]).places).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(distinctTokens([plain, ...others]).places).toEqual([0, 1, 0, 0, 0, 0, 0])
  })

  test("that say NaN are not merged: each must be seen", () => {
    const broken = sequence([5], { behaviourLogprobs: Float32Array.of(Number.NaN) })
    expect(distinctTraining([broken, broken]).places).toEqual([0, 1])
  })
})

describe("an engine that is given equal sequences", () => {
  // With a ratio away from 1, so that clipping and its statistics differ by sequence.
  const objective = createObjective("grpo")
  const often = sequence([5, 6, 7], {
    advantages: new Float32Array(3).fill(-0.5),
    behaviourLogprobs: new Float32Array(3).fill(-1.2),
  })
  const once = sequence([8, 9], { advantages: new Float32Array(2).fill(2) })
  const batch = [often, once, often, often]

  test("has the gradient, the loss and the statistics of each of them on its own", async () => {
    const engine = await createEngine()
    const alone = []
    for (const one of batch) alone.push(await engine.forwardBackward([one], objective))
    const expected = await engine.gradients()
    await engine.clearGradients()
    const together = await engine.forwardBackward(batch, objective)
    const gradients = await engine.gradients()

    expect(together.loss).toBeCloseTo(
      alone.reduce((total, { loss }) => total + loss, 0),
      5,
    )
    for (const [name, values] of expected) {
      const found = gradients.get(name)!
      const size = Math.max(...values.map(Math.abs))
      values.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(1e-5 * Math.max(size, 1e-3)))
    }
    const counted = [3, 2, 3, 3]
    for (const name of Object.keys(together.statistics)) {
      const total = alone.reduce((sum, { statistics }, i) => sum + statistics[name]! * counted[i]!, 0)
      expect(together.statistics[name]).toBeCloseTo(total / 11, 5)
    }
    expect(Object.values(together.statistics).some((value) => value > 0)).toBe(true)
    alone.forEach(({ logprobs: [row] }, i) =>
      row!.forEach((value, t) => expect(together.logprobs[i]![t]).toBeCloseTo(value, 5)),
    )
  })

  test("runs each once: rows of the network, scoring included", async () => {
    const engine = await createEngine()
    const { tokens } = await engine.forwardBackward(batch, objective)
    // The prompt without its last token, and one row per response token of the two that differ.
    expect(tokens).toBe(2 + 3 + 2)
    const scores = await engine.score(batch)
    expect(scores.logprobs.map((row) => row.length)).toEqual([3, 2, 3, 3])
    expect(scores.logprobs[2]).toEqual(scores.logprobs[0])
  })
})
