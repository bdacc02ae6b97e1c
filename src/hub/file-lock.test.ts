import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { withFileLock } from "./file-lock.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-lock-"))
afterAll(() => rmSync(folder, { recursive: true }))
const lock = join(folder, "deep", "file.lock")

test("one works at a time, in turn, and nothing is left", async () => {
  let inside = 0
  let most = 0
  const waits: number[] = []
  const work = async (): Promise<void> => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setTimeout(resolve, 20))
    inside -= 1
  }
  await Promise.all([0, 1, 2].map((i) => withFileLock(lock, work, () => waits.push(i))))
  expect([most, waits.length]).toEqual([1, 2])
  expect(readdirSync(join(folder, "deep"))).toEqual([])
})

test("an error of the work is passed on, and frees the lock", async () => {
  await expect(withFileLock(lock, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
  expect(existsSync(lock)).toBe(false)
})

const dead = { id: "x", pid: 2 ** 22 + 1, host: hostname() }

test.each([
  ["of a process that is gone", JSON.stringify(dead), false],
  ["of a process that had our number", JSON.stringify({ ...dead, pid: process.pid }), false],
  ["of another machine, without a sign of life for long", JSON.stringify({ ...dead, host: "elsewhere" }), true],
  ["that is damaged, and old", "{", true],
])("a lock %s is taken over", async (_, text, old) => {
  writeFileSync(lock, text)
  if (old) utimesSync(lock, new Date(0), new Date(0))
  expect(await withFileLock(lock, async () => readFileSync(lock, "utf8") !== text)).toBe(true)
  expect(readdirSync(join(folder, "deep"))).toEqual([])
})

test("a lock of another machine that gives signs of life is waited for", async () => {
  writeFileSync(lock, JSON.stringify({ ...dead, host: "elsewhere" }))
  let waited = false
  setTimeout(() => rmSync(lock), 100)
  await withFileLock(lock, async () => undefined, () => (waited = true))
  expect(waited).toBe(true)
})
