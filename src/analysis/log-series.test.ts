import { describe, expect, test } from "vitest"
import { chooseColumns, type NamedColumns } from "./log-columns.ts"
import { cleanSeries, type LogSeries } from "./log-series.ts"
import { TableBuilder, type LogFormat, type LogTable } from "./readers/log-table.ts"

function tableOf(rows: readonly object[], format: LogFormat = "JSONL"): LogTable {
  const table = new TableBuilder()
  for (const row of rows) table.addRecord(row as Record<string, unknown>)
  return table.finish(format)
}

function seriesOf(rows: readonly object[]): LogSeries {
  const table = tableOf(rows)
  return cleanSeries(table, chooseColumns(table, {}, "x"))
}

function chosen(names: readonly string[], named: NamedColumns = {}): Record<string, string> {
  const choices = chooseColumns(tableOf([Object.fromEntries(names.map((name) => [name, 0.5]))]), named, "x.jsonl")
  return Object.fromEntries(Object.entries(choices).map(([role, { column }]) => [role, column]))
}

describe("columns", () => {
  test("of TRL: its reward_std is the deviation within groups, its rewards/*/std that of the batch", () => {
    const names = ["step", "eval_reward", "eval_completions/mean_length", "loss", "reward", "reward_std", "frac_reward_zero_std", "rewards/correct/mean", "rewards/correct/std", "completions/mean_length", "completions/clipped_ratio", "kl", "entropy"]
    expect(chosen(names)).toEqual({
      step: "step",
      reward: "reward",
      accuracy: "eval_reward",
      groupDeviation: "reward_std",
      batchDeviation: "rewards/correct/std",
      equalGroups: "frac_reward_zero_std",
      length: "completions/mean_length",
      entropy: "entropy",
      kl: "kl",
      truncation: "completions/clipped_ratio",
    })
  })

  test("of TRL with several reward functions: none of their deviations is the batch's", () => {
    expect(chosen(["reward", "reward_std", "rewards/a/std", "rewards/b/std"])).not.toHaveProperty("batchDeviation")
  })

  test("of verl: the score before the KL penalty, the accuracy and not its best of many", () => {
    const names = ["critic/rewards/mean", "critic/score/mean", "val-aux/math/reward/mean@4", "val-core/math/acc/best@4/mean", "val-core/math/acc/mean@4", "response_length/mean"]
    expect(chosen(names)).toMatchObject({ reward: "critic/score/mean", accuracy: "val-core/math/acc/mean@4" })
  })

  test("an accuracy of the training batch is no evaluation, and a reward is never held against itself", () => {
    expect(chosen(["step", "reward", "accuracy"])).toEqual({ step: "step", reward: "reward" })
    expect(chosen(["step", "accuracy"])).toEqual({ step: "step", reward: "accuracy" })
    expect(chosen(["step", "reward", "accuracy"], { accuracy: "accuracy" })).toMatchObject({ accuracy: "accuracy" })
  })

  test("of W&B: global_step before _step", () => {
    expect(chosen(["_step", "_runtime", "train/global_step", "train/reward", "eval/reward"])).toMatchObject({ step: "train/global_step", reward: "train/reward", accuracy: "eval/reward" })
  })

  test("a bare reward_std in any other log is the deviation of the batch", () => {
    expect(chosen(["step", "mean_reward", "reward_std"])).toMatchObject({ batchDeviation: "reward_std" })
    expect(chosen(["step", "mean_reward", "reward_std"])).not.toHaveProperty("groupDeviation")
  })

  test("that were named are taken, and a misspelt one names the nearest", () => {
    expect(chosen(["step", "reward", "r2"], { reward: "r2" })).toMatchObject({ reward: "r2" })
    expect(() => chosen(["step", "reward_total"], { reward: "reward_totl" })).toThrow(/Did you mean reward_total/)
  })

  test("without a reward among them are named", () => {
    expect(() => chosen(["step", "loss", "grad_norm"])).toThrow("log x.jsonl: expected a column with the mean reward of a step, got the columns step, loss, grad_norm. Name it with --reward.")
  })

  test("of several W&B runs ask which one", () => {
    const table = tableOf([{ Step: 1, "a - train/reward": 1, "b - train/reward": 2 }], "W&B CSV export")
    expect(() => chooseColumns(table, {}, "x.csv")).toThrow(/got the rewards of several: a - train\/reward, b - train\/reward\. Choose one with --reward/)
  })
})

describe("rows", () => {
  test("without a reward, and with one that is no number, are counted; those of evaluations are not", () => {
    const { steps, skipped, evaluations } = seriesOf([
      { step: 1, reward: 0.1 },
      { step: 2, reward: null },
      { step: 3, loss: 1 },
      { step: 3, eval_reward: 0.4 },
      { step: 4, reward: "n/a" },
      { step: 5, reward: 0.2 },
    ])
    expect([...steps]).toEqual([1, 5])
    expect(skipped).toMatchObject({ withoutReward: 3, notANumber: 2, duplicates: 0, abandoned: 0 })
    expect(evaluations).toEqual([{ step: 3, accuracy: 0.4 }])
  })

  test("of one step: the last is taken", () => {
    const { rewards, skipped } = seriesOf([{ step: 1, reward: 0.1 }, { step: 2, reward: 0.2 }, { step: 2, reward: 0.3 }, { step: 3, reward: 0.4 }])
    expect([...rewards]).toEqual([0.1, 0.3, 0.4])
    expect(skipped).toMatchObject({ duplicates: 1, restarts: 0 })
  })

  test("behind a restart are left out, with their evaluations", () => {
    const first = [1, 2, 3, 4, 5, 6].map((step) => ({ step, reward: 0.1, ...(step % 2 === 0 ? { eval_reward: 0.1 } : {}) }))
    const second = [4, 5].map((step) => ({ step, reward: 0.9 }))
    const { steps, rewards, skipped, evaluations } = seriesOf([...first, ...second])
    expect([...steps]).toEqual([1, 2, 3, 4, 5])
    expect([...rewards]).toEqual([0.1, 0.1, 0.1, 0.9, 0.9])
    expect(skipped).toMatchObject({ restarts: 1, abandoned: 3 })
    expect(evaluations).toEqual([{ step: 2, accuracy: 0.1 }])
  })

  test("without a step are counted, unless they are evaluations, which belong to the row before", () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, reward: 0.1 }))
    const { steps, skipped, evaluations } = seriesOf([...rows, { reward: 0.5 }, { eval_reward: 0.4 }])
    expect(steps).toHaveLength(20)
    expect(skipped).toMatchObject({ withoutStep: 1, withoutReward: 0 })
    expect(evaluations).toEqual([{ step: 20, accuracy: 0.4 }])
  })

  test("are numbered by the counter that stands beside the rewards", () => {
    const rows = [1, 2, 3].flatMap((step) => [{ global_step: step }, { _step: 10 * step, reward: 0.1 * step }])
    expect([...seriesOf(rows).steps]).toEqual([10, 20, 30])
  })

  test("in no order are sorted", () => {
    const { steps, sorted } = seriesOf([5, 3, 8, 1, 2, 7, 4, 6, 10, 9].map((step) => ({ step, reward: step })))
    expect([...steps]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(sorted).toBe(true)
  })

  test("without a step are numbered", () => {
    const { steps, numbered } = seriesOf([{ reward: 0.1 }, { loss: 1 }, { reward: 0.2 }])
    expect([...steps]).toEqual([1, 2])
    expect(numbered).toBe(true)
  })
})
