import { describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { verifierInput } from "../rollout/verify.ts"
import { guessVerifier } from "./guess-verifier.ts"
import { fromRows } from "./rows-task.ts"
import type { Problem, Task } from "./task.ts"

const sums = Array.from({ length: 40 }, (_, i) => ({ question: `What is ${i} + 1?`, sum: i + 1 }))

function epoch(task: Task): Problem[] {
  return Array.from({ length: task.trainSize! }, (_, position) => task.trainProblem(7, position))
}

describe("rows in memory", () => {
  test("are split into training and held-out questions, the same at each call, whatever the order of the rows", () => {
    const options = { prompt: "question", answer: "sum", heldOut: 8 } as const
    const task = fromRows(sums, options)
    const held = task.heldOut.map(({ prompt }) => prompt)
    expect([task.trainSize, held.length]).toEqual([32, 8])
    expect(new Set([...held, ...epoch(task).map(({ prompt }) => prompt)]).size).toBe(40)
    expect(fromRows([...sums].reverse(), options).heldOut.map(({ prompt }) => prompt)).toEqual(held)
    expect(fromRows(sums, { ...options, heldOut: 0.25 }).heldOut).toHaveLength(10)
    expect(fromRows(sums, { ...options, heldOut: undefined as never }).heldOut).toHaveLength(4)
  })

  test("never train on a question that is held out, though it stands in two rows", () => {
    const task = fromRows([...sums, ...sums], { prompt: "question", answer: "sum", heldOut: 8 })
    const held = new Set(task.heldOut.map(({ id }) => id))
    expect(epoch(task).filter(({ id }) => held.has(id))).toEqual([])
    const same = { prompt: "question", answer: "sum", heldOut: sums.slice(0, 2) } as const
    expect(() => fromRows(sums, same)).toThrow("expected no question that is also in rows, got 2")
  })

  test("are judged by a verifier that fits their answers, or by the one that is named", async () => {
    const task = fromRows(sums, { prompt: "question", answer: "sum" })
    const judge = (one: Task, completion: string): unknown =>
      one.verifierFor(sums0(one)).verify(verifierInput(sums0(one), completion))
    const sums0 = (one: Task): Problem => one.heldOut[0]!
    expect(await judge(task, `It is ${sums0(task).gold}.`)).toMatchObject({ reward: 1 })
    const exact = fromRows(sums, { prompt: "question", answer: "sum", verifier: "exact" })
    expect(await judge(exact, `It is ${sums0(exact).gold}.`)).toMatchObject({ reward: 0 })
  })

  test("are judged by a function that is told prompt, messages, ground truth and row", async () => {
    const seen: unknown[] = []
    const task = fromRows(sums, {
      prompt: ({ question }) => [
        { role: "system", content: "Be brief." },
        { role: "user", content: question },
      ],
      answer: "sum",
      heldOut: sums.slice(0, 1).map((row) => ({ ...row, question: "What is 90 + 9?", sum: 99 })),
      reward: ({ prompt, messages, gold, row, completion }) => {
        seen.push([prompt, messages.length, gold, row.sum, completion])
        return 0.25
      },
    })
    const [problem] = task.heldOut
    expect(await task.verifierFor(problem!).verify(verifierInput(problem!, "99"))).toMatchObject({ reward: 0.25 })
    expect(seen).toEqual([["What is 90 + 9?", 2, "99", 99, "99"]])
  })

  test("tell the characters that a model from scratch needs, unless they are too many", () => {
    const task = fromRows(sums, { prompt: "question", answer: "sum", solution: ({ sum }) => `=${sum}` })
    expect([...(task.alphabet ?? "")].includes("=")).toBe(true)
    const characters = Array.from({ length: 300 }, (_, i) => ({ q: String.fromCodePoint(0x4e00 + i), a: "1" }))
    expect(fromRows(characters, { prompt: "q", answer: "a" }).alphabet).toBeUndefined()
  })

  const wrong: readonly [string, () => unknown, new (...of: never[]) => Error, RegExp][] = [
    ["none", () => fromRows([], { prompt: () => "a", answer: () => "b" }), DataError, /rows: expected rows, got none/],
    [
      "without the column",
      () => fromRows([{ a: 1 }], { prompt: "question" as never, answer: "a" }),
      DataError,
      /row 1: expected a value in column "question", got no such column/,
    ],
    [
      "with an empty prompt",
      () => fromRows([{ q: "  ", a: 1 }], { prompt: "q", answer: "a" }),
      DataError,
      /row 1: expected a prompt, got an empty one/,
    ],
    [
      "with neither answer nor reward",
      () => fromRows(sums, { prompt: "question" }),
      ConfigError,
      /expected answer .* or reward/,
    ],
    [
      "that would all be held out",
      () => fromRows(sums, { prompt: "question", answer: "sum", heldOut: 40 }),
      ConfigError,
      /expected more than 40 different questions, got 40/,
    ],
    [
      "with half a held-out row",
      () => fromRows(sums, { prompt: "question", answer: "sum", heldOut: 1.5 }),
      ConfigError,
      /got 1.5/,
    ],
    [
      "that are no objects",
      () => fromRows([null as never], { prompt: "q", answer: "a" }),
      DataError,
      /row 1: expected an object, got null/,
    ],
  ]
  test.each(wrong)("%s are refused in a sentence", (_, make, kind, message) => {
    expect(make).toThrow(kind)
    expect(make).toThrow(message)
  })
})

test.each([
  [["A", "(b)", "C."], "mcq"],
  [["12", "-3.5", "$1,200", "40 %"], "numeric"],
  [["\\frac{1}{2}", "x^2", "7", "blue"], "math"],
  [["Paris", "the blue whale"], "qa-exact"],
  [["word ".repeat(50)], undefined],
])("ground truths %j are judged by %s", (groundTruths, name) => {
  expect(guessVerifier(groundTruths)?.name).toBe(name)
})
