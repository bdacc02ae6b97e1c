import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { createTask, describeTasks, taskNames } from "./registry.ts"
import type { ProceduralTask } from "./procedural-task.ts"
import type { Problem } from "./task.ts"
import type { TaskOptions } from "./task-options.ts"

/** Every task, with options at both ends of what they allow. */
const CASES: readonly (readonly [string, TaskOptions])[] = [
  ...taskNames.map((name) => [name, {}] as const),
  ["addition", { difficulty: 1 }],
  ["addition", { difficulty: 4, scratchpad: true }],
  ["addition", { difficulty: 30, heldOutSize: 50, scratchpad: true }],
  ["subtraction", { difficulty: 2, scratchpad: true }],
  ["subtraction", { difficulty: 12, heldOutSize: 50, scratchpad: true }],
  ["multiplication", { difficulty: 1, scratchpad: true }],
  ["multiplication", { difficulty: 3, scratchpad: true }],
  ["multiplication", { difficulty: 12, heldOutSize: 50, scratchpad: true }],
  ["modular", { difficulty: 1, operation: "mixed" }],
  ["modular", { modulus: 12, operation: "subtract", heldOutSize: 100 }],
  ["modular", { difficulty: 4, operation: "multiply" }],
  ["countdown", { difficulty: 2, maximumNumber: 30 }],
  ["countdown", { difficulty: 4, useAll: true }],
  ["countdown", { difficulty: 6, maximumNumber: 99, heldOutSize: 50 }],
  ["sort", { difficulty: 2, maximum: 9, heldOutSize: 20 }],
  ["sort", { difficulty: 20, heldOutSize: 50 }],
  ["parentheses", { difficulty: 3, heldOutSize: 2 }],
  ["parentheses", { difficulty: 24, heldOutSize: 50 }],
  ["steps", { difficulty: 12, heldOutSize: 50 }],
  ["steps", { difficulty: 4, minSteps: 4, largest: 99, operations: "all", heldOutSize: 50 }],
  ["chain", { difficulty: 1 }],
  ["chain", { difficulty: 20, heldOutSize: 50 }],
]

function titleOf([name, options]: readonly [string, TaskOptions]): string {
  return `${name} ${JSON.stringify(options)}`
}

async function statusOf(task: ProceduralTask, problem: Problem, completion: string): Promise<string> {
  return (await task.verifierFor(problem).verify({ gold: problem.gold, completion })).status
}

/** The solution with its final number changed: another digit last, one more digit, none. */
function wrongAnswers(problem: Problem): string[] {
  const solution = problem.solution ?? ""
  const last = Math.max(...[..."0123456789"].map((digit) => solution.lastIndexOf(digit)))
  const other = (Number(solution[last]) + 1) % 10
  return [
    solution.slice(0, last) + other + solution.slice(last + 1),
    `${solution.slice(0, last + 1)}1${solution.slice(last + 1)}`,
    "",
    "x",
  ]
}

