import { describe, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { parseConfig } from "./parse.ts"

function issuesOf(model: object): Record<string, string> {
  try {
    parseConfig({ model, task: { name: "add2" } })
    return {}
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.issues.map(({ path, message }) => [path, message]))
    throw error
  }
}

const commit = "0123456789abcdef".repeat(3).slice(0, 40)

describe("a model of the hub", () => {
  test("has the learning rate of a trained model", () => {
    const config = parseConfig({ model: { hub: "owner/name", revision: "v1", file: "x.gguf", commit }, task: { name: "add2" } })
    expect(config.optimizer.learningRate).toBe(1e-6)
    expect(config.model).toEqual({ hub: "owner/name", revision: "v1", file: "x.gguf", commit, dtype: "f32" })
  })

  test.each([
    [{}, "model", /expected `path`, `hub` or `preset`, got none of them/],
    [{ hub: "owner/name", path: "m" }, "model", /expected one of .* got path and hub\. Remove all but one/],
    [{ hub: "owner/name", preset: "nano" }, "model", /got hub and preset/],
    [{ hub: "owner/name", alphabet: "ab" }, "model.alphabet", /expected nothing beside `model\.hub`/],
    [{ path: "m", revision: "main" }, "model.revision", /only beside `model\.hub`/],
    [{ preset: "nano", file: "x.gguf" }, "model.file", /only beside `model\.hub`/],
    [{ hub: "name" }, "model.hub", /expected owner\/name, got "name"/],
    [{ hub: "../.." }, "model.hub", /expected owner\/name/],
    [{ hub: "https://huggingface.co/owner/name" }, "model.hub", /Write owner\/name\./],
    [{ hub: "owner/name", file: "model.safetensors" }, "model.file", /expected the name of a \.gguf file/],
    [{ hub: "owner/name", commit: "main" }, "model.commit", /40 hexadecimal digits .*`model\.revision`/],
    [{ hub: "owner/name", commit, revision: "f".repeat(40) }, "model.commit", /expected f{40} as in `model\.revision`/],
  ])("cannot be %j", (model, path, message) => {
    expect(issuesOf(model)).toEqual({ [path]: expect.stringMatching(message) })
  })
})
