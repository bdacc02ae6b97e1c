import { describe, expect, test } from "vitest"
import { auditRows } from "./audit.ts"
import type { AuditFinding, AuditJudge, AuditRow } from "./audit.ts"
import { inOrder } from "./ordered.ts"
import { createVerifier } from "./registry.ts"

function judgeOf(name: string, goldIsAnswer = true): AuditJudge {
  const verifier = createVerifier(name)
  return { name, goldIsAnswer, verify: async (input) => verifier.verify(input) }
}

async function findings(rows: readonly AuditRow[], judge: AuditJudge, second?: AuditJudge): Promise<AuditFinding[]> {
  const found: AuditFinding[] = []
  for await (const finding of auditRows(rows, judge, second)) found.push(finding)
  return found
}

describe("an audit", () => {
  test("finds nothing in sound data", async () => {
    const rows = [
      { id: "a", gold: "7", questionKey: "q1" },
      { id: "b", gold: "8", questionKey: "q2" },
    ]
    for (const name of ["exact", "integer", "boxed-integer", "gsm8k"])
      expect(await findings(rows, judgeOf(name)), name).toEqual([])
  })

  test("names golds that cannot be read, duplicates and contradictions", async () => {
    const rows = [
      { id: "a", gold: "7", questionKey: "q" },
      { id: "b", gold: "7", questionKey: "q" },
      { id: "c", gold: "9", questionKey: "q" },
      { id: "d", gold: "seven" },
    ]
    const found = await findings(rows, judgeOf("integer"))
    expect(found.map(({ kind, id }) => [kind, id])).toEqual([
      ["duplicate", "b"],
      ["contradiction", "c"],
      ["unparsable-gold", "d"],
    ])
    expect(found[1]!.reason).toContain('the question of a with another gold, "7"')
  })

  test("names golds that no usual way of writing them makes right", async () => {
    const never: AuditJudge = {
      name: "never",
      goldIsAnswer: true,
      verify: async () => ({ status: "incorrect", reward: 0, reason: "never right" }),
    }
    expect(await findings([{ id: "a", gold: "7" }], never)).toEqual([
      { kind: "gold-not-accepted", id: "a", reason: "never right" },
    ])
  })

  test("names golds that are refused in a form in which other answers are read", async () => {
    const boxOnly: AuditJudge = {
      name: "box-only",
      goldIsAnswer: true,
      verify: async ({ gold, completion }) => {
        const inBox = /^\\boxed\{(.*)\}$/.exec(completion)?.[1]
        // A plain number is also read after "Answer:".
        const said = inBox ?? /^Answer: (\d+)$/.exec(completion)?.[1]
        return said === gold
          ? { status: "correct", reward: 1, reason: "equal" }
          : { status: "incorrect", reward: 0, reason: `read ${said}` }
      },
    }
    const found = await findings([{ id: "a", gold: "7" }, { id: "b", gold: "Team 7" }], boxOnly)
    expect(found).toEqual([
      { kind: "gold-refuses-itself", id: "b", reason: 'as "Answer: Team 7" (read undefined)' },
    ])
  })

  test("finds no gold in words that the math verifier refuses in any form", async () => {
    const golds = [
      "\\text{May 5}",
      "Team 3",
      "at least 5",
      "8 out of 10",
      "decrease of 20%",
      "\\text{odd integers}",
      "3 to 4",
      "5 kg",
    ]
    expect(await findings(golds.map((gold, id) => ({ id: String(id), gold })), judgeOf("math"))).toEqual([])
  })

  test("tries the solution where the gold is no answer, and nothing where there is none", async () => {
    const regex = judgeOf("regex", false)
    expect(
      await findings(
        [
          { id: "a", gold: "^b+$" },
          { id: "b", gold: "^b+$", solution: "bb" },
        ],
        regex,
      ),
    ).toEqual([])
    expect(
      (
        await findings(
          [
            { id: "a", gold: "^b+$", solution: "a" },
            { id: "b", gold: "(" },
          ],
          regex,
        )
      ).map(({ kind }) => kind),
    ).toEqual(["gold-not-accepted", "unparsable-gold"])
  })

  test("names responses on which two verifiers disagree", async () => {
    const rows = [
      { id: "a", gold: "0.5", response: "so it is 1/2" },
      { id: "b", gold: "0.5", response: "so it is 1/3" },
    ]
    const found = await findings(rows, judgeOf("numeric"), judgeOf("exact"))
    expect(found.filter(({ reason }) => reason.includes("1/2"))).toMatchObject([
      { kind: "disagreement", id: "a", reason: expect.stringContaining("numeric: correct") },
    ])
    expect(found.filter(({ reason }) => reason.includes("1/3"))).toEqual([])
  })

  test("reports failures of the machinery as such", async () => {
    const broken: AuditJudge = {
      name: "broken",
      goldIsAnswer: true,
      verify: async () => ({ status: "timeout", reward: 0, reason: "late" }),
    }
    expect((await findings([{ id: "a", gold: "7" }], broken)).map(({ kind }) => kind)).toEqual(["failure"])
  })
})

test("results come in the order of the items, with a bounded number under way", async () => {
  let [running, most, taken] = [0, 0, 0]
  const items = function* (): Generator<number> {
    for (let i = 0; i < 100; i++) {
      taken++
      yield i
    }
  }
  const results: number[] = []
  for await (const result of inOrder(
    items(),
    async (i) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, i % 7 === 0 ? 4 : 0))
      running--
      return i
    },
    8,
  )) {
    results.push(result)
    expect(taken - results.length).toBeLessThan(8)
  }
  expect(results).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(most).toBeLessThanOrEqual(8)
})
