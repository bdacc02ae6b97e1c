import { array, assert, constantFrom, integer, property } from "fast-check"
import { describe, expect, test } from "vitest"
import { randomStream } from "../random.ts"
import { outcomeOf, widthFor, type RunOutcome } from "./outcome.ts"

const stepsOf = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i + 1)

function judge(rewards: readonly number[], error: number, window = 8): RunOutcome {
  return outcomeOf(stepsOf(rewards.length), Float64Array.from(rewards), new Float64Array(rewards.length).fill(error), window)!
}

function noise(seed: number, n: number, deviation: number): number[] {
  const random = randomStream(seed, n)
  return Array.from({ length: n }, () => deviation * Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform()))
}

/** A curve through the given heights, with noise. */
function curve(heights: readonly number[], perPiece: number, seed = 1, deviation = 0.02): number[] {
  const smooth = heights.slice(1).flatMap((height, k) => Array.from({ length: perPiece }, (_, i) => heights[k]! + ((height - heights[k]!) * i) / perPiece))
  return noise(seed, smooth.length, deviation).map((x, i) => x + smooth[i]!)
}

describe("what became of a run", () => {
  test("twelve rows by hand: start, best and end are means of three, the drop is in combined standard errors", () => {
    const rewards = [0, 0, 0, 0.5, 1, 1, 1, 0.5, 0, 0, 0, 0]
    const { kind, width, start, best, final, firstDrop, stopAt, lost } = judge(rewards, 0.03)
    expect(width).toBe(3)
    expect(start).toMatchObject({ value: 0, fromStep: 1, toStep: 3 })
    expect(start.standardError).toBeCloseTo(0.03 / Math.sqrt(3), 12)
    expect(best).toMatchObject({ value: 1, fromStep: 5, toStep: 7 })
    expect(final.value).toBeCloseTo(0, 12)
    expect(kind).toBe("fell-back")
    expect(stopAt).toBe(7)
    expect(lost!.value).toBeCloseTo(1, 12)
    expect(lost!.high - lost!.value).toBeCloseTo(1.96 * 0.03 * Math.sqrt(2 / 3), 4)
    // Steps 7 to 9 have 0.5; the best mean that shares no row with them is that of steps 4 to 6.
    expect(firstDrop!.step).toBe(9)
    expect(firstDrop!.below).toBeCloseTo(2.5 / 3 - 0.5, 12)
    expect(firstDrop!.errors).toBeCloseTo((2.5 / 3 - 0.5) / (0.03 * Math.sqrt(2 / 3)), 9)
  })

  test.each([
    ["improving", [0.2, 0.8]],
    ["plateau", [0.2, 0.8, 0.8, 0.8]],
    ["drifted", [0.2, 0.8, 0.8, 0.65]],
    ["fell-back", [0.2, 0.8, 0.8, 0.1]],
    ["declined", [0.6, 0.6, 0.1]],
    ["flat", [0.4, 0.4]],
  ] as const)("%s is told from the reward alone", (kind, heights) => {
    for (const seed of [1, 2, 3]) expect(judge(curve(heights, 60, seed), 0.02).kind).toBe(kind)
  })

  test("a drop that the run comes back from is told as one, and is no reason to stop", () => {
    const { kind, firstDrop, recovered, stopAt } = judge(curve([0.2, 0.7, 0.7, 0.3, 0.75, 0.8], 60), 0.02)
    expect({ recovered, stopAt }).toEqual({ recovered: true, stopAt: null })
    expect(kind).toBe("improving")
    expect(firstDrop!.step).toBeGreaterThan(120)
    expect(firstDrop!.step).toBeLessThan(180)
  })

  test("noise around a constant seldom sets the alarm off, whatever the length", () => {
    for (const [n, trials] of [
      [40, 300],
      [200, 300],
      [1000, 100],
    ] as const) {
      let [alarms, stops] = [0, 0]
      for (let trial = 0; trial < trials; trial++) {
        const { firstDrop, stopAt } = judge(noise(trial, n, 0.05), 0.05)
        if (stopAt !== null) stops++
        else if (firstDrop !== null) alarms++
      }
      expect(alarms / trials).toBeLessThan(0.09)
      expect(stops / trials).toBeLessThan(0.09)
    }
  })

  test("nothing changes with the units of the reward but the numbers in them", () => {
    const rewards = curve([0.2, 0.8, 0.8, 0.1], 30).map((x) => Math.round(x * 1024) / 1024)
    const plain = judge(rewards, 1 / 64)
    const scaled = judge(rewards.map((x) => 8 * x - 16), 8 / 64)
    expect({ kind: scaled.kind, stopAt: scaled.stopAt, best: scaled.best.toStep, drop: scaled.firstDrop!.step, until: scaled.improvedUntil }).toEqual({
      kind: plain.kind,
      stopAt: plain.stopAt,
      best: plain.best.toStep,
      drop: plain.firstDrop!.step,
      until: plain.improvedUntil,
    })
    expect(scaled.lost!.value).toBeCloseTo(8 * plain.lost!.value, 9)
  })

  test("constant rewards are no signal, whatever their noise", () => {
    for (const value of [0, 1, 0.1])
      expect(
        judge(
          Array.from({ length: 50 }, () => value),
          0,
        ),
      ).toMatchObject({ kind: "no-signal", firstDrop: null, stopAt: null, lost: null })
  })

  test("logs of any length give finite numbers; fewer than eight rows are too short", () => {
    assert(
      property(array(integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 }), constantFrom(0, 0.1, 3), integer({ min: 1, max: 20 }), (rewards, error, window) => {
        const outcome = judge(rewards, error, window)
        const numbers = (value: unknown): number[] => (typeof value === "number" ? [value] : typeof value === "object" && value !== null ? Object.values(value).flatMap(numbers) : [])
        expect(numbers(outcome).every((x) => Number.isFinite(x))).toBe(true)
        const isConstant = rewards.length > 1 && new Set(rewards).size === 1
        expect(outcome.kind).toSatisfy((kind) => (kind === "no-signal") === isConstant)
        expect(outcome.kind === "too-short").toBe(rewards.length < 8 && !isConstant)
      }),
    )
    expect(outcomeOf(stepsOf(0), new Float64Array(0), new Float64Array(0), 8)).toBeNull()
  })

  test("means are of the window's rows, of more in long logs, of fewer in short ones", () => {
    expect([1, 3, 8, 20, 200, 400, 1000, 100_000].map((rows) => widthFor(rows, 8))).toEqual([1, 1, 2, 5, 8, 8, 20, 2000])
  })
})
