import { describe, expect, test } from "vitest"
import { CheckpointError, ConfigError } from "../errors.ts"
import { chooseModelFiles, shardsOf } from "./model-files.ts"

const repository = { kind: "model", name: "owner/model", setting: "model.hub" } as const

function chosen(paths: readonly string[], { file, weights = true }: { readonly file?: string; readonly weights?: boolean } = {}): ReturnType<typeof chooseModelFiles> {
  return chooseModelFiles(paths.map((path) => ({ path, size: 1_500_000 })), { repository, file, weights })
}

function refusal(paths: readonly string[], options: Parameters<typeof chosen>[1] = {}): string {
  try {
    chosen(paths, options)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error("expected a refusal")
}

const described = ["config.json", "tokenizer.json"]

describe("the files of a model", () => {
  test("are config, tokenizer and safetensors at the top, without what other programs keep there", () => {
    const others = ["README.md", "onnx/model.onnx", "original/model.safetensors", "pytorch_model.bin", "model-q4.gguf", "modeling_own.py", "consolidated.safetensors"]
    const wanted = ["config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"]
    expect(chosen([...others, ...wanted])).toEqual({ form: "folder", paths: wanted })
  })

  test("are the index in place of shards, whose names it has", () => {
    const paths = [...described, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]
    expect(chosen(paths)).toEqual({ form: "folder", paths: [...described, "model.safetensors.index.json"] })
  })

  test("are config and tokenizer alone where a server has the weights", () => {
    expect(chosen([...described, "pytorch_model.bin"], { weights: false }).paths).toEqual(described)
  })

  test("are adapters where there are any, also beside the config of their base", () => {
    const adapter = ["adapter_config.json", "adapter_model.safetensors"]
    expect(chosen([...adapter, "tokenizer.json"])).toEqual({ form: "adapter", paths: ["tokenizer.json", ...adapter] })
    expect(chosen([...adapter, ...described]).form).toBe("adapter")
    expect(refusal(["adapter_config.json", "adapter_model.bin"])).toMatch(/expected adapter_model\.safetensors .*got only adapter_model\.bin \(1\.50 MB\)\. Save the adapters/)
  })

  test("are the one GGUF file, or the one that is named", () => {
    expect(chosen(["model.Q8_0.gguf", "mmproj-model.gguf"])).toEqual({ form: "gguf", paths: ["model.Q8_0.gguf"] })
    expect(chosen([...described, "model.safetensors", "a.gguf"], { file: "a.gguf" })).toEqual({ form: "gguf", paths: ["a.gguf"] })
    expect(refusal(["m.Q4_0.gguf", "m.Q8_0.gguf"])).toMatch(/expected one \.gguf file .*got m\.Q4_0\.gguf \(1\.50 MB\), m\.Q8_0\.gguf \(1\.50 MB\)\. Name one: model\.file: m\.Q8_0\.gguf, or hub:owner\/model\/m\.Q8_0\.gguf/)
    expect(refusal(["m.Q4_0.gguf"], { file: "m.Q40.gguf" })).toMatch(/Did you mean m\.Q4_0\.gguf\?/)
    expect(refusal(["m-00001-of-00002.gguf"])).toMatch(/llama-gguf-split --merge/)
  })

  test.each([
    ["pickled weights alone", [...described, "pytorch_model.bin"], /got only pytorch_model\.bin .*Pickled weights are not read.*safe_serialization=True/],
    ["old checkpoints", ["consolidated.00.pth"], /got only consolidated\.00\.pth .*Convert it with transformers/],
    ["no weights", described, /got no weights\. Choose another repository/],
    ["no tokenizer.json", ["config.json", "tokenizer.model", "model.safetensors"], /expected a tokenizer\.json .*AutoTokenizer/],
    ["no config", ["tokenizer.json", "model.safetensors"], /expected config\.json beside model\.safetensors/],
  ])("are not there with %s, and the message says what helps", (_, paths, message) => {
    expect(refusal(paths)).toMatch(message)
    expect(refusal(paths)).toMatch(/^model\.hub: hub: expected .* in the model owner\/model, got /)
  })
})

describe("the shards of an index", () => {
  const index = (map: unknown): string => JSON.stringify({ weight_map: map })
  const files = [{ path: "a.safetensors", size: 1 }, { path: "b.safetensors", size: 1 }]

  test("are named once each", () => {
    expect(shardsOf(index({ x: "b.safetensors", y: "a.safetensors", z: "b.safetensors" }), files, repository)).toEqual(["a.safetensors", "b.safetensors"])
  })

  test.each([
    ["lacks one", index({ x: "a.safetensors", y: "c.safetensors" }), /got no c\.safetensors\. The repository is not complete/],
    ["leads elsewhere", index({ x: "../a.safetensors" }), /expected weight_map with names/],
    ["is none", "[]", /expected weight_map with names/],
    ["is damaged", "{", /expected JSON, got a syntax error/],
  ])("are refused when it %s", (_, text, message) => {
    const read = (): unknown => shardsOf(text, files, repository)
    expect(read).toThrow(CheckpointError)
    expect(read).toThrow(message)
  })
})
