import { describe, expect, test } from "vitest"
import { createTask } from "../registry.ts"

describe("mental arithmetic", () => {
  test("asks every sum and every difference once, and no difference below 0", () => {
    const task = createTask("mental-arithmetic", { largest: 5, heldOutSize: 3 })
    const problems = [...task.heldOut, ...Array.from({ length: task.trainSize! }, (_, i) => task.trainProblem(0, i))]
    // 4 numbers: 16 sums, 10 differences.
    expect(problems).toHaveLength(26)
    expect(new Set(problems.map(({ id }) => id)).size).toBe(26)
    expect(problems.every(({ gold }) => Number(gold) >= 0)).toBe(true)
    const byId = new Map(problems.map((problem) => [problem.id, problem]))
    expect(byId.get("mental-arithmetic/5-3")).toMatchObject({ prompt: "What is 5 minus 3?", gold: "2" })
    expect(byId.get("mental-arithmetic/5-5")?.gold).toBe("0")
    expect(byId.get("mental-arithmetic/2+5")).toMatchObject({ prompt: "What is 2 plus 5?", gold: "7" })
  })

  test("of several terms stays at 0 or more on the way, and is judged by the last whole number", async () => {
    const task = createTask("mental-arithmetic", { terms: 4, largest: 20 })
    for (let i = 0; i < 200; i++) {
      const { prompt, gold } = task.trainProblem(1, i)
      const words = (prompt as string).replace("What is ", "").replace("?", "").split(" ")
      let value = Number(words[0])
      for (let k = 1; k < words.length; k += 2) {
        value += words[k] === "plus" ? Number(words[k + 1]) : -Number(words[k + 1])
        expect(value).toBeGreaterThanOrEqual(0)
      }
      expect(String(value)).toBe(gold)
    }
    const problem = task.heldOut[0]!
    const verdict = await task.verifierFor(problem).verify({ gold: "36", completion: "39 minus 3 is 36." })
    expect(verdict.status).toBe("correct")
  })
})
