/** What data sets of the field had in them, and how it is answered. */
import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { brokenLatex } from "./broken-latex.ts"
import { createDatasetTask } from "./dataset.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { rejection, testFiles } from "./dataset.test-helper.ts"
import { createMixtureTask } from "./mixture.ts"
import type { Problem, Task } from "./task.ts"

const files = testFiles()

async function taskOf(text: string, options: Partial<DatasetOptions> = {}): Promise<Task> {
  return createDatasetTask({ path: files.write("rows.jsonl", text), heldOutSize: 0, verifier: "math", ...options })
}

async function firstOf(row: unknown, options: Partial<DatasetOptions> = {}): Promise<Problem> {
  return (await taskOf(JSON.stringify(row), options)).trainProblem(0, 0)
}

async function refusalOf(...rows: readonly unknown[]): Promise<string> {
  const error = await rejection(taskOf(rows.map((row) => `${JSON.stringify(row)}\n`).join("")))
  expect(error).toBeInstanceOf(DataError)
  return error.message
}

test("an integer beyond 2^53 is the ground truth digit for digit", async () => {
  const task = await taskOf('{"question": "Q", "answer": 9007199254740993}')
  const problem = task.trainProblem(0, 0)
  expect(problem.gold).toBe("9007199254740993")
  const statusOf = async (completion: string): Promise<string> =>
    (await task.verifierFor(problem).verify({ gold: problem.gold, completion })).status
  expect(await statusOf("\\boxed{9007199254740993}")).toBe("correct")
  expect(await statusOf("\\boxed{9007199254740992}")).toBe("incorrect")
})

describe("columns", () => {
  test.each([
    [{ Question: "Q", Answer: "7" }],
    [{ PROBLEM: "Q", Final_Answer: 7 }],
    [{ Prompt: "Q", Reward_Model: { Ground_Truth: "7" } }],
  ])("of %j are found whatever the case of their letters", async (row) => {
    expect(await firstOf(row)).toMatchObject({ prompt: "Q", gold: "7" })
  })

  test("that the config names may be written in another case, and exactly so wins", async () => {
    const columns = { prompt: "text", answer: "Label" }
    expect(await firstOf({ Text: "Q", label: 3, LABEL: 4 }, { columns })).toMatchObject({ prompt: "Q", gold: "3" })
    expect(await firstOf({ Text: "no", text: "Q", Label: 5, label: 3 }, { columns })).toMatchObject({
      prompt: "Q",
      gold: "5",
    })
  })
})

