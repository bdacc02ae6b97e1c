import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { commandTable } from "../src/cli/command-table.ts"
import { type Outcome, pirl } from "./helpers/pirl.ts"
import { type ConfigText, Workspace, checkpointsOf, measured, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const root = fileURLToPath(new URL("..", import.meta.url))

async function succeed(...args: readonly string[]): Promise<Outcome> {
  const outcome = await pirl(args, { cwd: workspace.directory })
  expect(outcome.code, outcome.stderr).toBe(0)
  return outcome
}

async function train(config: unknown, ...more: readonly string[]): Promise<Outcome & { readonly directory: string }> {
  const directory = workspace.fresh("run")
  return { ...(await succeed("train", workspace.config(config), "--run-dir", directory, ...more)), directory }
}

/** Evaluates a model folder as the tiny config does. */
/** What an evaluation of the saved model can know too: not the step, and not how far the run has come since its start. */
function accuracies(line: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { size, greedyAccuracy, expectedAccuracy, verifierFailures } = line
  return { size, greedyAccuracy, expectedAccuracy, verifierFailures }
}

async function evaluateFolder(folder: string): Promise<Record<string, unknown>> {
  const sets = ["task.modulus=3", "task.heldOutSize=4", "rollout.maxResponseTokens=4", "engine.threads=1"]
  const args = ["eval", folder, "--task", "modular", ...sets.flatMap((set) => ["--set", set]), "--json"]
  return jsonLines((await succeed(...args)).stdout)[0]!
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

describe("the program", () => {
  test("tells the version of its package", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }
    expect((await succeed("--version")).stdout).toBe(`${version}\n`)
  })

  test("explains every command: usage, options and examples", async () => {
    const { stdout } = await succeed("--help")
    const names = commandTable.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(["train", "sft", "eval", "sample", "bench", "init", "runs", "verify"]))
    for (const name of names) {
      expect(stdout).toContain(`  ${name} `)
      const help = (await succeed(name, "--help")).stdout
      expect(help).toContain(`Usage: pirl ${name}`)
      expect(help).toMatch(/Options:\n(?: {2}--.*\n)+\nExamples:\n {2}pirl /)
    }
  })

  test("refuses what it does not know, with exit code 2 and the nearest name", async () => {
    const command = await pirl(["trian"])
    expect([command.code, command.stderr]).toEqual([2, expect.stringContaining("Did you mean `pirl train`?")])
    const option = await pirl(["train", "x.yaml", "--stesp", "3"])
    expect([option.code, option.stderr]).toEqual([2, expect.stringContaining("Did you mean --steps?")])
  })
})

describe("a finished run", () => {
  let run: Awaited<ReturnType<typeof train>>
  let last: Readonly<Record<string, unknown>>

  beforeAll(async () => {
    run = await train(tinyConfig({ train: { steps: 4 } }))
    last = measured(run.directory).evaluations.at(-1)!
  })

  test("has shown a line per step, evaluations and a summary", () => {
    const steps = run.stderr.match(/^step \d+\/4 {2}reward \d\.\d{3} {2}xi [+-]\d.*tok\/s/gm)
    expect(steps).toHaveLength(4)
    expect(run.stderr).toMatch(/^step 0: held-out greedy \d\.\d{3} \(\+0\.000\), expected \d/m)
    expect(run.stdout).not.toMatch(/^step/m)
    expect(run.stdout).toMatch(
      /time by phase +sampling \d+s \(\d+ %\), verifying .*, training .*, evaluation .*, checkpoints \d+s \(\d+ %\)\n/,
    )
    expect(run.stdout).toContain("Prompts of modular: ")
    expect(run.stdout).toContain(`\nNext:\n  pirl sample ${run.directory} --problems 8`)
    expect(run.stdout).toMatch(/held-out accuracy, greedy: final +\d/)
    expect(run.stdout).toMatch(/tokens per second +\d/)
    const summary = JSON.parse(readFileSync(join(run.directory, "summary.json"), "utf8")) as Record<string, unknown>
    expect(summary).toMatchObject({ steps: 4, heldOutSize: 4, final: last["greedyAccuracy"] })
  })

  test("is evaluated to the numbers of its last step, from the checkpoint and from its model folder", async () => {
    const wanted = accuracies(last)
    const [fromRun] = jsonLines((await succeed("eval", run.directory, "--json")).stdout)
    expect(fromRun).toMatchObject({ step: 4, ...wanted })
    expect(await evaluateFolder(join(run.directory, "model"))).toMatchObject({ ...wanted, task: "modular" })
  })

  test("answers problems of its task, judged, the same ones for the same seed", async () => {
    const args = ["sample", run.directory, "--problems", "2", "--count", "3", "--seed", "5", "--json"]
    const { stdout } = await succeed(...args)
    const responses = jsonLines(stdout)
    expect(responses).toHaveLength(6)
    for (const { prompt, reward, reason, logprob } of responses) {
      expect(prompt).toMatch(/^\(\d\+\d\)%3=$/)
      expect([0, 1]).toContain(reward)
      expect(reason).toEqual(expect.any(String))
      expect(logprob).toBeLessThan(0)
    }
    expect((await succeed(...args)).stdout).toBe(stdout)
    const greedy = jsonLines((await succeed(...args, "--temperature", "0")).stdout)
    expect(new Set(greedy.map(({ prompt, completion }) => `${String(prompt)}${String(completion)}`)).size).toBe(new Set(greedy.map(({ prompt }) => prompt)).size)
    expect((await succeed("sample", run.directory, "--prompt", "(1+1)%3=")).stdout).toMatch(/^\(1\+1\)%3=\n.*\n +\[\d tokens, /)
  })

  test("stands in the list of runs", async () => {
    const [row] = jsonLines((await succeed("runs", run.directory, "--json")).stdout)
    expect(row).toMatchObject({ state: "finished", step: 4, steps: 4, task: "modular", final: last["greedyAccuracy"] })
  })
})

describe("pirl train", () => {
  test("with --json prints one JSON object per step and nothing else on the standard output", async () => {
    const { stdout, stderr, directory } = await train(tinyConfig({ train: { steps: 3 } }), "--json")
    const lines = jsonLines(stdout)
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3])
    expect(lines.map(({ time: _time, ...line }) => line)).toEqual(measured(directory).metrics)
    expect(stderr).toContain("held-out accuracy, greedy: final")
  })

  test("on a dry run shows the sizes of model, batch and memory, and trains nothing", async () => {
    const directory = workspace.fresh("dry")
    const { stdout } = await succeed("train", workspace.config(tinyConfig()), "--run-dir", directory, "--dry-run")
    expect(stdout).toMatch(/parameters +33\dk/)
    expect(stdout).toMatch(/batch +4 prompts x 4 responses = 16 sequences/)
    expect(stdout).toMatch(/memory: weights +\d[\d.]* MiB/)
    expect(stdout).toMatch(/memory: in all +about \d[\d.]* MiB needed, \d[\d.]* GiB free/)
    expect(stdout).toContain("Nothing was trained.")
    expect(existsSync(directory)).toBe(false)
  })

  test("trains the config that pirl init writes", async () => {
    await succeed("init", "first.yaml")
    const few = ["--steps", "2", "--set", "warmStart.maxSteps=5", "--set", "evaluation.size=8", "--set", "rollout.promptsPerStep=8"]
    const { stdout } = await succeed("train", "first.yaml", ...few)
    expect(stdout).toMatch(/run folder +runs\/first\n/)
    expect(measured(join(workspace.directory, "runs", "first")).metrics).toHaveLength(2)
  })
})

