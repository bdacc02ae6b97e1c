import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { hashOf } from "./file-hashes.ts"
import { checkFiles, checkModelFolder, Damage, readManifest, writeManifest, writeModelManifest } from "./manifest.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-manifest-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const NAME = "checkpoint.json"
let directory = ""
let folders = 0
const at = (path: string): string => join(directory, path)

beforeEach(() => {
  directory = join(root, `folder-${folders++}`)
  mkdirSync(join(directory, "best"), { recursive: true })
  writeFileSync(at("model.safetensors"), "weights")
  writeFileSync(at("optimizer.safetensors"), "moments")
  writeFileSync(at("best/model.safetensors"), "others")
})

/** Changes one byte to another value. */
function damage(path: string, position: number): void {
  const bytes = readFileSync(path)
  bytes[position]! ^= 1 << (position % 8)
  writeFileSync(path, bytes)
}

describe("a manifest", () => {
  test("holds size and SHA-256 of every file, those in folders included, and what its writer adds", () => {
    writeManifest(directory, NAME, { step: 3 }, undefined)
    const { files, sha256, facts } = readManifest(directory, NAME)
    expect(files).toEqual({ "best/model.safetensors": 6, "model.safetensors": 7, "optimizer.safetensors": 7 })
    // printf weights | sha256sum
    expect(sha256!["model.safetensors"]).toBe("9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c")
    expect(facts).toEqual({ step: 3 })
    checkFiles(directory, { files, sha256, facts })
  })

  test("takes the hashes that were made while files were written: what the disk did to them since then shows", () => {
    const meant = new Map([["model.safetensors", hashOf("weights")]])
    damage(at("model.safetensors"), 2)
    writeManifest(directory, NAME, {}, meant)
    expect(() => checkFiles(directory, readManifest(directory, NAME))).toThrow(
      "model.safetensors has another content than was written",
    )
  })

  test("notices a change of any byte of itself", () => {
    writeManifest(directory, NAME, { step: 3, logs: { "metrics.jsonl": { bytes: 1, sha256: hashOf("x") } } }, undefined)
    const written = readFileSync(at(NAME))
    for (let position = 0; position < written.length; position++) {
      const bytes = Buffer.from(written)
      bytes[position]! ^= 1 << (position % 8)
      writeFileSync(at(NAME), bytes)
      expect(() => readManifest(directory, NAME)).toThrow("checkpoint.json has another content than was written")
    }
    writeFileSync(at(NAME), written.subarray(0, -1))
    expect(() => readManifest(directory, NAME)).toThrow(Damage)
  })

  test("tells a missing file, one of another size and one of another content apart", () => {
    writeManifest(directory, NAME, {}, undefined)
    const manifest = readManifest(directory, NAME)
    damage(at("optimizer.safetensors"), 6)
    expect(() => checkFiles(directory, manifest)).toThrow("optimizer.safetensors has another content than was written")
    checkFiles(directory, manifest, { hashes: false })
    writeFileSync(at("best/model.safetensors"), "cut")
    expect(() => checkFiles(directory, manifest)).toThrow("best/model.safetensors has 3 bytes instead of 6")
    rmSync(at("model.safetensors"))
    expect(() => checkFiles(directory, manifest, { only: (path) => path === "model.safetensors" })).toThrow(
      "model.safetensors is missing",
    )
    rmSync(at(NAME))
    expect(() => readManifest(directory, NAME)).toThrow("checkpoint.json is missing")
  })

  test("of version 1 has sizes and no hashes", () => {
    const files = { "model.safetensors": 7 }
    writeFileSync(at(NAME), JSON.stringify({ version: 1, step: 4, files }))
    const manifest = readManifest(directory, NAME)
    expect(manifest).toEqual({ files, sha256: undefined, facts: { step: 4 } })
    damage(at("model.safetensors"), 0)
    checkFiles(directory, manifest)
    writeFileSync(at("model.safetensors"), "")
    expect(() => checkFiles(directory, manifest)).toThrow("0 bytes instead of 7")
  })

  test("of a newer version is no damage: the error says which pirl to use", () => {
    const content = { version: 3, files: {}, sha256: {} }
    writeFileSync(at(NAME), JSON.stringify({ ...content, manifest: hashOf(JSON.stringify(content)) }))
    expect(() => readManifest(directory, NAME)).toThrow(/got 3, which a newer version of pirl has written/)
    expect(() => readManifest(directory, NAME)).not.toThrow(Damage)
  })
})

describe("a folder that a model is opened from", () => {
  test("without a manifest is anybody's, and is not checked", () => {
    checkModelFolder(directory)
  })

  test("of a checkpoint is checked but for what training alone reads", () => {
    writeManifest(directory, NAME, {}, undefined)
    damage(at("optimizer.safetensors"), 1)
    damage(at("best/model.safetensors"), 1)
    checkModelFolder(directory)
  })

  test("of a checkpoint is refused when its weights are damaged, with the file's name", () => {
    writeManifest(directory, NAME, {}, undefined)
    damage(at("model.safetensors"), 1)
    expect(() => checkModelFolder(directory)).toThrow(CheckpointError)
    expect(() => checkModelFolder(directory)).toThrow(
      /model\.safetensors has another content .* remove checkpoint\.json/,
    )
  })

  test("of a run's model may hold further files, and is refused when one that was saved is changed", () => {
    writeModelManifest(directory, new Map([["model.safetensors", hashOf("weights")]]))
    writeFileSync(at("README.md"), "mine")
    checkModelFolder(directory)
    writeModelManifest(directory, new Map([["model.safetensors", hashOf("weights of before")]]))
    expect(() => checkModelFolder(directory)).toThrow(/model\.safetensors .* remove checksums\.json from the folder/)
  })
})
