import { describe, expect, test } from "vitest"
import type { EvaluationPoint } from "../analysis/index.ts"
import { compareSaved, savedWarning } from "./saved-model.ts"

function evaluation(correct: string): EvaluationPoint {
  const right = [...correct].filter((mark) => mark === "1").length
  return { step: 7, size: correct.length, greedyAccuracy: right / correct.length, greedyCorrect: correct }
}
/** 100 problems, the first `right` of them answered. */
const first = (right: number): string => "1".repeat(right) + "0".repeat(100 - right)

describe("a saved model beside the trained policy", () => {
  test("its change is paired over problems: ten lost and none gained of a hundred is beyond chance", () => {
    const saved = compareSaved({ dtype: "bf16", asTrained: false, trained: evaluation(first(60)), saved: evaluation(first(50)) })
    expect(saved).toMatchObject({ dtype: "bf16", size: 100, greedy: { accuracy: 0.5, trained: 0.6 }, expected: null })
    // SE = sqrt(10 + 1 - 100/102) / 102 = .0310.
    expect(saved.greedy!.change!.value).toBeCloseTo(-0.1, 12)
    expect(saved.greedy!.change!.high).toBeCloseTo(-0.1 + 1.96 * 0.031, 3)
    expect(savedWarning(saved)).toBe(
      "The model saved as bf16 differs from the trained policy beyond the 95 % interval: 50.0 % greedy of 100 " +
        "held-out problems, against 60.0 % in training. Save or export it as f32.",
    )
  })

  test("two lost are within chance, and so are as many gained as lost", () => {
    for (const after of [first(58), `0000011111${"1".repeat(50)}11111${"0".repeat(35)}`]) {
      expect(savedWarning(compareSaved({ dtype: "f16", asTrained: false, trained: evaluation(first(60)), saved: evaluation(after) }))).toBeUndefined()
    }
  })

  test("measured on fewer problems it is compared on these", () => {
    const saved = compareSaved({ dtype: "f16", asTrained: false, trained: evaluation(first(60)), saved: evaluation("1".repeat(49) + "0") })
    expect(saved).toMatchObject({ size: 50, greedy: { accuracy: 0.98, trained: 1 } })
  })

  test("of the same weights its accuracy is the trained one, and of an unmeasured one nothing is said", () => {
    expect(compareSaved({ dtype: "f32", asTrained: true, trained: evaluation(first(60)), saved: undefined })).toMatchObject({ asTrained: true, greedy: { accuracy: 0.6, trained: 0.6, change: { value: 0 } } })
    const unknown = compareSaved({ dtype: "q8_0", asTrained: false, trained: evaluation(first(60)), saved: undefined })
    expect([unknown.greedy, savedWarning(unknown)]).toEqual([null, undefined])
    const untrained = compareSaved({ dtype: "q8_0", asTrained: false, trained: undefined, saved: evaluation(first(60)) })
    expect([untrained.greedy?.trained, savedWarning(untrained)]).toEqual([null, undefined])
  })
})
