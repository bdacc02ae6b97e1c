import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { makeFolder } from "./make-folder.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-folder-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("a folder is made with those above it, and one that is there stays", () => {
  const path = join(folder, "a/b/c")
  makeFolder(path)
  makeFolder(path)
  expect(statSync(path).isDirectory()).toBe(true)
})

test.runIf(existsSync("/proc/self"))("a folder in /proc is refused at once", () => {
  for (const path of ["/proc/pirl-run", "/proc/pirl/run/deeper"]) {
    expect(() => makeFolder(path)).toThrow(ConfigError)
    expect(() => makeFolder(path)).toThrow(
      /train\.runDir: expected a folder that can be made, got \/proc\/.*Choose another/,
    )
  }
})

test("a file in the way is named", () => {
  const file = join(folder, "file")
  writeFileSync(file, "")
  expect(() => makeFolder(file, "--out")).toThrow(/--out: expected a folder, got the file/)
  expect(() => makeFolder(join(file, "below"), "--out")).toThrow(/--out: expected a folder that can be made/)
})
