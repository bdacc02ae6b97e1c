import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { pirl, type Outcome } from "./helpers/pirl.ts"
import { type Measured, Workspace, measured, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

/** Rows as verl has them and golds as MATH has them: a chat, and a solution whose last box is the answer. */
async function writeMathStyle(file: string): Promise<void> {
  const database = await DuckDBInstance.create(":memory:")
  const connection = await database.connect()
  await connection.run(`copy (
    select 'tiny-math' as data_source, 'math' as ability,
      [{role: 'user', content: (i // 3)::varchar || '+' || (i % 3)::varchar || ' mod 3'}] as prompt,
      {style: 'rule', ground_truth: ['The sum is ' || (i // 3 + i % 3)::varchar || ', so it is $\\boxed{' || ((i // 3 + i % 3) % 3)::varchar || '}$.']} as reward_model
    from range(30) rows(i)) to '${file}' (format parquet)`)
  connection.closeSync()
  database.closeSync()
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe("a run on a procedural task and a data set in the style of MATH", () => {
  let outcome: Outcome
  let run: Measured
  beforeAll(async () => {
    const rows = `${workspace.fresh("rows")}.parquet`
    await writeMathStyle(rows)
    const config = workspace.config(
      tinyConfig({
        model: { preset: "nano", tokenizer: "character", alphabet: "0123456789+-*=() mod?%" },
        task: {
          name: "dataset",
          modulus: undefined,
          heldOutSize: undefined,
          sources: [
            { name: "modular", modulus: 3, heldOutSize: 4, weight: 1 },
            { path: rows, heldOutSize: 5, weight: 3 },
          ],
        },
        warmStart: null,
        rollout: { promptsPerStep: 8, groupSize: 8, maxResponseTokens: 2 },
        train: { steps: 3 },
        logging: { completionsPerStep: 64 },
      }),
    )
    const directory = join(workspace.directory, "run")
    outcome = await pirl(["train", config, "--run-dir", directory])
    run = measured(directory)
  }, 60_000)

  test("ends well", () => {
    expect(outcome.stderr).not.toMatch(/^pirl: /m)
    expect(outcome.code).toBe(0)
    expect(run.metrics).toHaveLength(3)
  })

  test("says the mean reward of each source, in the ratio of their weights", () => {
    for (const { mu, rewardBySource, responsesBySource } of run.metrics) {
      expect(responsesBySource).toEqual({ modular: 16, "tiny-math": 48 })
      const { modular, "tiny-math": math } = rewardBySource as Record<string, number>
      expect((16 * modular! + 48 * math!) / 64).toBeCloseTo(mu as number, 12)
    }
    expect(Object.keys(run.evaluations[0]!["greedyAccuracyBySource"] as object)).toEqual(["modular", "tiny-math"])
  })

  test("rewards what the verifier of the source takes for right: a boxed solution for the one, a number for the other", () => {
    const rewards = run.metrics.map(({ rewardBySource }) => (rewardBySource as Record<string, number>)["tiny-math"]!)
    expect(mean(rewards)).toBeGreaterThan(0)
    const math = run.completions.filter(({ problem }) => !(problem as string).startsWith("modular:"))
    expect(math.length).toBeGreaterThan(100)
    expect(math.every(({ gold }) => /\\boxed\{[012]\}/.test(gold as string))).toBe(true)
    for (const { completion, gold, reward } of math) {
      if (/^[012]$/.test(completion as string))
        expect(reward).toBe(Number((gold as string).includes(`{${completion as string}}`)))
    }
    expect(run.completions.some(({ problem }) => (problem as string).startsWith("modular:"))).toBe(true)
  })
})
