import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { fileURLToPath } from "node:url"
import { array, assert, property, string } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { analyzeLog } from "../analyze-log.ts"
import { csvRecords, readCsvLog } from "./csv-log.ts"
import { numberFrom } from "./log-table.ts"
import { readLog } from "./read-log.ts"

const fixtures = fileURLToPath(new URL("../../../test/fixtures/logs/", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "pirl-logs-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const rewards = [0.25, 0.3125, 0.28125, 0.34375, 0.375, 0.3125, 0.40625, 0.4375, 0.46875, 0.5, 0.40625, 0.53125]

describe("one run in every format", () => {
  test.each([
    ["pirl-run", "pirl run", "mu"],
    ["trainer_state.json", "trainer_state.json", "reward"],
    ["verl-console.log", "verl console log", "critic/score/mean"],
    ["verl.jsonl", "JSONL", "critic/score/mean"],
    ["wandb-chart.csv", "W&B CSV export", "train/reward"],
    ["wandb-history.jsonl", "JSONL", "train/reward"],
    ["table.csv", "CSV", "mean_reward"],
  ])("%s gives the same rewards, verdicts and evaluations", (name, format, reward) => {
    const { analysis, steps } = analyzeLog(readLog(join(fixtures, name)), name)
    expect(analysis.format).toBe(format)
    expect(analysis.columns.reward!.column).toBe(reward)
    expect(steps.map((step) => step.reward)).toEqual(rewards)
    expect(steps.map(({ step }) => step)).toEqual(rewards.map((_, i) => i + 1))
    expect(steps.slice(8).map(({ verdict }) => verdict)).toEqual(["improved", "improved", "improved", "improved"])
    expect(analysis.evaluations).toMatchObject({ count: 3, first: 0.26, best: 0.47, bestStep: 10, last: 0.47 })
    expect(analysis.signal.betweenEvaluations!.intervals.map(({ from, to }) => [from, to])).toEqual([
      [0, 5],
      [5, 10],
    ])
  })

  test("the dictionaries that TRL prints tell all but the steps", () => {
    const { analysis, steps } = analyzeLog(readLog(join(fixtures, "trl-console.log")), "trl")
    expect(steps.map((step) => step.reward)).toEqual(rewards)
    expect(analysis.evaluations).toMatchObject({ count: 2, bestStep: 10 })
    expect(analysis.notes.join()).toContain("tell no step")
  })

  test("a run of ours brings its batch, its window and the errors of its means", () => {
    const { analysis } = analyzeLog(readLog(join(fixtures, "pirl-run/metrics.jsonl")), "ours")
    expect(analysis.sizes[0]).toMatchObject({ basis: "the log's own standard errors" })
    expect(analysis.signal.betweenEvaluations).toMatchObject({ noiseKnown: true, undecidable: 2 })
    expect(analyzeLog(readLog(join(fixtures, "pirl-run")), "ours", { window: 3 }).analysis.signal.window).toBe(3)
  })

  test("the newest checkpoint of a folder is read", () => {
    for (const [step, reward] of [
      [9, 0.1],
      [10, 0.2],
    ] as const) {
      mkdirSync(join(folder, "out", `checkpoint-${step}`), { recursive: true })
      written(`out/checkpoint-${step}/trainer_state.json`, JSON.stringify({ log_history: [{ step, reward }] }))
    }
    expect(readLog(join(folder, "out")).columns.get("reward")).toEqual([0.2])
  })
})

describe("what logs hold besides", () => {
  test("NaN and infinities of Python are no numbers, and spoil neither their line nor the file", () => {
    const lines = readLog(written("nan.jsonl", '{"step": 1, "reward": NaN, "kl": -Infinity}\n{"step": 2, "reward": 0.5, "note": "NaN, so what"}\n'))
    expect(lines.columns.get("reward")).toEqual([Number.NaN, 0.5])
    expect(lines.unusable.get("reward")).toBe(1)
    const state = readLog(written("nan.json", '{"log_history": [\n{"step": 1, "reward": NaN},\n{"step": 2, "reward": 0.5}]}'))
    expect(state.columns.get("reward")).toEqual([Number.NaN, 0.5])
  })

  test("half a last line is counted, a list of objects and an object of lists are tables", () => {
    expect(readLog(written("cut.jsonl", '{"step":1,"reward":0.5}\n{"step":2,"rew'))).toMatchObject({ rows: 1, unreadable: 1 })
    expect(readLog(written("list.json", '[{"step":1,"reward":0.5},\n{"step":2,"reward":0.6}]')).columns.get("reward")).toEqual([0.5, 0.6])
    expect(readLog(written("lists.json", '{\n"step":[1,2],\n"reward":[0.5,0.6]}')).columns.get("reward")).toEqual([0.5, 0.6])
  })

  test("metrics that lie under a name of their own are unpacked", () => {
    expect(readLog(written("wrapped.jsonl", '{"step":1,"metrics":{"reward":0.5}}\n')).columns.get("reward")).toEqual([0.5])
  })

  test("nested objects become names with slashes, numbers in text are numbers", () => {
    const { columns } = readLog(written("nested.jsonl", '{"step":1,"train":{"reward":"0.5"},"tags":[1,2]}\n'))
    expect([...columns.keys()]).toEqual(["step", "train/reward"])
    expect(columns.get("train/reward")).toEqual([0.5])
  })

  test.each([
    ["0.5", 0.5],
    [" -1e-3 ", -0.001],
    ["np.float64(0.25)", 0.25],
    ["tensor(0.5, device='cuda:0')", 0.5],
    ["", Number.NaN],
    ["None", Number.NaN],
    ["nan", Number.NaN],
    ["0.5 (best)", Number.NaN],
  ])("%j reads as %s", (text, value) => {
    expect(numberFrom(text)).toBe(value)
  })
})

describe("CSV", () => {
  test("quotes may hold delimiters, quotes and line ends; rows of another width are counted", () => {
    const { columns, unreadable, rows } = readCsvLog('step,"a, ""b""",reward\r\n1,"x\ny",0.5\r\n2,0.6\r\n\r\n3,,0.7', ",")
    expect([...columns.keys()]).toEqual(["step", "reward"])
    expect(columns.get("reward")).toEqual([0.5, 0.7])
    expect({ unreadable, rows }).toEqual({ unreadable: 1, rows: 2 })
  })

  test("whatever cells are written are read again", () => {
    const cell = string({ maxLength: 6, unit: "binary-ascii" }).map((text) => text.replaceAll("\r", ""))
    assert(
      property(array(array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 4 }), (records) => {
        const text = records.map((record) => record.map((value) => `"${value.replaceAll('"', '""')}"`).join(",")).join("\n")
        expect([...csvRecords(text, ",")]).toEqual(records)
      }),
    )
  })

  test("tabs and semicolons delimit, and decimal commas are read beside them", () => {
    expect(readLog(written("a.tsv", "step\treward\n1\t0.5\n")).columns.get("reward")).toEqual([0.5])
    expect(readLog(written("one.csv", "reward\n0.5\n0.6\n")).columns.get("reward")).toEqual([0.5, 0.6])
    expect(readLog(written("a.csv", "step;reward\n1;0,5\n")).columns.get("reward")).toEqual([0.5])
  })

  test("an export of W&B loses the name of its one run and its bounds, and keeps the names of several", () => {
    const one = readLog(written("w1.csv", '"Step","my - run - reward","my - run - reward__MIN","my - run - reward__MAX"\n1,0.5,0.4,0.6\n'))
    expect([...one.columns.keys()]).toEqual(["Step", "reward"])
    const two = readLog(written("w2.csv", '"Step","a - train/reward","a - train/reward__MIN","b - train/reward","b - train/reward__MIN"\n1,0.5,0.4,0.6,0.6\n'))
    expect(() => analyzeLog(two, "w2.csv")).toThrow(/Choose one with --reward/)
    expect(analyzeLog(two, "w2.csv", { reward: "b - train/reward" }).analysis.outcome.best.value).toBe(0.6)
  })
})

describe("what is no log", () => {
  test.each([
    ["empty.log", "", /got an empty file/],
    ["text.log", "hello\nworld\n", /got text that begins with "hello"/],
    ["packed.gz", gzipSync("step,reward\n"), /got a gzip file.*Unpack it/],
    ["raw.bin", new Uint8Array([1, 0, 2]), /got a binary file/],
    ["object.json", '{\n"a": 1,\n"b": {}}', /got an object with a, b/],
  ])("%s says what it is", (name, content, message) => {
    expect(() => readLog(written(name, content))).toThrow(message)
  })

  test("a path to nothing and a folder without a log are refused", () => {
    expect(() => readLog(join(folder, "nowhere"))).toThrow(/got nothing there/)
    mkdirSync(join(folder, "other"))
    written("other/notes.txt", "x")
    expect(() => readLog(join(folder, "other"))).toThrow(/got a folder with notes\.txt/)
  })

  test("a log without one reward that is a number says so", () => {
    expect(() => analyzeLog(readLog(written("none.jsonl", '{"step":1,"reward":null,"loss":1}\n')), "none.jsonl")).toThrow(/none\.jsonl: expected a column with the mean reward of a step, got the columns step, loss/)
  })
})
