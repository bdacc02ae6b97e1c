import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { captured } from "./cli.test-helper.ts"
import { runCli } from "./cli.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-verify-"))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, rows: readonly unknown[]): string {
  const path = join(folder, name)
  writeFileSync(path, rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row))).join("\n"))
  return path
}

async function run(
  ...argv: string[]
): Promise<{ code: number; rows: Record<string, unknown>[]; stdout: string; stderr: string }> {
  const context = captured()
  const code = await runCli(["verify", ...argv], context)
  const lines = context
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith("{"))
  return {
    code,
    rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    stdout: context.stdout(),
    stderr: context.stderr(),
  }
}

describe("pirl verify --in", () => {
  test("judges rows in order and sums up on standard error", async () => {
    const path = file("cases.jsonl", [
      { id: "a", gold: "7", pred: "so 7", expected: true },
      "",
      { id: 2, gold: "8", pred: "so 7", expected: true },
      { id: "c", gold: "x", pred: "7" },
      { id: "d", gold: "7", pred: "none", expected: false },
    ])
    const { code, rows, stderr } = await run("integer", "--in", path)
    expect(code).toBe(0)
    expect(rows.map(({ id, correct, status, extracted }) => [id, correct, status, extracted])).toEqual([
      ["a", true, "correct", "7"],
      [2, false, "incorrect", "7"],
      ["c", false, "unparsable-gold", null],
      ["d", false, "no-answer", null],
    ])
    expect(rows[1]!["reason"]).toBe("expected 8, got 7")
    expect(stderr).toMatch(/4 rows: 1 correct \(25\.0 %\), 1 incorrect, 1 unparsable-gold, 1 no-answer/u)
    expect(stderr).toMatch(/as expected: 2 of 3 .*0 false positives, 1 false negatives/u)
  })

  test("goes on after lines it cannot read, names them, and ends with exit code 2", async () => {
    const path = file("broken.jsonl", [
      '{"id": 1, "gold": "7", "pred": "7"}',
      "{broken",
      { id: 3, gold: "7" },
      { id: 4, gold: 7, pred: 7 },
    ])
    const { code, rows, stderr } = await run("integer", "--in", path, "--json")
    expect(code).toBe(2)
    expect(rows.map(({ id, status }) => [id, status])).toEqual([
      [1, "correct"],
      ["line 2", "failure"],
      [3, "failure"],
      [4, "correct"],
    ])
    expect(rows[1]!["reason"]).toMatch(/line 2: expected a JSON object/u)
    expect(rows[2]!["reason"]).toMatch(/line 3: expected gold and pred, got id, gold/u)
    expect(JSON.parse(stderr)).toMatchObject({ rows: 4, unreadable: 2, correct: 2 })
  })

  test("reads 1 and 0 as expected verdicts, in every form that data has", async () => {
    const rows = [1, 0, "1", "0", "True", "false", true, null].map((expected, id) => ({
      id,
      gold: "7",
      pred: "so 7",
      expected,
    }))
    const { stderr } = await run("integer", "--in", file("expected.jsonl", rows), "--json")
    expect(JSON.parse(stderr)).toMatchObject({
      rows: 8,
      unreadable: 0,
      expected: 7,
      falsePositives: 3,
      falseNegatives: 0,
    })
    const csv = join(folder, "expected.csv")
    writeFileSync(csv, "gold,pred,expected\n7,so 7,1\n7,so 7,0\n")
    expect((await run("integer", "--in", csv)).stderr).toMatch(/as expected: 1 of 2 .*1 false positives/)
    const other = await run("integer", "--in", file("other.jsonl", [{ gold: "7", pred: "7", expected: "maybe" }]))
    expect([other.code, other.rows[0]!["reason"]]).toEqual([
      2,
      expect.stringMatching(/true, false, 1 or 0 under "expected", got "maybe"/),
    ])
  })

  test("a gold that is null or NaN is none, whatever other columns hold", async () => {
    const path = file("null.jsonl", [
      '{"id": 1, "gold": null, "answer": 7, "pred": "7"}',
      '{"id": 2, "gold": NaN, "pred": "7"}',
      { id: 3, answer: 7, pred: "7" },
    ])
    const { code, rows } = await run("integer", "--in", path)
    expect(code).toBe(2)
    expect(rows.map(({ status, reason }) => [status, reason])).toEqual([
      ["failure", expect.stringMatching(/line 1: expected a gold, got null/)],
      ["failure", expect.stringMatching(/line 2: expected a gold, got NaN/)],
      ["correct", expect.anything()],
    ])
  })

  test("a list of golds means any of them, and integers keep their digits", async () => {
    const path = file("lists.jsonl", [
      { id: 1, gold: ["7", "8"], pred: "so 8" },
      { id: 2, gold: ["7", "8"], pred: "so 9" },
      '{"id": 3, "gold": 9007199254740993, "pred": "9007199254740993"}',
    ])
    expect((await run("integer", "--in", path)).rows.map(({ correct }) => correct)).toEqual([true, false, true])
  })

  test("keeps the order of thousands of rows that workers judge", async () => {
    const count = 3000
    const path = file(
      "many.jsonl",
      Array.from({ length: count }, (_, i) => ({ id: i, gold: "^a*$", pred: i % 3 === 0 ? "aaa" : "b" })),
    )
    const { rows } = await run("regex", "--in", path, "--workers", "2")
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(rows.filter(({ correct }) => correct)).toHaveLength(count / 3)
  })

  test("puts the options of a row before those of --set", async () => {
    const rows = [
      { id: 1, gold: "0.1234", pred: "$0.12$" },
      { id: 2, gold: "0.1234", pred: "$0.12$", precision: 2 },
    ]
    expect((await run("math", "--in", file("options.jsonl", rows))).rows.map(({ correct }) => correct)).toEqual([
      false,
      true,
    ])
    expect(
      (await run("math", "--in", file("options.jsonl", rows), "--set", "precision=2")).rows.map(
        ({ correct }) => correct,
      ),
    ).toEqual([true, true])
  })
})

