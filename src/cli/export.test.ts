import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import { saveModelFolder } from "../model/folder.ts"
import { openModel } from "../model/open-model.ts"
import { initialiseWeights } from "../model/initialise.ts"
import { presetConfig } from "../model/presets.ts"
import { createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { readRun } from "../runs/index.ts"
import { openRunFolder } from "../trainer/open-run.ts"
import { captured } from "./cli.test-helper.ts"
import { runCli } from "./cli.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-export-cli-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const config = parseConfig({
  model: { preset: "nano" },
  task: { name: "add2" },
  rollout: { maxResponseTokens: 4 },
  train: { steps: 3 },
  logging: { tensorboard: true },
})
const time = { at: "2026-01-01T00:00:00.000Z", seconds: 1 }

async function newRun(...path: string[]): Promise<string> {
  const directory = join(root, ...path)
  const { folder } = openRunFolder(directory, config, { resume: false })
  folder.logMetrics({ step: 1, mu: 0.5, time })
  folder.logEvaluation({ step: 1, size: 10, greedyAccuracy: 0.5, time })
  folder.logCompletions(1, [{ step: 1, problem: "p", completion: 'a,"b"', reward: 1 }])
  await folder.checkpoints.write(1, async (to) => {
    const tokenizer = createCharacterTokenizer("0123456789+=")
    const model = presetConfig("nano", { vocabularySize: tokenizer.vocabularySize, contextLength: 16, eosTokens: tokenizer.eosTokens, padToken: tokenizer.padToken, bosToken: undefined })
    await saveModelFolder(to, { config: model, weights: initialiseWeights(model, 1), tokenizer })
  })
  folder.close()
  return directory
}

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = captured()
  const code = await runCli(["export", ...argv], context)
  return { code, stdout: context.stdout(), stderr: context.stderr() }
}

const first = await newRun("runs", "first")
await newRun("runs", "compared", "runs", "arm", "seed-1")

