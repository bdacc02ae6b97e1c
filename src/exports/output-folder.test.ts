import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { writeOutputFolder } from "./output-folder.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-output-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test("a folder is there when all of it is written, and takes the place of an empty one", async () => {
  const out = join(root, "whole")
  const result = await writeOutputFolder(out, (directory) => {
    writeFileSync(join(directory, "a"), "1")
    expect(existsSync(out)).toBe(false)
    return 7
  })
  expect([result, readFileSync(join(out, "a"), "utf8"), readdirSync(root)]).toEqual([7, "1", ["whole"]])
  await expect(writeOutputFolder(out, () => 0)).rejects.toThrow("which holds a. Choose another")
  rmSync(out, { recursive: true })
})

test.runIf(existsSync("/proc/self"))("a place where no folder can be made is refused at once", async () => {
  const refused = writeOutputFolder("/proc/pirl/export", () => 0)
  await expect(refused).rejects.toThrow(/--out: expected a folder that can be made/)
})

test("what fails leaves nothing", async () => {
  const failing = writeOutputFolder(join(root, "failed"), (directory) => {
    writeFileSync(join(directory, "a"), "1")
    throw new Error("no more")
  })
  await expect(failing).rejects.toThrow("no more")
  expect(readdirSync(root)).toEqual([])
})

test.each(["SIGINT", "SIGTERM"] as const)("%s ends the process and leaves nothing", async (signal) => {
  const module = new URL("./output-folder.ts", import.meta.url).href
  const script = `
    import { writeFileSync } from "node:fs"
    import { writeOutputFolder } from ${JSON.stringify(module)}
    await writeOutputFolder(${JSON.stringify(join(root, "stopped"))}, async (directory) => {
      writeFileSync(directory + "/a", "1")
      console.log("begun")
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    })`
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  await once(child.stdout, "data")
  expect(readdirSync(root)).toHaveLength(1)
  child.kill(signal)
  expect(await ended).toEqual([null, signal])
  expect(readdirSync(root)).toEqual([])
})
