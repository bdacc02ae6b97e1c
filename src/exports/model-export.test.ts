import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AutoModelForCausalLM, AutoTokenizer, Tensor, env } from "@huggingface/transformers"
import * as ort from "onnxruntime-node"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { parityCases, parityConfig, parityFolder, readExpected } from "../../test/helpers/parity-fixtures.ts"
import { configToYaml, parseConfig } from "../config/index.ts"
import { OnnxEngine } from "../engine/onnx/onnx-engine.ts"
import { attentionBias, dim, emitOnnx, evaluate, input, makeValue } from "../graph/index.ts"
import { saveAdapter } from "../model/adapter.ts"
import { loadModelFolder, saveModelFolder } from "../model/folder.ts"
import { initialiseWeights } from "../model/initialise.ts"
import { loraSpecs } from "../model/lora.ts"
import { presetConfig } from "../model/presets.ts"
import { createByteTokenizer, createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { planWeights, readPlannedWeights } from "../model/weight-files.ts"
import { elementCount } from "../model/weights.ts"
import { createRunFolder, readRun } from "../runs/index.ts"
import { packageVersion } from "../version.ts"
import { ggufReadiness } from "./gguf-readiness.ts"
import { verdictRows } from "./card-verdicts.ts"
import { modelCard } from "./model-card.ts"
import { exportModel } from "./model-export.ts"

env.allowRemoteModels = false
env.allowLocalModels = true

const root = mkdtempSync(join(tmpdir(), "pirl-export-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const versions = { pirl: "0.0.0" }
const tokenizer = createCharacterTokenizer("0123456789+=-")
const config = presetConfig("nano", { vocabularySize: tokenizer.vocabularySize, contextLength: 48, eosTokens: tokenizer.eosTokens, padToken: tokenizer.padToken, bosToken: undefined })
const weights = initialiseWeights(config, 3)
const eos = config.eosTokens[0]!
const model = join(root, "model")

beforeAll(async () => {
  mkdirSync(model)
  // Large weights, so that the most likely token is so by far.
  for (const values of weights.values()) if (values.length > 1000) values.forEach((value, i) => (values[i] = 6 * value))
  await saveModelFolder(model, { config, weights, tokenizer })
})

async function greedyByTransformers(folder: string, prompts: readonly (readonly number[])[], count: number, end: number | undefined = undefined): Promise<number[][]> {
  const loaded = await AutoModelForCausalLM.from_pretrained(folder, { dtype: "fp32" })
  const longest = Math.max(...prompts.map(({ length }) => length))
  // Padded on the left, as generation asks for.
  const padded = prompts.flatMap((prompt) => [...Array.from<number>({ length: longest - prompt.length }).fill(0), ...prompt])
  const mask = prompts.flatMap((prompt) => Array.from({ length: longest }, (_, i) => Number(i >= longest - prompt.length)))
  const tensor = (data: readonly number[]): Tensor => new Tensor("int64", BigInt64Array.from(data, BigInt), [prompts.length, longest])
  const generated = (await loaded.generate({ input_ids: tensor(padded), attention_mask: tensor(mask), max_new_tokens: count, do_sample: false } as never)) as Tensor
  await loaded.dispose()
  return (generated.tolist() as bigint[][]).map((row) => {
    const tokens = row.slice(longest).map(Number)
    // What follows the end of a response pads the batch.
    const at = end === undefined ? -1 : tokens.indexOf(end)
    return at < 0 ? tokens : tokens.slice(0, at + 1)
  })
}

describe("an ONNX export", () => {
  test("loaded by transformers.js gives the greedy tokens of our sampler, alone and padded in a batch", async () => {
    const out = join(root, "onnx")
    await exportModel({ source: { directory: model, training: undefined }, format: "onnx", out, name: "tiny", versions })
    const prompts = ["12+34=", "5-", "77+8=1", "0"].map((text) => tokenizer.encode(text))
    const engine = await OnnxEngine.create({ config, tokenizer, weights: { kind: "folder", directory: model }, threads: 1 })
    const sampled = await engine.sample(prompts.map((promptTokens) => ({ promptTokens, seeds: [1], options: { temperature: 0, maxTokens: 24, stopTokens: [eos] } })))
    await engine.close()
    const expected = sampled.map(([sequence]) => sequence!.tokens)
    expect(new Set(expected.flat()).size).toBeGreaterThan(3)
    expect(expected.map(({ length }) => length).sort((a, b) => a - b)[0]).toBeLessThan(24)
    expect(await greedyByTransformers(out, prompts, 24, eos)).toEqual(expected)
    expect(await greedyByTransformers(out, [prompts[2]!], 24, eos)).toEqual([expected[2]])
    const theirs = await AutoTokenizer.from_pretrained(out)
    expect(theirs.encode("12+34=")).toEqual(prompts[0])
  })

  test.each(parityCases.filter((name) => name !== "qwen3-with-tokenizer"))("of %s gives the greedy tokens of PyTorch", async (name) => {
    const folder = join(root, name)
    mkdirSync(folder)
    const parity = parityConfig(name)
    await saveModelFolder(folder, { config: { ...parity, eosTokens: [] }, weights: await readPlannedWeights(parityFolder(name), await planWeights(parityFolder(name), parity)), tokenizer: createCharacterTokenizer("ab") })
    const out = `${folder}-onnx`
    await exportModel({ source: { directory: folder, training: undefined }, format: "onnx", out, name, versions })
    for (const { prompt, tokens } of readExpected(name).greedy) {
      expect(await greedyByTransformers(out, [prompt], tokens.length)).toEqual([tokens])
    }
  })

  test("keeps its weights in a file of their own beyond the limit, with the same results", async () => {
    const out = join(root, "external")
    const { notes } = await exportModel({ source: { directory: model, training: undefined }, format: "onnx", out, name: "tiny", versions, inlineLimit: 1000 })
    expect(notes).toEqual([expect.stringContaining("characters of its task only"), expect.stringContaining("onnx/model.onnx_data")])
    expect(statSync(join(out, "onnx", "model.onnx")).size).toBeLessThan(200_000)
    const prompt = tokenizer.encode("12+34=")
    expect(await greedyByTransformers(out, [prompt], 8)).toEqual(await greedyByTransformers(join(root, "onnx"), [prompt], 8))
  })
})

test("a window hides what lies before it in the attention bias, in the compiled graph as by definition", async () => {
  const bias = attentionBias(input("mask", [dim("B"), dim("L")], "i64"), dim("T"), 2)
  const timed = { bias, same: input("tokens", [dim("B"), dim("T")], "i64") }
  const mask = [0, 1, 1, 1]
  const session = await ort.InferenceSession.create(emitOnnx(timed))
  const feeds = {
    mask: new ort.Tensor("int64", BigInt64Array.from(mask, BigInt), [1, 4]),
    tokens: new ort.Tensor("int64", new BigInt64Array(3), [1, 3]),
  }
  const { bias: got } = await session.run(feeds)
  const [o, x] = [0, -1e9]
  const expected = [x, o, x, x, x, o, o, x, x, x, o, o]
  expect([...(got!.data as Float32Array)]).toEqual(expected)
  const [interpreted] = evaluate([bias, timed.same], { mask: makeValue([1, 4], mask), tokens: makeValue([1, 3], [0, 0, 0]) })
  expect([...interpreted!.data]).toEqual(expected)
})

test("the attention bias of the compiled graph is that of the definition, padding and cache included", async () => {
  const bias = attentionBias(input("mask", [dim("B"), dim("L")], "i64"), dim("T"))
  // T is read off an input of its own.
  const timed = { bias, same: input("tokens", [dim("B"), dim("T")], "i64") }
  const mask = [1, 1, 1, 1, 0, 1, 1, 1]
  const session = await ort.InferenceSession.create(emitOnnx(timed))
  const feeds = { mask: new ort.Tensor("int64", BigInt64Array.from(mask, BigInt), [2, 4]), tokens: new ort.Tensor("int64", new BigInt64Array(6), [2, 3]) }
  const { bias: got } = await session.run(feeds)
  const [o, x] = [0, -1e9]
  const expected = [o, o, x, x, o, o, o, x, o, o, o, o, x, o, x, x, x, o, o, x, x, o, o, o]
  expect(got!.dims).toEqual([2, 1, 3, 4])
  expect([...(got!.data as Float32Array)]).toEqual(expected)
  const [interpreted] = evaluate([bias, timed.same], { mask: makeValue([2, 4], mask), tokens: makeValue([2, 3], Array.from<number>({ length: 6 }).fill(0)) })
  expect([...interpreted!.data]).toEqual(expected)
})

function trainedRun(name: string, extra: object = {}): { directory: string; config: ReturnType<typeof parseConfig> } {
  const settings = parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, rollout: { maxResponseTokens: 4 }, train: { steps: 4 }, ...extra })
  const directory = join(root, name)
  const folder = createRunFolder(directory, { configYaml: configToYaml(settings), keepCheckpoints: 2 })
  const time = { at: "2026-01-01T00:00:00.000Z", seconds: 1 }
  folder.logEvaluation({ step: 0, size: 100, greedyAccuracy: 0.25, time })
  folder.logMetrics({ step: 1, mu: 0.5, verdict: "improved", time })
  folder.logMetrics({ step: 2, mu: 0.5, verdict: "regressed", time })
  folder.logEvaluation({ step: 2, size: 100, greedyAccuracy: 0.5, time })
  folder.logMetrics({ step: 3, mu: 0.5, verdict: "improved", time })
  folder.logEvaluation({ step: 3, size: 100, greedyAccuracy: 0.9, time })
  folder.close()
  return { directory, config: settings }
}

describe("the card", () => {
  test("says how the model was trained and what was measured up to the checkpoint, and not after it", async () => {
    const { directory, config } = trainedRun("carded")
    appendFileSync(join(directory, "events.jsonl"), '{"kind":"resume","pirl":"9.9.9","checkpoint":2,"message":"","time":{}}\n')
    const out = join(root, "carded-hf")
    await exportModel({ source: { directory: model, training: { config, run: readRun(directory), step: 2 } }, format: "hf", out, name: "my | `model`", license: "apache-2.0", dtype: "bf16", versions })
    const card = readFileSync(join(out, "README.md"), "utf8")
    expect(card).toMatch(/^---\nlicense: "apache-2\.0"\nlibrary_name: transformers\n/)
    expect(card).toContain("# my \\| \\`model\\`")
    expect(card).toContain(
      "stored as bf16. Trained by reinforcement learning with verifiable rewards on the task `add2`: `grpo` with policy improvement verification (PIPO",
    )
    expect(card).toContain("| steps | 2 of 4 |")
    expect(card).toContain("held-out accuracy, greedy: before | 25.0 % [17.5, 34.3] |")
    expect(card).toContain("held-out accuracy, greedy: after | 50.0 % [40.4, 59.6] |")
    expect(card).toContain("| verdicts on updates | 1 improved, 1 regressed, 0 undecided |")
    expect(card).toContain(`| trained by | pirl ${packageVersion()} (Node ${process.versions.node}, `)
    expect(card).not.toContain("9.9.9")
    expect(card).toContain("| pirl | 0.0.0 |")
    expect(card).not.toContain("90.0")
    const { readWeights } = await loadModelFolder(out)
    const rounded = (await readWeights()).get("model.norm.weight")!
    expect([...rounded]).toEqual([...weights.get("model.norm.weight")!])
  })

  test("holds no path of the machine that trained, in a model, a task or another setting", () => {
    const task = {
      name: "dataset",
      path: "/home/me/data/sums.jsonl",
      heldOutPath: "./held/out.jsonl",
      disjointFrom: ["/srv/eval"],
      cacheDir: "/cache",
    }
    const settings = parseConfig({
      model: { path: "/home/me/models/smol" },
      task,
      lora: { enabled: true },
      train: { steps: 4 },
    })
    const run = readRun(trainedRun("pathless").directory)
    const facts = {
      name: "x",
      license: undefined,
      model: config,
      chatTemplate: false,
      dtype: "f32",
      versions,
      saved: undefined,
      notes: [],
    }
    for (const format of ["hf", "adapter"] as const) {
      const card = modelCard({ ...facts, format, training: { config: settings, run, step: 2 } })
      expect(card).toContain("| start | the model `smol` |")
      expect(card).toContain('"path":"sums.jsonl","heldOutPath":"out.jsonl"')
      expect(card).toContain('"disjointFrom":["eval"]')
      expect(card).not.toMatch(/\/home|\/srv|\/cache|\.\/held/)
    }
  })

  test("shows how to chat with a model that has a chat template, with the system prompt of its training", () => {
    const settings = parseConfig({
      model: { path: "smol" },
      task: { name: "add2" },
      rollout: { maxResponseTokens: 12, systemPrompt: "Be brief." },
      train: { steps: 4 },
    })
    const run = readRun(trainedRun("chatty").directory)
    const facts = {
      name: "x",
      license: undefined,
      model: config,
      dtype: "f32",
      versions,
      saved: undefined,
      notes: [],
      file: "x.gguf",
      training: { config: settings, run, step: 2 },
    }
    const cardOf = (format: "hf" | "gguf" | "onnx", chatTemplate: boolean): string =>
      modelCard({ ...facts, format, chatTemplate })
    const chat = cardOf("hf", true)
    expect(chat).toContain('npx pirl chat FOLDER --system "Be brief."')
    expect(chat).toContain(
      'messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "PROMPT"}]',
    )
    expect(chat).toContain("tokenizer.apply_chat_template(messages, add_generation_prompt=True")
    expect(chat).toContain("max_new_tokens=12")
    expect(cardOf("onnx", true)).toContain("tokenizer.apply_chat_template([")
    expect(cardOf("gguf", true)).toContain('npx pirl chat x.gguf --system "Be brief."')
    // A model without a template continues text.
    expect(cardOf("hf", false)).not.toMatch(/chat/)
    const { systemPrompt: _system, ...rollout } = settings.rollout
    const bare = { ...settings, rollout: { ...rollout, chatTemplate: false } }
    expect(
      modelCard({ ...facts, format: "hf", chatTemplate: true, training: { ...facts.training, config: bare } }),
    ).not.toMatch(/pirl chat|apply_chat/)
  })

  test("says of updates what the log says: verdicts, measurements, or nothing", () => {
    const time = { at: "2026-01-01T00:00:00.000Z", seconds: 1 }
    const counts = { improved: 0, regressed: 0, undecided: 0, unjudged: 4 }
    expect(verdictRows([{ step: 1, mu: 0.5, time }], counts)).toEqual([])
    const distances = [undefined, 3, -3, 1]
    const measured = distances.map((distance, i) => ({
      step: i + 1,
      mu: 0.5,
      time,
      stepCut: i === 3 ? 1 : 0,
      ...(distance === undefined ? {} : { improvement: distance / 100, improvementStandardError: 0.01 }),
    }))
    expect(verdictRows(measured, counts)).toEqual([
      ["measured updates", "1 better, 1 worse, 1 within two standard errors; 1 steps left without an update"],
    ])
    expect(verdictRows([], { ...counts, improved: 2, undecided: 1 })).toEqual([
      ["verdicts on updates", "2 improved, 0 regressed, 1 undecided, 4 steps without a verdict"],
    ])
  })

  test("says that no licence was chosen when none was", async () => {
    const out = join(root, "unlicensed")
    await exportModel({ source: { directory: model, training: undefined }, format: "hf", out, name: "x", versions })
    const card = readFileSync(join(out, "README.md"), "utf8")
    expect(card).toContain('license: "unknown"')
    expect(card).toContain("No licence was chosen")
    expect(card).not.toContain("## Results")
  })
})

describe("a run with adapters", () => {
  const lora = { enabled: true, rank: 2, alpha: 4, targets: ["q_proj"] }

  async function adapterRun(name: string): Promise<Parameters<typeof exportModel>[0]["source"]> {
    const { directory, config: settings } = trainedRun(name, { model: { path: model }, lora })
    const checkpoint = join(directory, "checkpoints", "step-000002")
    mkdirSync(checkpoint)
    const values = new Map(loraSpecs(config, lora).map(({ name: parameter, shape }) => [parameter, new Float32Array(elementCount(shape)).fill(0.5)]))
    await saveAdapter(checkpoint, config, lora, values, model)
    return { directory: checkpoint, training: { config: settings, run: readRun(directory), step: 2 } }
  }

  test("is exported merged: W + (alpha / rank) B A", async () => {
    const out = join(root, "merged")
    await exportModel({ source: await adapterRun("lora-run"), format: "hf", out, name: "x", versions })
    const merged = await (await loadModelFolder(out)).readWeights()
    const name = "model.layers.0.self_attn.q_proj.weight"
    // Two ranks of 0.5 x 0.5, doubled.
    expect(merged.get(name)![7]! - weights.get(name)![7]!).toBeCloseTo(1, 5)
    expect(merged.get("model.norm.weight")).toEqual(weights.get("model.norm.weight"))
  })

  test("is exported as its adapter alone, which a full run refuses", async () => {
    const out = join(root, "adapter")
    const source = await adapterRun("lora-run-2")
    await exportModel({ source, format: "adapter", out, name: "x", versions })
    expect(readdirSync(out).sort()).toEqual(["README.md", "adapter_config.json", "adapter_model.safetensors"])
    const full = exportModel({ source: { directory: model, training: undefined }, format: "adapter", out: join(root, "no-adapter"), name: "x", versions })
    await expect(full).rejects.toThrow(/expected a run with lora\.enabled/)
    expect(readdirSync(root).filter((name) => name.includes("no-adapter"))).toEqual([])
  })
})

describe("for llama.cpp", () => {
  test("a model with a tokenizer of single characters is refused before anything is written", async () => {
    const out = join(root, "gguf")
    const refusal = exportModel({ source: { directory: model, training: undefined }, format: "gguf-ready-hf", out, name: "x", versions })
    await expect(refusal).rejects.toThrow(/expected a model that llama\.cpp's converter takes, got a tokenizer that knows only some characters.* Use --to hf or --to onnx/)
    expect(readdirSync(root)).not.toContain("gguf")
  })

  test("a byte-level tokenizer that no converter knows is not called ready", () => {
    const bytes = createByteTokenizer()
    expect(ggufReadiness({ ...config, vocabularySize: bytes.vocabularySize }, bytes)).toEqual({ ready: "unknown", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown })
  })

  test("what llama.cpp does not compute is not called ready", () => {
    const scaling = { type: "llama3", factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContextLength: 64 } as const
    expect(ggufReadiness({ ...config, rope: { theta: 1e4, scaling } }, createByteTokenizer())).toMatchObject({ ready: false })
    expect(ggufReadiness({ ...config, attentionBias: true }, createByteTokenizer())).toMatchObject({ ready: false })
    const slidingWindow = { tokens: 4, layers: [0] }
    expect(ggufReadiness({ ...config, slidingWindow }, createByteTokenizer())).toMatchObject({ ready: false })
    const smollm3 = { ...config, architecture: "smollm3", layers: 4 } as const
    expect(ggufReadiness({ ...smollm3, unrotatedLayers: [1, 3] }, createByteTokenizer())).toMatchObject({ ready: false })
    expect(ggufReadiness({ ...smollm3, unrotatedLayers: [3] }, createByteTokenizer())).toMatchObject({ ready: "unknown" })
  })
})

test("a folder that holds something is not written to", async () => {
  const out = join(root, "taken")
  mkdirSync(out)
  writeFileSync(join(out, "mine.txt"), "")
  await expect(exportModel({ source: { directory: model, training: undefined }, format: "hf", out, name: "x", versions })).rejects.toThrow(/new or empty folder, got .*, which holds mine\.txt/)
  expect(readdirSync(out)).toEqual(["mine.txt"])
})
