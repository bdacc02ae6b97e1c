/** Models from GGUF files in the engine and in runs: log-probs of PyTorch, adapters on a file, a run that goes on. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { OnnxEngine } from "../src/engine/onnx/onnx-engine.ts"
import { openModel } from "../src/model/open-model.ts"
import type { Weights } from "../src/model/weights.ts"
import { pirl, startPirl } from "./helpers/pirl.ts"
import { checkpointsOf, measured, tinyConfig, Workspace } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const fixture = (name: string): string => fileURLToPath(new URL(`../src/model/gguf/fixtures/${name}`, import.meta.url))

interface RecordedModel {
  readonly tokens: readonly number[]
  readonly logprobs: readonly number[]
}
const recorded = JSON.parse(readFileSync(fixture("models.json"), "utf8")) as Readonly<Record<string, RecordedModel>>

test.each(["llama", "qwen2", "qwen3", "smollm3", "gemma3"])(
  "log-probs of a %s file are those of PyTorch on the same dequantised weights",
  async (architecture) => {
    const { config, tokenizer, source } = await openModel(fixture(`${architecture}.gguf`))
    const engine = await OnnxEngine.create({ config, tokenizer, weights: source, threads: 1 })
    const { tokens, logprobs } = recorded[architecture]!
    const scores = await engine.score([{ promptTokens: tokens.slice(0, 1), responseTokens: tokens.slice(1) }])
    logprobs.forEach((logprob, i) => expect(Math.abs(scores.logprobs[0]![i]! - logprob)).toBeLessThan(1e-4))
    await engine.close()
  },
)

function changedBetween(before: Weights, after: Weights): string[] {
  return [...before].filter(([name, values]) => values.some((value, i) => value !== after.get(name)![i])).map(([name]) => name)
}

describe("a run of adapters on a GGUF file", () => {
  const path = fixture("llama.gguf")
  const config = workspace.config(
    tinyConfig({
      model: { preset: undefined, path },
      rollout: { promptsPerStep: 2, maxResponseTokens: 3 },
      // A model that knows nothing has no reward to learn from: the adapters learn from solutions first.
      warmStart: { maxSteps: 4, evalEvery: 4 },
      pipo: { enabled: false },
      lora: { rank: 2, targets: ["v_proj"] },
      train: { steps: 3 },
      evaluation: { every: 3 },
      checkpoint: { every: 1 },
    }),
  )
  const directory = workspace.fresh("run")

  test("trains, goes on where Ctrl-C stopped it, and saves a whole model that opens as a folder", async () => {
    const run = startPirl(["train", config, "--run-dir", directory])
    await run.printed(/^step +1\/3/m)
    run.kill("SIGINT")
    expect((await run.ended).code).toBe(130)
    const { code, stderr } = await pirl(["train", "--resume", "--run-dir", directory])
    expect({ code, finished: /^step 3\/3 /m.test(stderr) }).toEqual({ code: 0, finished: true })
    expect(measured(directory).metrics.map(({ step }) => step)).toEqual([1, 2, 3])
    expect(readFileSync(join(directory, "config.yaml"), "utf8")).toContain(path)
    const base = await openModel(path)
    const saved = await openModel(join(directory, "model"))
    expect(saved.source.kind).toBe("folder")
    expect(saved.tokenizer.encode("What is 12 plus 30?")).toEqual(base.tokenizer.encode("What is 12 plus 30?"))
    expect(saved.generation.eosTokens).toEqual([2, 0])
    const changed = changedBetween(await base.readWeights(), await saved.readWeights())
    expect(changed).toEqual(["model.layers.0.self_attn.v_proj.weight"])
  })

  test("its checkpoints are adapters that open with the file as their base", async () => {
    const steps = checkpointsOf(directory)
    const checkpoint = join(directory, "checkpoints", `step-${String(steps.at(-1)).padStart(6, "0")}`)
    const opened = await openModel(checkpoint)
    expect(opened.source).toEqual({ kind: "adapter", directory: checkpoint, base: { kind: "gguf", path } })
    const saved = await openModel(join(directory, "model"))
    expect(changedBetween(await opened.readWeights(), await saved.readWeights())).toEqual([])
  })

  test("it answers prompts, and so does the file itself", async () => {
    for (const model of [directory, path]) {
      const sampled = await pirl(["sample", model, "--prompt", "the cat", "--max-tokens", "3", "--json"])
      expect(sampled.code).toBe(0)
      expect(JSON.parse(sampled.stdout)).toMatchObject({ prompt: "the cat" })
    }
  })
})

test("a file cut short stops a run before it starts, in one line", async () => {
  const cut = `${workspace.fresh("cut")}.gguf`
  writeFileSync(cut, readFileSync(fixture("llama.gguf")).subarray(0, 20_000))
  const config = workspace.config(tinyConfig({ model: { preset: undefined, path: cut }, warmStart: { enabled: false } }))
  const { code, stderr } = await pirl(["train", config, "--run-dir", workspace.fresh("run")])
  expect(code).not.toBe(0)
  expect(stderr).toMatch(
    /^pirl: .*cut-\d+\.gguf: tensor .*: expected a file of \d+ bytes or more, got 20000\. It is cut short: download it again\.\n$/m,
  )
})