test("pirl verify --gold --pred judges one response", async () => {
  expect((await run("mcq", "--gold", "C", "--pred", "the answer is (C)")).stdout).toMatch(
    /status +correct\n +extracted +C/u,
  )
  expect((await run("mcq", "--gold", "C", "--pred", "the answer is (D)", "--json")).rows).toMatchObject([
    { correct: false, extracted: "D" },
  ])
})

test("pirl verify --audit finds rows without a gold, broken LaTeX, and golds of a list that refuse themselves", async () => {
  const path = file("damaged.jsonl", [
    { question: "1?", answer: 1 },
    { question: "2?", answer: null },
    '{"question": "3?", "answer": NaN}',
    { question: "Half of \frac{1}{2}?", answer: 4 },
    { question: "5?", answer: ["5", "five"] },
  ])
  const { code, stdout, stderr } = await run("integer", "--audit", path)
  expect(code).toBe(0)
  expect(stdout).toMatch(/missing-gold {2}.*line 2: expected a gold in column answer, got null/)
  expect(stdout).toMatch(/missing-gold {2}.*line 3: .*got NaN/)
  expect(stdout).toMatch(/broken-latex {2}.*line 4: a text has a form feed and "rac", which was \\frac/)
  expect(stdout).toMatch(/unparsable-gold {2}.*line 5: .*"five"/)
  expect(stderr).toBe("5 rows, 2 missing-gold, 1 broken-latex, 1 unparsable-gold\n")
})

test("pirl verify --audit reports what is wrong with the golds of data", async () => {
  const path = file("data.jsonl", [
    { question: "1+1?", answer: "2" },
    { question: "2+2?", answer: "four" },
    { question: "1+1?", answer: "2" },
  ])
  const { code, stdout, stderr } = await run("integer", "--audit", path)
  expect(code).toBe(0)
  expect(stdout).toMatch(/unparsable-gold {2}.*line 2: expected a whole number as gold, got "four"/u)
  expect(stdout).toMatch(/duplicate {2}.*line 3: the question of .*line 1/u)
  expect(stderr).toBe("3 rows, 1 unparsable-gold, 1 duplicate\n")
  const pairs = await run(
    "numeric",
    "--audit",
    file("pair.jsonl", [{ question: "a", answer: "0.5", response: "1/2" }]),
    "--against",
    "exact",
    "--json",
  )
  expect(pairs.rows).toContainEqual(
    expect.objectContaining({ kind: "disagreement", reason: expect.stringContaining('on "1/2" numeric: correct') }),
  )
})

test("a wrong command line is named before anything is judged", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["mth", "--in", "x"], /expected one of .*"mth".*Did you mean math/u],
    [["math"], /expected one of --in FILE.*got none/u],
    [["math", "--in", "x", "--gold", "1", "--pred", "1"], /got several/u],
    [["math", "--gold", "1"], /--gold and --pred together/u],
    [["--in", "x"], /expected KIND/u],
    [["math", "--in", join(folder, "absent.jsonl")], /absent\.jsonl/u],
    [["math", "--gold", "1", "--pred", "1", "--set", "precison=2"], /precison.*Did you mean precision/u],
    [["math", "--audit", join(folder, "absent.jsonl")], /absent\.jsonl/u],
    [["integer", "--audit", file("nogold.jsonl", [{ a: 1 }])], /line 1: expected a gold; the columns are a/u],
  ]
  for (const [argv, message] of wrong) {
    const { code, stderr, stdout } = await run(...argv)
    expect(stderr, argv.join(" ")).toMatch(message)
    expect(code).toBe(2)
    expect(stdout).toBe("")
  }
})
