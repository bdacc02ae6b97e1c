import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { decodeState } from "../src/runs/state-codec.ts"
import { type Outcome, pirl, pirlWithFileLimit } from "./helpers/pirl.ts"
import { Workspace, checkpointsOf, eventsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const fixture = fileURLToPath(new URL("fixtures/parity/qwen3-with-tokenizer", import.meta.url))

/** Trains in a folder of its own. */
async function train(config: unknown, ...more: readonly string[]): Promise<Outcome & { readonly directory: string }> {
  const directory = workspace.fresh("run")
  const outcome = await pirl(["train", workspace.config(config), "--run-dir", directory, ...more])
  return { ...outcome, directory }
}

function expectNothingStarted({ stderr, directory }: Outcome & { readonly directory: string }): void {
  expect(stderr).not.toMatch(/^(?:step|warm start)/m)
  expect(existsSync(directory)).toBe(false)
}

describe("a config", () => {
  test("with many faults has all of them listed at once, with path, line and fix, and nothing is loaded", async () => {
    const outcome = await train(
      [
        "seed: x",
        "model: {preset: nanno, pathh: 3}",
        "task: {name: add3}",
        "rollout: {groupSize: 1, promptsPerStep: 4}",
        "optimizer: {miniBatches: 3, weight_decay: 0.1}",
        "objective: {name: grpoo}",
        "lora: {targets: [q_prox]}",
      ].join("\n"),
      "--set",
      "train.steps=-1",
    )
    expect(outcome.code).toBe(2)
    expectNothingStarted(outcome)
    const { stderr } = outcome
    expect(stderr).toMatch(/^pirl: 10 problems, nothing was started:\n/)
    const lines: readonly (readonly [path: string, fix: RegExp])[] = [
      ["seed", /got "x".*leave it out for the default 1.*\.yaml:1\)$/],
      ["model.preset", /got "?nanno.*nano/],
      ["model.pathh", /Did you mean `model\.path`\?/],
      ["task.name", /Did you mean add2\?.*\.yaml:3\)$/],
      ["rollout.groupSize", /at least 2 responses per prompt.*got 1\. Raise it.*\.yaml:4\)$/],
      ["optimizer.miniBatches", /divisor of rollout\.promptsPerStep \(4\), got 3\..*\.yaml:5\)$/],
      ["optimizer.weight_decay", /Did you mean `optimizer\.weightDecay`\?/],
      ["objective.name", /Did you mean grpo\?/],
      ["lora.targets", /got q_prox\. Correct it/],
      ["train.steps", /at least 0.*got -1.*\(from --set\)$/],
    ]
    for (const [path, fix] of lines) {
      const line = stderr.split("\n").find((text) => text.startsWith(`  ${path}: `))
      expect(line, path).toMatch(/: expected .*, got /)
      expect(line, path).toMatch(fix)
    }
  })

  test("that is missing, no YAML or no config at all is refused with what to do", async () => {
    const missing = await pirl(["train", join(workspace.directory, "none.yaml")])
    expect(missing.code).toBe(2)
    expect(missing.stderr).toMatch(/expected a readable file, got nothing there\. Write one with `pirl init /)
    const broken = await train("model: {preset: nano\ntask: [")
    expect(broken.code).toBe(2)
    expect(broken.stderr).toMatch(/config-\d+\.yaml:\d+:\d+: expected YAML, got: /)
    const list = await train("- model")
    expect(list.code).toBe(2)
    expectNothingStarted(list)
  })

  test("whose prompts and responses are longer than the context is refused before the model is made", async () => {
    const outcome = await train(tinyConfig({ model: { contextLength: 10 } }))
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toMatch(/rollout\.maxResponseTokens: expected .* context of 10 tokens, got \d+ \+ 4\. Lower .* or raise model\.contextLength/)
    expectNothingStarted(outcome)
  })

  test("with a path and a preset, with neither, or with a folder that is none is refused", async () => {
    const both = await train(tinyConfig({ model: { path: fixture } }))
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("model: expected one of `path`, `hub` and `preset`, got path and preset")])
    const neither = await train({ task: { name: "add2" } })
    expect([neither.code, neither.stderr]).toEqual([2, expect.stringContaining("model: expected `path`, `hub` or `preset`, got none of them")])
    const nowhere = await train({ model: { path: workspace.directory }, task: { name: "add2" } })
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining("expected a Hugging Face folder, a .gguf file or a folder of adapters")])
  })
})

describe("a model folder", () => {
  const config = { task: { name: "sort", heldOutSize: 4 }, rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 4 } }

  async function trainDamaged(damage: (folder: string) => void): Promise<Outcome & { readonly directory: string }> {
    const folder = workspace.fresh("model")
    cpSync(fixture, folder, { recursive: true })
    damage(folder)
    return train({ ...config, model: { path: folder } })
  }

  function edit(file: string, change: (text: string) => string): void {
    const text = readFileSync(file, "utf8")
    expect(change(text)).not.toBe(text)
    writeFileSync(file, change(text))
  }

  test("whose safetensors file was cut short is refused, naming file, tensor and bytes", async () => {
    const outcome = await trainDamaged((folder) => truncateSync(join(folder, "model.safetensors"), 50_000))
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(/model-\d+\/model\.safetensors: tensor model\.\S+: expected data up to byte \d+, got a file that ends at \d+\. .*copy it again/)
    expectNothingStarted(outcome)
  })

  test("with tensors of another shape than its config is refused, naming each", async () => {
    const outcome = await trainDamaged((folder) =>
      edit(join(folder, "config.json"), (text) => text.replace('"intermediate_size": 32', '"intermediate_size": 48')),
    )
    expect(outcome.code).toBe(1)
    for (const name of ["0.mlp.gate_proj", "0.mlp.up_proj", "1.mlp.gate_proj", "1.mlp.up_proj"]) {
      expect(outcome.stderr).toContain(`wrong shape: model.layers.${name}.weight: expected [48, 24], got [32, 24]`)
    }
    expectNothingStarted(outcome)
  })

  test("with a tokenizer of more tokens than the model has is refused", async () => {
    const outcome = await trainDamaged((folder) => {
      edit(join(folder, "tokenizer.json"), (text) => {
        const tokenizer = JSON.parse(text) as { model: { vocab: Record<string, number> } }
        tokenizer.model.vocab["zzzz"] = 5000
        return JSON.stringify(tokenizer)
      })
    })
    expect(outcome.code).not.toBe(0)
    expect(outcome.stderr).toMatch(/model-\d+: expected a tokenizer of at most 408 ids .*, got 5001\./)
    expectNothingStarted(outcome)
  })
})

describe("a data set", () => {
  const rows = (...lines: readonly string[]): string => {
    const file = `${workspace.fresh("rows")}.jsonl`
    writeFileSync(file, `${lines.join("\n")}\n`)
    return file
  }
  const trainOn = (file: string): ReturnType<typeof train> =>
    train({
      model: { path: fixture },
      task: { name: "dataset", path: file, heldOutSize: 1, verifier: "exact" },
      rollout: { promptsPerStep: 2, groupSize: 2, maxResponseTokens: 4 },
    })
  const good = ['{"question": "1+1", "answer": "2"}', '{"question": "1+2", "answer": "3"}']

  test("with a row that lacks a field is refused, naming file, row and field", async () => {
    const file = rows(...good, '{"question": "1+3"}')
    const outcome = await trainOn(file)
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toContain(file)
    expect(outcome.stderr).toMatch(/(?:line|row) 3/)
    expect(outcome.stderr).toContain("answer")
    expectNothingStarted(outcome)
  })

  test("with a line that is no JSON is refused, naming file and line", async () => {
    const file = rows(...good, '{"question": "1+3" "answer": "4"}')
    const outcome = await trainOn(file)
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toContain(file)
    expect(outcome.stderr).toMatch(/line 3/)
    expectNothingStarted(outcome)
  })

  test("that is not there is refused, naming the path", async () => {
    const outcome = await trainOn(join(workspace.directory, "none.jsonl"))
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toMatch(/task\.path: .*none\.jsonl.* Check the path/)
    expectNothingStarted(outcome)
  })
})

describe("losses that are not finite", () => {
  let outcome: Awaited<ReturnType<typeof train>>

  beforeAll(async () => {
    // The weight of the divergence is infinite in single precision, and infinity times zero is not a number.
    outcome = await train(tinyConfig({ objective: { klCoefficient: 1e39 }, checkpoint: { every: 1, keep: 5 } }))
  })

  test("stop the run after three refused steps in a row, which says so and how to go on", () => {
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain("step 1: loss NaN, gradient norm NaN: the update was not applied")
    expect(outcome.stderr).toMatch(/got 3 refused updates in a row, the last at step 3\. Lower optimizer\.learningRate and resume/)
    expect(measured(outcome.directory).metrics.map(({ refusedUpdates }) => refusedUpdates)).toEqual([1, 1, 1])
    expect(eventsOf(outcome.directory).map(({ kind }) => kind)).toEqual(["start", "warm-start", "first-look", "alarm", "alarm", "alarm", "failure"])
  })

  test("leave the batches to be looked at", () => {
    const refused = join(outcome.directory, "refused")
    expect(readdirSync(refused)).toEqual(["step-000001.json", "step-000002.json", "step-000003.json"])
    const batch = decodeState(readFileSync(join(refused, "step-000001.json"), "utf8")) as {
      readonly loss: number
      readonly sequences: readonly { readonly responseTokens: readonly number[]; readonly advantages: Float32Array }[]
      readonly logprobs: readonly Float32Array[]
    }
    expect(batch.loss).toBeNaN()
    expect(batch.sequences).toHaveLength(16)
    expect(batch.logprobs.map(({ length }) => length)).toEqual(batch.sequences.map(({ responseTokens }) => responseTokens.length))
    expect(batch.logprobs.every((row) => row.every((value) => value < 0))).toBe(true)
  })

  test("leave weights and moments as they were", () => {
    const saved = (step: number, file: string): Buffer =>
      readFileSync(join(outcome.directory, "checkpoints", `step-00000${step}`, file))
    expect(checkpointsOf(outcome.directory)).toEqual([0, 1, 2])
    for (const file of ["model.safetensors", "optimizer.safetensors"]) {
      expect(saved(2, file).equals(saved(0, file)), file).toBe(true)
    }
  })
})

describe("a disk that is full", () => {
  test("while a checkpoint is written leaves the last good one, from which the run goes on exactly", async () => {
    // Four steps that become eight would keep the warm-up of four.
    const config = workspace.config(tinyConfig({ train: { steps: 8 }, optimizer: { warmupSteps: 2 } }))
    const whole = workspace.fresh("whole")
    expect((await pirl(["train", config, "--run-dir", whole])).code).toBe(0)

    const directory = workspace.fresh("full")
    expect((await pirl(["train", config, "--run-dir", directory, "--steps", "4"])).code).toBe(0)
    const full = await pirlWithFileLimit(["train", config, "--run-dir", directory, "--resume"], 1000)
    expect(full.code).toBe(1)
    const last = join(directory, "checkpoints", "step-000004")
    expect(full.stderr).toMatch(/^pirl: checkpoint \S+step-000006: expected to write it, got .*EFBIG/m)
    expect(full.stderr).toContain(`The last good one stays: ${last}. Make room`)
    expect(readdirSync(join(directory, "checkpoints")).sort()).toEqual(["step-000002", "step-000004"])
    expect(eventsOf(directory).at(-1)).toMatchObject({ kind: "failure", message: expect.stringContaining("The last good one stays") })

    const resumed = await pirl(["train", config, "--run-dir", directory, "--resume"])
    expect(resumed.code).toBe(0)
    expect(resumed.stderr).toContain("the run resumes after step 4")
    expect(measured(directory).metrics).toEqual(measured(whole).metrics)
  })

  test("before anything could be saved is said too", async () => {
    const directory = workspace.fresh("full")
    mkdirSync(directory)
    const config = workspace.config(tinyConfig({ warmStart: null, train: { steps: 1 } }))
    const { code, stderr } = await pirlWithFileLimit(["train", config, "--run-dir", directory], 100)
    expect(code).toBe(1)
    expect(stderr).toContain("There is no earlier one. Make room or correct the cause, then resume.")
  })

  test("leaves neither a half config nor a half report, and calls it no bug", async () => {
    const file = join(workspace.fresh("init"), "..", "half.yaml")
    const config = await pirlWithFileLimit(["init", file], 4)
    expect([config.code, config.stderr]).toEqual([2, `pirl init: expected to write ${file}, got EFBIG. Choose a folder that is there and yours.\n`])
    expect(existsSync(file)).toBe(false)
    const directory = workspace.fresh("reported")
    mkdirSync(directory)
    writeFileSync(join(directory, "config.yaml"), "seed: 1\n")
    const report = join(directory, "..", "half.html")
    const { code, stderr } = await pirlWithFileLimit(["report", directory, "--out", report], 4)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^pirl: the system refused: EFBIG: file too large, write\. The file is larger than the system allows/)])
    expect(existsSync(report)).toBe(false)
  })
})