describe("pirl export", () => {
  test("writes the newest checkpoint as a model folder with a card", async () => {
    const out = join(root, "hf")
    const { code, stdout } = await run(first, "--to", "hf", "--out", out, "--license", "mit", "--name", "sums")
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${out}: the model of step 1 of ${first}\n`)])
    expect(readdirSync(out).sort()).toEqual(["README.md", "config.json", "generation_config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"])
    expect(readFileSync(join(out, "README.md"), "utf8")).toMatch(/license: "mit"[^]*\n# sums\n/)
  })

  test("writes a GGUF file with its Modelfile, measured by its run's task as it is stored", async () => {
    const out = join(root, "gguf")
    const { code, stdout, stderr } = await run(first, "--to", "gguf", "--dtype", "q8_0", "--eval-problems", "5", "--out", out, "--name", "my sums")
    expect([code, stderr]).toEqual([0, "Measuring the exported model on 5 held-out problems (--no-eval leaves it out)\n"])
    expect(readdirSync(out).sort()).toEqual(["Modelfile", "README.md", "my-sums.q8_0.gguf"])
    // Its evaluation does not tell which of its ten problems were right.
    expect(stdout).toMatch(/Weights in q8_0: held-out accuracy \(greedy\) \d+\.\d % on 5 problems\.\n/)
    expect(stdout).toContain("The model has no chat template")
    expect(readFileSync(join(out, "README.md"), "utf8")).toMatch(/\| these weights \(q8_0\), greedy \| \d+\.\d % .* on 5 problems \|/)
    expect(readFileSync(join(out, "Modelfile"), "utf8")).toBe('FROM ./my-sums.q8_0.gguf\nTEMPLATE "{{ .Prompt }}"\nPARAMETER stop "<eos>"\n')
    const { tokenizer, config: model } = await openModel(join(out, "my-sums.q8_0.gguf"))
    expect([tokenizer.decode(tokenizer.encode("12+34=")), model.eosTokens]).toEqual(["12+34=", [1]])
  })

  test("measures nothing with --no-eval, and refuses a type that the format lacks before it reads the model", async () => {
    const out = join(root, "gguf-unmeasured")
    const { stdout, stderr } = await run(first, "--to", "gguf", "--no-eval", "--out", out)
    expect([stderr, stdout]).toEqual(["", expect.stringContaining("Weights in f16: not measured as they are stored.")])
    const refused = await run(first, "--to", "gguf", "--dtype", "bf16", "--out", join(root, "none"))
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--dtype: expected f16 or q8_0 or f32 with --to gguf, got bf16")])
    const logs = await run(first, "--to", "csv", "--no-eval", "--out", join(root, "none"))
    expect(logs.stderr).toContain("expected no --no-eval with --to csv")
  })

  test("writes the logs of every run below a folder, each under its name", async () => {
    const out = join(root, "events")
    const { code, stdout } = await run(join(root, "runs"), "--to", "tensorboard", "--out", out)
    expect([code, stdout]).toEqual([0, `${out}: the logs of 2 runs. Show them by: tensorboard --logdir ${out}\n`])
    expect(readdirSync(out).sort()).toEqual(["first", "seed-1"])
    expect(readdirSync(join(out, "first"))).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\./)])
  })

  test("writes one CSV per table, the clock's part in columns of its own", async () => {
    const out = join(root, "csv")
    expect((await run(join(root, "runs"), "--to", "csv", "--out", out)).code).toBe(0)
    expect(readdirSync(out).sort()).toEqual(["completions.csv", "evaluations.csv", "events.csv", "metrics.csv"])
    const [names, ...lines] = readFileSync(join(out, "metrics.csv"), "utf8").trim().split("\n")
    expect(names).toMatch(/^run,step,mu,.*,at,seconds$/)
    expect(lines.map((line) => line.split(",").slice(0, 3)).sort()).toEqual([["first", "1", "0.5"], ["seed-1", "1", "0.5"]])
    expect(readFileSync(join(out, "completions.csv"), "utf8")).toContain('"a,""b"""')
  })

  test("says how an offline run of Weights & Biases is sent", async () => {
    const out = join(root, "wandb")
    const { stdout } = await run(first, "--to", "wandb", "--project", "sums", "--out", out)
    const [folder] = readdirSync(out)
    expect(stdout).toContain(`wandb sync ${join(out, folder!)}`)
  })

  test("names everything that is wrong with its arguments at once", async () => {
    const { code, stderr } = await run(first, first, "--to", "onyx", "--dtype", "f8")
    expect(code).toBe(2)
    expect(stderr).toContain("expected --to with one of hf, onnx, gguf, gguf-ready-hf, adapter, tensorboard, wandb, csv, got onyx")
    expect(stderr).toContain("expected --out DIR, got nothing")
    expect(stderr).toContain("expected --dtype with one of f32, bf16, f16, q8_0, got f8")
    const mixed = await run(first, "--to", "csv", "--out", join(root, "none"), "--license", "mit")
    expect(mixed.stderr).toContain("expected no --license with --to csv")
    const onFile = await run(first, "--to", "csv", "--out", join(first, "config.yaml"))
    expect([onFile.code, onFile.stderr]).toEqual([2, expect.stringContaining("config.yaml, which is a file. Choose another.")])
    const missing = await run(join(root, "nothing"), "--to", "csv", "--out", join(root, "none"))
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("expected a run or a folder of runs")])
  })
})

test("logging.tensorboard writes event files as a run goes, a new one for what is resumed", () => {
  const events = join(first, "tensorboard")
  expect(readdirSync(events)).toHaveLength(1)
  const { folder, from } = openRunFolder(first, config, { resume: true })
  expect(from?.checkpoint?.step).toBe(1)
  folder.logMetrics({ step: 2, mu: 0.75, time })
  folder.close()
  expect(readdirSync(events)).toHaveLength(2)
  expect(readRun(first).metrics.map(({ step }) => step)).toEqual([1, 2])
})
