import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { hubNameIn, parseHubReference } from "./repository.ts"

describe("a model of the hub on the command line", () => {
  test.each([
    ["hub:owner/name", { name: "owner/name" }],
    ["hub:owner/name@v1.0", { name: "owner/name", revision: "v1.0" }],
    ["hub:owner/name@refs/pr/1", { name: "owner/name", revision: "refs/pr/1" }],
    ["hub:owner/name/model.Q8_0.gguf", { name: "owner/name", file: "model.Q8_0.gguf" }],
    ["hub:owner/name/sub/model.gguf", { name: "owner/name", file: "sub/model.gguf" }],
    ["hub:owner/name@main/model.gguf", { name: "owner/name", revision: "main", file: "model.gguf" }],
  ])("is read from %s", (text, expected) => {
    expect(parseHubReference(text, "MODEL")).toEqual({ revision: undefined, file: undefined, ...expected })
  })

  test("is nothing without the prefix, and an error with half a name", () => {
    expect(parseHubReference("owner/name", "MODEL")).toBeUndefined()
    for (const wrong of ["hub:", "hub:name", "hub:owner/name/model.bin", "hub:../..", "hub:owner/name@"]) {
      expect(() => parseHubReference(wrong, "MODEL")).toThrow(/MODEL: expected hub:owner\/name.*Correct it/)
    }
  })
})

describe("a path that is not there", () => {
  const folder = mkdtempSync(join(tmpdir(), "pirl-names-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const before = process.cwd()
  afterAll(() => process.chdir(before))

  test.each(["HuggingFaceTB/SmolLM2-135M-Instruct", "hub:owner/name", "hf://owner/name", "https://huggingface.co/owner/name/"])("may be a name of the hub: %s", (path) => {
    expect(hubNameIn(path)).toBe(path.includes("Smol") ? path : "owner/name")
  })

  test.each(["name", "./owner/name", "/owner/name", "a/b/c", "../name", "owner/na me"])("is none of the hub: %s", (path) => {
    expect(hubNameIn(path)).toBeUndefined()
  })

  test("in a folder that is there is a misspelt path", () => {
    process.chdir(folder)
    mkdirSync("models/there", { recursive: true })
    expect([hubNameIn("models/there"), hubNameIn("models/thre"), hubNameIn("other/thre")]).toEqual([undefined, undefined, "other/thre"])
  })
})