describe("a model trained by pirl sft", () => {
  let model = ""
  const onModel = (changes: ConfigText = {}): unknown => ({
    ...tinyConfig({ warmStart: null, train: { steps: 1 }, ...changes, optimizer: { learningRate: 1e-3 } }),
    model: { path: model },
  })

  beforeAll(async () => {
    model = workspace.fresh("sft")
    const { stdout } = await succeed("sft", workspace.config(tinyConfig()), "--out", model)
    expect(stdout).toMatch(/held-out accuracy \S+ % expected after 20 steps, saved in/)
  })

  test("has the same loss and gradients with recomputed activations and with a vocabulary in chunks", async () => {
    const firstStep = async (changes: ConfigText): Promise<Record<string, number>> =>
      measured((await train(onModel(changes))).directory).metrics[0] as Record<string, number>
    const plain = await firstStep({})
    expect(Math.abs(plain["loss"]!)).toBeGreaterThan(1e-3)
    const others = [{ train: { steps: 1, gradientCheckpointing: true } }, { engine: { threads: 1, headChunk: 5 } }]
    for (const changes of others) {
      const other = await firstStep(changes)
      expect(other["mu"]).toBe(plain["mu"])
      for (const name of ["loss", "gradientNorm", "entropy"]) {
        expect(Math.abs(other[name]! / plain[name]! - 1), name).toBeLessThan(1e-4)
      }
    }
  })

  test("trains by adapters alone, evaluates to the same numbers, and is saved merged", async () => {
    const { directory } = await train(onModel({ lora: { rank: 4 }, train: { steps: 3 } }))
    const wanted = accuracies(measured(directory).evaluations.at(-1)!)
    const [evaluated] = jsonLines((await succeed("eval", directory, "--json")).stdout)
    expect(evaluated).toMatchObject(wanted)
    const merged = join(directory, "model")
    const fromModel = await evaluateFolder(merged)
    expect(fromModel["expectedAccuracy"]).toBeCloseTo(wanted["expectedAccuracy"] as number, 5)
    // Trained at all: the merged weights are no longer those of the start.
    expect(readFileSync(join(merged, "model.safetensors")).equals(readFileSync(join(model, "model.safetensors")))).toBe(false)
  })
})

describe("a Hugging Face folder", () => {
  test("trains on a data set of one's own, stops, resumes, and its saved model is trained again", async () => {
    const file = join(workspace.directory, "sums.jsonl")
    const rows = Array.from({ length: 40 }, (_, i) => ({ question: `${i % 7} + ${i % 5} + ${i} =`, answer: String((i % 7) + (i % 5) + i) }))
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
    const config = {
      model: { path: join(root, "test/fixtures/parity/qwen3-with-tokenizer") },
      task: { name: "dataset", path: file, heldOutSize: 8, verifier: "integer" },
      rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 6 },
      optimizer: { learningRate: 1e-3 },
      evaluation: { every: 2 },
      checkpoint: { every: 2 },
      engine: { threads: 1 },
      train: { steps: 4 },
    }
    const whole = await train(config)
    const { metrics } = measured(whole.directory)
    expect(metrics).toHaveLength(4)
    const half = await train(config, "--steps", "2")
    await succeed("train", "--resume", "--run-dir", half.directory, "--steps", "4")
    expect(measured(half.directory)).toEqual(measured(whole.directory))
    expect(checkpointsOf(half.directory)).toEqual([2, 4])

    const saved = join(whole.directory, "model")
    expect(readdirSync(saved)).toEqual(expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]))
    const again = await train({ ...config, model: { path: saved }, train: { steps: 1 } })
    const start = measured(again.directory).evaluations[0]!
    const end = measured(whole.directory).evaluations.at(-1)!
    expect({ ...start, step: 4 }).toEqual(end)
  })
})
