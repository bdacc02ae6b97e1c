import { expect, test } from "vitest"
import { ConfigError } from "../../errors.ts"
import type { Problem } from "../task.ts"
import { createTask } from "../registry.ts"

const LEFT_TO_RIGHT = /([+*-])(\d+)/g

/** The running values of a question, worked out without the task. */
function valuesOf(question: string): number[] {
  const values = [Number.parseInt(question, 10)]
  for (const [, sign, digits] of question.matchAll(LEFT_TO_RIGHT)) {
    const [value, operand] = [values.at(-1)!, Number(digits)]
    values.push(sign === "+" ? value + operand : sign === "-" ? value - operand : value * operand)
  }
  return values
}

function problemsOf(options: Record<string, unknown>, count: number): Problem[] {
  const task = createTask("steps", options)
  return Array.from({ length: count }, (_, position) => task.trainProblem(3, position))
}

test.each([
  { options: {}, fewest: 1, most: 3, largest: 9 },
  { options: { minSteps: 2, difficulty: 5, largest: 20, heldOutSize: 20 }, fewest: 2, most: 5, largest: 20 },
  { options: { difficulty: 4, operations: "all", heldOutSize: 20 }, fewest: 1, most: 4, largest: 9 },
])("problems of $options have $fewest to $most operations, are worked from left to right and never fall below 0", ({ options, fewest, most, largest }) => {
  const counts = new Set<number>()
  for (const { prompt, gold, solution = "" } of problemsOf(options, 400)) {
    const question = prompt.toString().slice(0, -1)
    const values = valuesOf(question)
    counts.add(values.length - 1)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...[...question.matchAll(/\d+/g)].map(Number))).toBeLessThanOrEqual(largest)
    const operations = [...question.matchAll(LEFT_TO_RIGHT)].map(([text]) => text)
    const work = operations.map((operation, i) => `${values[i]}${operation}=${values[i + 1]};`).join("")
    expect(solution).toBe(`${work}\\boxed{${values.at(-1)}}`)
    expect(gold).toBe(String(values.at(-1)))
  }
  expect([...counts].sort((a, b) => a - b)).toEqual(Array.from({ length: most - fewest + 1 }, (_, i) => fewest + i))
})

test("a response without a box is no answer, also when its last number is right", async () => {
  const task = createTask("steps")
  const problem = problemsOf({}, 1)[0]!
  const unboxed = problem.solution!.slice(0, problem.solution!.indexOf("\\boxed") - 1)
  const verdict = await task.verifierFor(problem).verify({ gold: problem.gold, completion: unboxed })
  expect(unboxed.endsWith(`=${problem.gold}`)).toBe(true)
  expect([verdict.status, verdict.reward]).toEqual(["no-answer", 0])
  const bare = await task.verifierFor(problem).verify({ gold: problem.gold, completion: problem.gold })
  expect(bare.reward).toBe(0)
})

test("the right box is right whatever the work before it, the wrong one wrong", async () => {
  const task = createTask("steps")
  const problem = { id: "x", prompt: "1+1=", gold: "2" }
  const reward = async (completion: string): Promise<number> => (await task.verifierFor(problem).verify({ gold: "2", completion })).reward
  expect(await reward("1+1=3;\\boxed{2}")).toBe(1)
  expect(await reward("\\boxed{2}")).toBe(1)
  expect(await reward("1+1=2;\\boxed{3}")).toBe(0)
})

test("more steps at least than at most are refused with both numbers", () => {
  expect(() => createTask("steps", { minSteps: 4 })).toThrow(ConfigError)
  expect(() => createTask("steps", { minSteps: 4 })).toThrow(/at most difficulty, 3, got 4/)
})
