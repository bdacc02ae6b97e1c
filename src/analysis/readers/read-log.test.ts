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

describe("consoles of other trainers", () => {
  const three = [0.116, 0.25, 0.5]

  function read(name: string, text: string | Uint8Array): ReturnType<typeof analyzeLog> {
    return analyzeLog(readLog(written(name, text)), name)
  }

  test("prime-rl: lines of steps with bars, of orchestrator and trainer, in colours", () => {
    const lines = three.flatMap((reward, i) => [
      `\u001B[32m12:00:0${i} SUCCESS Step ${i + 5} | Time: 13.04s | Reward: ${reward} | Val. Reward: 0.${i}5 | Throughput: 4,577.7 tokens/s | Seq. Length: 396.8 tokens/sample\u001B[0m`,
      `12:00:0${i} INFO Step ${i + 5} | Time: 3.5s | Loss: 0.0019 | Entropy: 0.21${i} | Mismatch KL: 0.0006 | LR: 1.00e-06`,
      "12:00:00 INFO Waiting for weight checkpoint 4",
    ])
    const { analysis, steps } = read("prime.log", lines.join("\n"))
    expect(steps.map(({ step, reward }) => [step, reward])).toEqual(three.map((reward, i) => [i + 5, reward]))
    expect([analysis.columns.length?.column, analysis.columns.entropy?.column, analysis.columns.kl?.column]).toEqual([
      "seq_length",
      "entropy",
      "mismatch_kl",
    ])
    expect(analysis.evaluations).toMatchObject({ count: 3, first: 0.05, last: 0.25 })
  })

  test("OpenRLHF: dictionaries of a global step, and the bars of its progress", () => {
    const dictionaries = three.map(
      (reward, i) =>
        `(PPOTrainer pid=7) INFO ✨ Global step ${i + 3}: {'policy_loss': -0.01, 'reward': ${reward}, 'kl': 0.001}`,
    )
    const { analysis, steps } = read("openrlhf.log", dictionaries.join("\n"))
    expect(steps.map(({ step, reward }) => [step, reward])).toEqual(three.map((reward, i) => [i + 3, reward]))
    expect(analysis.notes.join()).not.toContain("no step")
    const bars = three.map(
      (reward, i) =>
        `Train epoch [1/1]:  50%|█████     | ${i + 1}/3 [00:30<00:30,  3.8s/it, pg=-0.01, rm=${reward}, glen=51${i}, kl=0.001]`,
    )
    const bar = read("bars.log", `loading\n\r${bars[0]!.replace("0.116", "0.9")}\r${bars.join("\r")}\n`)
    expect(bar.steps.map(({ reward }) => reward)).toEqual(three)
    expect(bar.analysis.columns.length?.column).toBe("response_length")
    expect(bar.analysis.notes.join()).toContain("tell no step")
  })

  test.each([
    ["tabs", "\t"],
    ["bars", " | "],
    ["spaces", "    "],
  ])("unsloth: the table of a notebook after its banner, cells apart by %s", (_, gap) => {
    const rows = [
      ["Step", "Training Loss", "reward", "reward_std", "completion_length", "kl"],
      ...three.map((reward, i) => [i + 1, 0.1, reward, 0.2, "1,024.5", 0.01]),
    ]
    const text = [
      "==((====))==  Unsloth - 2x faster free finetuning",
      "   \\   /|    Num examples = 7,473",
      ...rows.map((row) => row.join(gap)),
    ]
    const { analysis, steps } = read("unsloth.txt", text.join("\n"))
    expect(steps.map(({ step, reward }) => [step, reward])).toEqual(three.map((reward, i) => [i + 1, reward]))
    expect(analysis.sides.length).toMatchObject({ column: "completion_length", best: 1024.5 })
  })

  test("mlx-lm-lora: one line for an iteration, and its blocks", () => {
    const lines = three.map(
      (reward, i) =>
        `Iter ${10 * (i + 1)}: Train loss 0.101, Total rewards mean ${reward}, Total rewards std 0.2, KL 0.001, It/sec 0.2, Peak mem 12.3 GB`,
    )
    const one = read("mlx.log", ["Iter 1: Val loss 0.5, Val took 3.1s", ...lines].join("\n"))
    expect(one.steps.map(({ step, reward }) => [step, reward])).toEqual(
      three.map((reward, i) => [10 * (i + 1), reward]),
    )
    const rule = "=".repeat(80)
    const blocks = three.map((reward, i) =>
      [
        rule,
        `Iter ${10 * (i + 1)}:`,
        "-".repeat(80),
        "Loss: 0.100",
        `Total Rewards:  μ=${reward}, σ=0.200`,
        "Group Rewards:  μ=0.100, σ=0.100",
        "KL Divergence: 0.000000001000",
        "Generation Stats:",
        "  • Avg tokens: 120.5",
        "  • Max tokens: 256 (limit: 256)",
        "  • Hit limit: 12.5%",
        "Learning Rate: 1.0000e-05",
        rule,
      ].join("\n"),
    )
    const { analysis, steps } = read("mlx-blocks.log", blocks.join("\n"))
    expect(steps.map(({ step, reward }) => [step, reward])).toEqual(three.map((reward, i) => [10 * (i + 1), reward]))
    expect(analysis.columns.reward?.column).toBe("total_rewards_mean")
    expect(readLog(join(folder, "mlx-blocks.log")).columns.get("hit_limit")).toEqual([0.125, 0.125, 0.125])
    expect([analysis.columns.kl?.column, analysis.columns.length?.column]).toEqual(["kl_divergence", "avg_tokens"])
  })

  test("UTF-16 of either order is read, with a mark and without", () => {
    const text = `step,reward\n${three.map((reward, i) => `${i + 1},${reward}\n`).join("")}`
    const little = Buffer.from(text, "utf16le")
    for (const bytes of [
      little,
      Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(little).swap16()]),
    ]) {
      expect(read("utf16.csv", bytes).steps.map(({ reward }) => reward)).toEqual(three)
    }
  })

  test("a log of equal rewards is one without a signal", () => {
    const { analysis } = read(
      "equal.csv",
      `step,reward\n${Array.from({ length: 20 }, (_, i) => `${i},0.25\n`).join("")}`,
    )
    expect(analysis.outcome).toMatchObject({ kind: "no-signal", stopAt: null })
  })
})

test.each([
  ["45.2%", 0.452],
  ["45.2 %", 0.452],
  ["1,234", 1234],
  ["-1,234,567.5", -1234567.5],
  ["1,23", Number.NaN],
  ["np.float64(0.5)", 0.5],
  ["%", Number.NaN],
  ["half", Number.NaN],
])("%s is the number %d", (text, value) => {
  expect(numberFrom(text)).toBe(value)
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