describe("conversations", () => {
  const asked = [
    { role: "system", content: "S" },
    { role: "user", content: "Q" },
  ]

  test.each([
    ["role and content", { messages: [...asked, { role: "assistant", content: "so 7" }] }],
    ["JSON text", { prompt: JSON.stringify([...asked, { role: "assistant", content: "so 7" }]) }],
    [
      "human and gpt",
      {
        conversations: [
          { from: "system", value: "S" },
          { from: "human", value: "Q" },
          { from: "gpt", value: "so 7" },
        ],
      },
    ],
    [
      "parts of text",
      {
        messages: [
          ...asked.slice(0, 1),
          { role: "user", content: [{ type: "text", text: "Q" }] },
          {
            role: "assistant",
            content: [
              { type: "text", text: "so " },
              { type: "text", text: "7" },
            ],
          },
        ],
      },
    ],
  ])("of %s give the assistant's last words to the solution and never to the prompt", async (_, row) => {
    expect(await firstOf({ ...row, answer: "7" })).toMatchObject({ prompt: asked, gold: "7", solution: "so 7" })
  })

  test("keep earlier turns of the assistant, and a column of solutions goes before", async () => {
    const turns = [
      { role: "user", content: "A" },
      { role: "assistant", content: "B" },
      { role: "user", content: "C" },
    ]
    expect(await firstOf({ prompt: turns, answer: "7", solution: "work" })).toMatchObject({
      prompt: turns,
      solution: "work",
    })
    const answered = [...turns, { role: "assistant", content: "D" }]
    expect(await firstOf({ prompt: answered, answer: "7", solution: "work" })).toMatchObject({
      prompt: turns,
      solution: "work",
    })
  })

  test.each([
    [[{ role: "assistant", content: "7" }], /in which nobody asks/],
    [
      [
        { role: "system", content: "S" },
        { role: "assistant", content: "7" },
      ],
      /in which nobody asks/,
    ],
    ["[{'role': 'user', 'content': 'Q'}]", /as Python prints them.*json\.dumps/],
    ['[{"role": "user", "content": "Q"', /messages as text that is not JSON/],
    [[{ role: "user", content: [{ type: "image", image: "x" }] }], /line 1: expected text or a list of messages/],
  ])("%j is refused", async (prompt, message) => {
    expect(await refusalOf({ prompt, answer: "7" })).toMatch(message)
  })

  test("a question that only looks like a list is text", async () => {
    expect((await firstOf({ prompt: "[{x}] is a set of a set. How many?", answer: "7" })).prompt).toMatch(/^\[\{x/)
  })
})

describe("a ground truth in the prompt", () => {
  test("in a box is refused, with the rows and the first", async () => {
    const rows = [
      { question: "What is 3 + 3?", answer: "6" },
      { question: "What is 3 + 4? So $\\boxed{ \\frac{14}{2} }$.", answer: "\\frac{14}{2}" },
      { question: "What is 4 + 4? It is \\boxed{8}.", answer: 8 },
    ]
    expect(await refusalOf(...rows)).toMatch(
      /got 2 with the ground truth in a box \(first: line 2, \\boxed\{\\frac\{14\}\{2\}\}\)/,
    )
  })

  test("as the example that every prompt has is no leak", async () => {
    const rows = ["A", "B", "C"].map((answer, i) => ({ question: `Q${i}? Write it as \\boxed{A}.`, answer }))
    expect((await taskOf(rows.map((row) => JSON.stringify(row)).join("\n"), { verifier: "mcq" })).trainSize).toBe(3)
  })

  test("counts in the columns that a template shows, and not in the template itself", async () => {
    const row = { question: "Q", hint: "\\boxed{7}", answer: "7" }
    const options = { template: "{prompt} {hint}" }
    expect((await rejection(taskOf(JSON.stringify(row), options))).message).toMatch(/ground truth in a box/)
    expect((await firstOf(row, { template: "{prompt} as \\boxed{7}" })).prompt).toBe("Q as \\boxed{7}")
  })
})

describe("no value", () => {
  test("NaN in the answers is missing, as text, as JSON of Python, in parquet; a filter leaves it out", async () => {
    expect(await refusalOf({ question: "Q", answer: 1 }, { question: "R", answer: "nan" })).toMatch(
      /line 2: expected a value in column "answer", got nan/,
    )
    const text = '{"question": "Q", "answer": 1}\n{"question": "R", "answer": NaN}\n'
    expect((await rejection(taskOf(text))).message).toMatch(/line 2: .*got NaN/)
    expect((await taskOf(text, { filter: [{ column: "answer", notEmpty: true }] })).trainSize).toBe(1)
    const path = await files.parquet("nan.parquet", "select 'Q' question, 'nan'::double answer")
    const error = await rejection(createDatasetTask({ path, heldOutSize: 0, verifier: "math" }))
    expect(error.message).toMatch(/row 1: .*got NaN/)
  })
})

describe("LaTeX that lost its backslashes", () => {
  test.each([
    ["\frac{1}{2}", "\\frac"],
    ["is \boxed{7}", "\\boxed"],
    ["3 \times 4", "\\times"],
    ["\text{cm}", "\\text"],
    ["a \neq b", "\\neq"],
    ["\right)", "\\right"],
    ["\u0007lpha", "\\alpha"],
    ["\varphi", "\\varphi"],
    ["\beta", "\\beta"],
  ])("%j was %s", (text, command) => {
    expect(brokenLatex(text)).toContain(`which was ${command}`)
  })

  test.each([
    "a\nequal share",
    "row\textra",
    "page\fone",
    "x\r\ny",
    "tab\tan apple",
    "\\frac{1}{2} \\times",
    "line\nright",
  ])("%j is text", (text) => {
    expect(brokenLatex(text)).toBeUndefined()
  })

  test.each([
    [
      { question: "What is \frac{1}{2} of 4?", answer: "2" },
      /line 1: .*column "question", got a form feed and "rac", which was \\frac/,
    ],
    [{ question: "Q", answer: "\frac{1}{2}" }, /column "answer"/],
    [{ question: "Q", answer: "2", solution: "1 \times 2" }, /column "solution"/],
  ])("in %j is refused", async (row, message) => {
    expect(await refusalOf(row)).toMatch(message)
  })
})

describe("a list of ground truths", () => {
  test("means any of them", async () => {
    const task = await taskOf(JSON.stringify({ question: "Q", answer: ["7", "x + 1", 3] }))
    const problem = task.trainProblem(0, 0)
    const judge = async (completion: string): Promise<string> =>
      (await task.verifierFor(problem).verify({ gold: problem.gold, completion })).status
    expect(await Promise.all(["7", "1+x", "3", "4"].map((answer) => judge(`\\boxed{${answer}}`)))).toEqual([
      "correct",
      "correct",
      "correct",
      "incorrect",
    ])
  })

  test("of lists is refused with its question", async () => {
    expect(
      await refusalOf({
        question: "Which two?",
        answer: [
          ["1", "2"],
          ["3", "4"],
        ],
      }),
    ).toMatch(/line 1: .*got \[\["1","2"\],\["3","4"\]\] for the question "Which two"/i)
  })

  test("stays a list for verifiers that read one", async () => {
    const row = { question: "Q", answer: [[1, 2, 3], 6] }
    expect((await firstOf(row, { verifier: "countdown" })).gold).toBe("[[1,2,3],6]")
    expect(
      (
        await firstOf(
          {
            question: "Q",
            answer: [
              { name: "f", arguments: {} },
              { name: "g", arguments: {} },
            ],
          },
          { verifier: "tool-calls" },
        )
      ).gold,
    ).toMatch(/^\[\{/)
  })
})

describe("task.maxPromptTokens", () => {
  const rows = ["a", "abcdef", "ab", "abcdefgh"]
    .map((question, i) => JSON.stringify({ question, answer: i }))
    .join("\n")
  const tokensOf = ({ prompt }: Problem): number => prompt.length

  test("drops longer prompts and tells how many and the first", async () => {
    const task = (await taskOf(rows, { maxPromptTokens: 2 })).limitPrompts!(tokensOf)
    expect([task.trainSize, ...[0, 1].map((i) => task.trainProblem(0, i).gold).toSorted()]).toEqual([2, "0", "2"])
    expect(task.notes).toEqual([
      expect.stringMatching(/left out 2 of 4 prompts of more than 2 tokens \(first: line 2, 6 tokens; longest: 8\)$/),
    ])
  })

  test("refuses them where the config says so, and always when none is left", async () => {
    const strict = await taskOf(rows, { maxPromptTokens: 2, overlongPrompts: "error" })
    expect(() => strict.limitPrompts!(tokensOf)).toThrow(/got 2 of 4 .*first: line 2.*overlongPrompts: drop/)
    const none = await taskOf(rows, { maxPromptTokens: 2 })
    expect(() => none.limitPrompts!(() => 3)).toThrow(/none is left/)
  })

  test("holds in a mixture, and for held-out problems", async () => {
    const path = files.write("long.jsonl", rows)
    const heldOutPath = files.write(
      "held.jsonl",
      '{"question": "abcdefghij", "answer": 1}\n{"question": "xy", "answer": 2}\n',
    )
    const source = { path, heldOutPath, verifier: "math", maxPromptTokens: 2 }
    const task = await createMixtureTask({ sources: [source, { name: "add2", heldOutSize: 3 }] })
    const limited = task.limitPrompts!(tokensOf)
    expect(limited.heldOut.filter(({ id }) => id.startsWith("long:")).map(({ gold }) => gold)).toEqual(["2"])
    expect(limited.notes).toHaveLength(2)
    expect(limited.notes![1]).toMatch(/^long: .*held-out problems: left out 1 of 2/)
    expect(limited.files?.map(({ path: one }) => one)).toEqual([path, heldOutPath])
  })
})

test("what was left out is told, and files carry the hash of their content", async () => {
  const text =
    '{"question": "Quite so", "answer": 1}\n{"question": "quite so?", "answer": 1}\n{"question": "R", "answer": null}\n'
  const task = await taskOf(text, { filter: [{ column: "answer", notEmpty: true }], deduplicate: true })
  expect(task.notes).toEqual([expect.stringMatching(/of 3 rows 1 left out by task\.filter, 1 left out as duplicates$/)])
  expect(task.files?.[0]?.sha256).toBe(createHash("sha256").update(text).digest("hex"))
})