describe.each(CASES.map((example) => [titleOf(example), example] as const))("%s", (_, [name, options]) => {
  const task = createTask(name, options)
  const problems = [
    ...task.heldOut.slice(0, 30),
    ...Array.from({ length: 50 }, (_, position) => task.trainProblem(17, position)),
  ]

  test("held-out problems never come up in training", () => {
    expect(task.heldOut.length).toBeGreaterThan(0)
    const heldOut = new Set(task.heldOut.map((problem) => problem.id))
    expect(heldOut.size).toBe(task.heldOut.length)
    fc.assert(
      fc.property(fc.integer(), fc.oneof(fc.nat(5000), fc.maxSafeInteger().map(Math.abs)), (seed, position) => {
        return !heldOut.has(task.trainProblem(seed, position).id)
      }),
      { numRuns: 200 },
    )
  })

  test("a problem is a pure function of seed and position, in any order and from a fresh task", () => {
    const again = createTask(name, options)
    for (const position of [49, 3, 0, 20]) {
      expect(again.trainProblem(17, position)).toEqual(problems[task.heldOut.slice(0, 30).length + position])
    }
    expect(again.heldOut).toEqual(task.heldOut)
  })

  test("every solution is judged correct by the task's own checker", async () => {
    for (const problem of problems) {
      expect(await statusOf(task, problem, problem.solution ?? ""), problem.prompt.toString()).toBe("correct")
    }
  })

  test("a solution with a changed final answer is not judged correct", async () => {
    for (const problem of problems) {
      for (const wrong of wrongAnswers(problem)) {
        expect(await statusOf(task, problem, wrong), `${problem.prompt.toString()} ${wrong}`).not.toBe("correct")
      }
    }
  })

  test("prompts and solutions stay inside the alphabet and the lengths the task states", () => {
    expect(new Set(task.alphabet).size).toBe(task.alphabet.length)
    for (const { prompt, solution = "" } of problems) {
      expect([...`${prompt.toString()}${solution}`].filter((character) => !task.alphabet.includes(character))).toEqual([])
      expect(prompt.length).toBeLessThanOrEqual(task.maxPromptCharacters)
      expect(solution.length).toBeLessThanOrEqual(task.maxResponseCharacters)
    }
  })

  test("a problem marked unique has its solution as the only right response", async () => {
    for (const problem of problems.filter(({ unique }) => unique)) {
      for (const variant of [`0${problem.gold}`, ` ${problem.gold}`, `${problem.gold} `, `+${problem.gold}`]) {
        expect(await statusOf(task, problem, variant)).toBe("incorrect")
      }
    }
  })
})

test.each([
  ["modular", { difficulty: 1, operation: "mixed" }, 147],
  ["multiplication", { difficulty: 1 }, 100],
  ["parentheses", { difficulty: 5, heldOutSize: 7 }, 42],
  ["sort", { difficulty: 2, maximum: 9 }, 100],
  ["add2", {}, 10_000],
] as const)("%s %j visits every training problem once per epoch, each epoch in another order", (name, options, size) => {
  const task = createTask(name, options)
  const trainSize = task.trainSize ?? 0
  expect(trainSize + task.heldOut.length).toBe(size)
  const epoch = (n: number): string[] =>
    Array.from({ length: trainSize }, (_, i) => task.trainProblem(5, n * trainSize + i).id)
  const [first, second] = [epoch(0), epoch(1)]
  expect(new Set(first).size).toBe(trainSize)
  expect(second.toSorted()).toEqual(first.toSorted())
  expect(second).not.toEqual(first)
})

test("another training seed gives another order, and the same held-out problems", () => {
  const task = createTask("add2", {})
  const ids = (seed: number): string[] => Array.from({ length: 20 }, (_, i) => task.trainProblem(seed, i).id)
  expect(ids(1)).not.toEqual(ids(2))
  expect(createTask("add2", { seed: 1 }).heldOut).not.toEqual(task.heldOut)
})

test("add2 holds 500 of the 10,000 sums out and has the fixed format", () => {
  const task = createTask("add2")
  expect(task.heldOut.length).toBe(500)
  expect(task.trainSize).toBe(9500)
  expect(task.alphabet).toBe("0123456789=")
  for (const { prompt, gold } of task.heldOut) {
    const [, a, b] = /^(\d\d)(\d\d)=$/.exec(prompt.toString()) ?? []
    expect(gold).toMatch(/^\d{3}$/)
    expect(Number(gold)).toBe(Number(a) + Number(b))
  }
  expect(createTask("add2", { heldOutSize: 400 }).trainSize).toBe(9600)
})

test("scratchpads write carries, borrows and partial products", () => {
  const solutions = new Map<string, string>()
  for (const name of ["addition", "subtraction", "multiplication"]) {
    const task = createTask(name, { difficulty: 2, scratchpad: true, heldOutSize: 0 })
    for (let i = 0; i < 10_000; i++) {
      const { prompt, solution = "" } = task.trainProblem(0, i)
      solutions.set(prompt.toString(), solution)
    }
  }
  expect(solutions.get("95+7=")).toBe("5+7+0=12,9+0+1=10#102")
  expect(solutions.get("52-7=")).toBe("2-7-0=15,5-0-1=04#45")
  expect(solutions.get("7-52=")).toBe("-,2-7-0=15,5-0-1=04#-45")
  expect(solutions.get("12*34=")).toBe("12*4=48,12*30=360,48+360=408#408")
  expect(solutions.get("0+0=")).toBe("0+0+0=00#0")
})

