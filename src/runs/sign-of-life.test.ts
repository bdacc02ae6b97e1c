import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test, vi } from "vitest"
import { readRun } from "./read-run.ts"
import { createRunFolder } from "./run-folder.ts"
import { acquireLock } from "./run-lock.ts"
import { giveSigns, SILENT_AFTER_MS } from "./sign-of-life.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-signs-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const old = new Date("2026-01-01T00:00:00.000Z")
const now = old.getTime()
let runs = 0

/** A run held from another machine, whose newest sign was at `old`. */
function heldFrom(host: string): string {
  const directory = join(root, `run-${runs++}`)
  const folder = createRunFolder(directory, { configYaml: "seed: 1\n", keepCheckpoints: 1 })
  folder.logMetrics({ step: 1, mu: 0.5, time: { at: old.toISOString(), seconds: 1 } })
  folder.close()
  writeFileSync(join(directory, "lock.json"), JSON.stringify({ pid: process.pid, startTime: null, host, since: old.toISOString() }))
  for (const name of ["lock.json", "metrics.jsonl"]) utimesSync(join(directory, name), old, old)
  return directory
}

describe("a run held from another machine", () => {
  test("is running while it gives signs, silent ten minutes after the last, and says who and since when", () => {
    const directory = heldFrom("node-3")
    expect(readRun(directory, now + SILENT_AFTER_MS).state).toBe("running")
    const { state, holder } = readRun(directory, now + SILENT_AFTER_MS + 1)
    expect(state).toBe("silent")
    expect(holder).toBe(`process ${process.pid} on node-3 since 2026-01-01T00:00:00.000Z, last sign of life 10 min ago`)
  })

  test.each(["lock.json", "metrics.jsonl"])("gives a sign by %s", (name) => {
    const directory = heldFrom("node-3")
    const later = new Date(now + 3_600_000)
    utimesSync(join(directory, name), later, later)
    expect(readRun(directory, now + 3_600_001).state).toBe("running")
  })

  test("is never taken over by itself, however silent; the error says how long and what to remove", () => {
    const directory = heldFrom("node-3")
    expect(() => acquireLock(directory)).toThrow(/in use by process \d+ on node-3 since .*, last sign of life \d+ d ago\. Wait for it, .* Only if that process is gone for certain, remove .*lock\.json\./)
    expect(existsSync(join(directory, "lock.json"))).toBe(true)
  })
})

test("a run of this machine is running as long as its process lives, however old its files", () => {
  const { state, holder } = readRun(heldFrom(hostname()), now + 100 * SILENT_AFTER_MS)
  expect(state).toBe("running")
  expect(holder).not.toContain("sign of life")
})

describe("signs", () => {
  test("renew the time of a lock until it is given back", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
    try {
      const directory = join(root, "signs")
      const folder = createRunFolder(directory, { configYaml: "seed: 1\n", keepCheckpoints: 1 })
      const path = join(directory, "lock.json")
      utimesSync(path, old, old)
      vi.advanceTimersByTime(SILENT_AFTER_MS / 2)
      expect(statSync(path).mtimeMs).toBeGreaterThan(now)
      folder.close()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test("are not given for a lock that another process has taken over, and a folder that is gone ends nothing", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
    try {
      const path = join(root, "taken")
      writeFileSync(path, "")
      utimesSync(path, old, old)
      const isOurs = vi.fn(() => false)
      const ends = [giveSigns(path, isOurs, 10), giveSigns(join(root, "gone", "lock.json"), () => true, 10)]
      vi.advanceTimersByTime(35)
      expect(isOurs).toHaveBeenCalledTimes(3)
      expect(statSync(path).mtimeMs).toBe(now)
      for (const end of ends) end()
    } finally {
      vi.useRealTimers()
    }
  })
})
