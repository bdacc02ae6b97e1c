import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { readComparison } from "./compare.ts"
import { writeComparison, writeRun, type WrittenEnd } from "./comparison.test-helper.ts"
import { Failures } from "./failures.ts"
import { runDirectory } from "./results.ts"

let out: string
beforeEach(() => (out = mkdtempSync(join(tmpdir(), "pirl-reading-"))))
afterEach(() => rmSync(out, { recursive: true, force: true }))

const ends: Readonly<Record<string, WrittenEnd>> = { "base/1": "finished", "base/2": "failed", "base/3": "unfinished", "pipo/1": "finished", "pipo/2": "finished", "pipo/3": "waiting" }

function write(): void {
  writeComparison(out, ["base", "pipo"], [1, 2, 3], ({ arm, seed }) => ({ end: ends[`${arm}/${seed}`]!, accuracies: [0.2, 0.3 + seed / 10, 0.4] }))
}

/** Read from the lines of runs that have ended, with the folders that were looked into. */
function read(): { readonly state: object; readonly folders: readonly string[] } {
  const folders: string[] = []
  const state = readComparison(out, { endedFromLines: true, onFolder: (folder) => folders.push(folder) })
  return { state, folders: folders.map((folder) => folder.slice(join(out, "runs").length + 1)) }
}

test("lines of runs that have ended stand for their folders, and the result is that of the full reading", () => {
  write()
  new Failures(out).add({ arm: "base", seed: 2 }, { reason: "the loss is NaN", final: true })
  const { state, folders } = read()
  expect(state).toEqual(readComparison(out))
  expect(folders).toEqual(["base/seed-3"])
})

test("a run that has ended since its line was written is read from its folder", () => {
  write()
  rmSync(runDirectory(out, { arm: "base", seed: 3 }), { recursive: true })
  writeRun(out, { arm: "base", seed: 3 }, { end: "finished", accuracies: [0.2, 0.9] })
  const { state } = read()
  expect(state).toEqual(readComparison(out))
  expect(state).toMatchObject({ results: expect.arrayContaining([expect.objectContaining({ arm: "base", seed: 3, state: "finished" })]) as unknown })
})

test("the line of a failed run that is tried again, its reason taken away, does not stand", () => {
  write()
  const failures = new Failures(out)
  failures.add({ arm: "base", seed: 2 }, { reason: "the loss is NaN", final: true })
  failures.remove({ arm: "base", seed: 2 })
  rmSync(runDirectory(out, { arm: "base", seed: 2 }), { recursive: true })
  writeRun(out, { arm: "base", seed: 2 }, { end: "unfinished", accuracies: [0.2, 0.3] })
  const { state, folders } = read()
  expect(folders).toEqual(["base/seed-2", "base/seed-3"])
  expect(state).toEqual(readComparison(out))
})

test("a line that is no result of ours stands for nothing", () => {
  write()
  const path = join(out, "results.jsonl")
  writeFileSync(path, readFileSync(path, "utf8").replaceAll('"curve":', '"points":'))
  const { state, folders } = read()
  expect(folders).toEqual(["base/seed-1", "pipo/seed-1", "base/seed-2", "pipo/seed-2", "base/seed-3"])
  expect(state).toEqual(readComparison(out))
})

test("a reader that refuses a folder ends the reading", () => {
  write()
  const onFolder = (): never => {
    throw new Error("not this one")
  }
  expect(() => readComparison(out, { endedFromLines: true, onFolder })).toThrow("not this one")
})

test("a plan whose arms or seeds would be paths, or lack what is read of them, is refused", () => {
  write()
  const path = join(out, "plan.json")
  const plan = JSON.parse(readFileSync(path, "utf8")) as { arms: object[]; seeds: unknown[]; config: object }
  const refused = (changes: object): void => {
    writeFileSync(path, JSON.stringify({ ...plan, ...changes }))
    expect(() => readComparison(out)).toThrow(/plan\.json: expected the plan of a comparison, got/)
  }
  refused({ arms: [{ ...plan.arms[0], name: "../../outside" }] })
  refused({ arms: [{ ...plan.arms[0], name: "" }] })
  refused({ arms: [{ name: "base" }] })
  refused({ arms: [null] })
  refused({ seeds: ["../1"] })
  refused({ config: {} })
})

test("a damaged failures.json is named", () => {
  write()
  writeFileSync(join(out, "failures.json"), "{oops")
  expect(() => readComparison(out)).toThrow(/failures\.json: expected the reasons of failed runs as JSON, got .* Remove the file/)
})
