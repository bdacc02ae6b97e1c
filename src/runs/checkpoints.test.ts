import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs"
import { renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { CheckpointError } from "../errors.ts"
import { CheckpointStore } from "./checkpoints.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-checkpoints-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let stores = 0
function directory(): string {
  return join(root, `store-${stores++}`)
}

function fill(text: string): (folder: string) => Promise<void> {
  return async (folder) => {
    writeFileSync(join(folder, "state.json"), text)
    mkdirSync(join(folder, "model"))
    await Promise.resolve()
    writeFileSync(join(folder, "model", "weights.bin"), text.repeat(10))
  }
}

function diskFull(): Error {
  return Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
}

const steps = (store: CheckpointStore): number[] => store.list().map(({ step }) => step)

describe("checkpoints", () => {
  test("are listed by step, and only the newest are kept", async () => {
    const store = new CheckpointStore(directory(), { keep: 2 })
    for (const step of [9, 10, 1_000_000]) await store.write(step, fill(`s${step}`))
    expect(steps(store)).toEqual([10, 1_000_000])
    expect(readdirSync(store.directory).sort()).toEqual(["step-000010", "step-1000000"])
    expect(readFileSync(join(store.newest()!.path, "state.json"), "utf8")).toBe("s1000000")
  })

  test("have their name only once everything was forced to the disk", async () => {
    const seen: string[][] = []
    const path = directory()
    const store = new CheckpointStore(path, {
      keep: 1,
      sync: (folder) => seen.push(readdirSync(path), readdirSync(folder).sort()),
    })
    await store.write(3, fill("a"))
    expect(seen).toEqual([[".writing-step-000003"], ["checkpoint.json", "model", "state.json"]])
    expect(steps(store)).toEqual([3])
  })

  test("of a run whose folder was deleted meanwhile fail, and say so", async () => {
    const store = new CheckpointStore(directory(), { keep: 1 })
    rmSync(store.directory, { recursive: true })
    await expect(store.write(3, fill("a"))).rejects.toThrow(/got none: the run's folder was deleted or moved while it was in use\. Move it back/)
    expect(existsSync(store.directory)).toBe(false)
  })

  test("written again under the same step replace the old one", async () => {
    const store = new CheckpointStore(directory(), { keep: 3 })
    await store.write(5, fill("old"))
    await store.write(5, fill("new"))
    expect(readFileSync(join(store.newest()!.path, "state.json"), "utf8")).toBe("new")
    expect(readdirSync(store.directory)).toEqual(["step-000005"])
  })
})

describe("a full disk", () => {
  test.each([
    ["while files are written", true],
    ["while they are forced to the disk", false],
  ])("%s leaves the last good checkpoint and no other file", async (_, whileFilling) => {
    let full = false
    const sync = (): void => {
      if (full && !whileFilling) throw diskFull()
    }
    const store = new CheckpointStore(directory(), { keep: 1, sync })
    await store.write(1, fill("good"))
    full = true
    const attempt = store.write(2, async (folder) => {
      await fill("bad")(folder)
      if (whileFilling) throw diskFull()
    })
    await expect(attempt).rejects.toThrow(CheckpointError)
    await expect(attempt).rejects.toThrow(/got ENOSPC\. The last good one stays: .*step-000001/)
    expect(readdirSync(store.directory)).toEqual(["step-000001"])
    expect(readFileSync(join(store.newest()!.path, "state.json"), "utf8")).toBe("good")
  })

  test("at the first checkpoint is reported as such", async () => {
    const store = new CheckpointStore(directory(), { keep: 1 })
    const attempt = store.write(1, () => Promise.reject(diskFull()))
    await expect(attempt).rejects.toThrow("There is no earlier one")
  })
})

describe("after a kill", () => {
  test("unfinished folders are cleared, and one that was moved aside comes back", async () => {
    const path = directory()
    const store = new CheckpointStore(path, { keep: 1 })
    await store.write(4, fill("four"))
    renameSync(join(path, "step-000004"), join(path, ".replaced-step-000004"))
    mkdirSync(join(path, ".writing-step-000004"))
    mkdirSync(join(path, ".removing-step-000003"))
    writeFileSync(join(path, ".writing-step-000004", "half"), "x")
    const again = new CheckpointStore(path, { keep: 1 })
    expect(readdirSync(path)).toEqual(["step-000004"])
    expect(steps(again)).toEqual([4])
  })

  test("a checkpoint with a file cut short is not taken for a good one", async () => {
    const store = new CheckpointStore(directory(), { keep: 3 })
    await store.write(1, fill("one"))
    const { path } = await store.write(2, fill("two"))
    truncateSync(join(path, "model", "weights.bin"), 7)
    expect(store.newest()?.step).toBe(1)
    expect(store.damaged()).toEqual([{ step: 2, path, reason: "model/weights.bin has 7 bytes instead of 30" }])
    store.removeAfter(1)
    expect(existsSync(path)).toBe(false)
  })
})
