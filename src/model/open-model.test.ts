import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, expect, test } from "vitest"
import { saveModelFolder } from "./folder.ts"
import { isModelPath, openModel } from "./open-model.ts"
import { readSourceWeights, sourceName } from "./weights-source.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-open-"))
afterAll(() => rmSync(root, { recursive: true }))

const gguf = fileURLToPath(new URL("./gguf/fixtures/llama.gguf", import.meta.url))

test("a GGUF file opens by its path, whatever it is called", async () => {
  const blob = join(root, "sha256-1234")
  copyFileSync(gguf, blob)
  const model = await openModel(blob)
  expect(model.source).toEqual({ kind: "gguf", path: blob })
  expect(sourceName(model.source)).toBe(blob)
  expect(await readSourceWeights(structuredClone(model.source), model.config)).toEqual(await model.readWeights())
})

test("a model from GGUF saved as a folder opens as the same model", async () => {
  const { config, tokenizer, generation, readWeights } = await openModel(gguf)
  await saveModelFolder(root, { config, tokenizer, generation, weights: await readWeights() })
  const again = await openModel(root)
  expect(again.source).toEqual({ kind: "folder", directory: root })
  expect({ ...again.config, source: {} }).toEqual({ ...config, source: {} })
  expect(again.generation.eosTokens).toEqual(generation.eosTokens)
  expect(await again.readWeights()).toEqual(await readWeights())
  expect(again.tokenizer.encode("What is 12 plus 30?")).toEqual(tokenizer.encode("What is 12 plus 30?"))
  expect(again.tokenizer.chatTemplate).toBe(tokenizer.chatTemplate)
})

test("a path may be a model when there is a file, or a folder with a config of a model or of adapters", () => {
  expect(isModelPath(gguf)).toBe(true)
  expect(isModelPath(root)).toBe(true)
  expect(isModelPath(tmpdir())).toBe(false)
  expect(isModelPath(join(root, "none.gguf"))).toBe(false)
})

test("a path of nothing is refused as the file or the folder that it looks like", async () => {
  await expect(openModel(join(root, "none.gguf"))).rejects.toThrow(/expected a GGUF file, got no such file/)
  await expect(openModel(join(root, "none"))).rejects.toThrow(/expected the config of a model, got no such file/)
})