test("the two largest operands fit the stated lengths", () => {
  for (const name of ["addition", "subtraction", "multiplication"]) {
    const task = createTask(name, { difficulty: 1, scratchpad: true, heldOutSize: 0 })
    const longest = Math.max(...Array.from({ length: 100 }, (_, i) => task.trainProblem(0, i).solution?.length ?? 0))
    expect(longest).toBeLessThanOrEqual(task.maxResponseCharacters)
  }
})

test("the depth of parentheses is the depth a counter finds", () => {
  const task = createTask("parentheses", { difficulty: 6, heldOutSize: 10 })
  for (let i = 0; i < 122; i++) {
    const { prompt, gold } = task.trainProblem(0, i)
    let [height, deepest] = [0, 0]
    for (const character of prompt.toString()) {
      height += character === "(" ? 1 : character === ")" ? -1 : 0
      deepest = Math.max(deepest, height)
      expect(height).toBeGreaterThanOrEqual(0)
    }
    expect(height).toBe(0)
    expect(gold).toBe(String(deepest))
  }
})

describe("wrong options", () => {
  const issuesOf = (name: string, options: TaskOptions): ConfigError["issues"] => {
    try {
      createTask(name, options)
    } catch (error) {
      if (error instanceof ConfigError) return error.issues
      throw error
    }
    return []
  }

  test("an unknown task lists the tasks there are and the nearest", () => {
    const [issue] = issuesOf("count-down", {})
    expect(issue.path).toBe("task.name")
    expect(issue.message).toMatch(/add2, addition.*chain, dataset, got "count-down"\. Did you mean countdown\?/)
  })

  test("all of them are reported at once, each at its path", () => {
    const issues = issuesOf("addition", { dificulty: 2, difficulty: 99, heldOutSize: -1, seed: 1.5, scratchpad: "yes" })
    expect(issues.map(({ path }) => path).toSorted()).toEqual([
      "task.difficulty",
      "task.dificulty",
      "task.heldOutSize",
      "task.scratchpad",
      "task.seed",
    ])
    const messages = issues.map(({ message }) => message).join("\n")
    expect(messages).toMatch(/expected at most 30, got 99/)
    expect(messages).toMatch(/expected at least 0, got -1/)
    expect(messages).toMatch(/expected a whole number, got 1\.5/)
    expect(messages).toMatch(/expected a boolean, got "yes"/)
    expect(messages).toMatch(/got dificulty\. Did you mean difficulty\?/)
  })

  test("an option of another task is unknown", () => {
    expect(issuesOf("add2", { difficulty: 3 })).toMatchObject([{ path: "task.difficulty" }])
    expect(issuesOf("modular", { operation: "divide" })[0].message).toMatch(/one of "add", .*got "divide"/)
  })

  test.each([
    ["multiplication", { difficulty: 1, heldOutSize: 100 }, /than the 100 to hold out, got 100/],
    ["add2", { heldOutSize: 10_000 }, /got 10000/],
    ["countdown", { difficulty: 2, maximumNumber: 3, heldOutSize: 50 }, /different held-out problems/],
    ["chain", { difficulty: 1, heldOutSize: 2000 }, /different held-out problems/],
  ])("%s %j asks for more held-out problems than there are", (name, options, message) => {
    expect(issuesOf(name, options)).toMatchObject([{ path: "task.heldOutSize", message: expect.stringMatching(message) }])
  })

  test("no held-out problems may be asked for", () => {
    expect(createTask("countdown", { heldOutSize: 0 }).heldOut).toEqual([])
    expect(createTask("add2", { heldOutSize: 0 }).trainSize).toBe(10_000)
  })
})

test("descriptions name every option of a task with its default", () => {
  const described = describeTasks()
  expect(described.map(({ name }) => name)).toEqual(taskNames)
  const addition = described.find(({ name }) => name === "addition")
  expect(addition?.options).toContainEqual({
    name: "difficulty",
    description: "most digits of each operand, 1 to 30",
    default: 3,
  })
  for (const { description, options } of described) {
    expect(description).not.toContain("\n")
    expect(options.every((option) => option.description !== "")).toBe(true)
  }
})
