import { describe, expect, test } from "vitest"
import { captured } from "./cli.test-helper.ts"
import { downloadProgress } from "./download-progress.ts"

const MB = 1_000_000
const file = "model.safetensors"

/** Shows a download of 100 MB, one per second, from 20 MB on. */
function shown(columns: number | undefined, env: Readonly<Record<string, string>> = {}, sized = true): { readonly out: string; readonly err: string } {
  const context = captured(columns, env)
  let seconds = 0
  const progress = downloadProgress(context, "owner/name", () => 1000 * seconds)
  for (; seconds <= 80; seconds++) progress.onProgress({ file, totalBytes: sized ? 100 * MB : undefined, receivedBytes: (20 + seconds) * MB })
  progress.done()
  progress.close()
  return { out: context.stdout(), err: context.stderr() }
}

describe("a download", () => {
  test("is a line every five seconds where there is no terminal, on the error stream", () => {
    const { out, err } = shown(undefined)
    const lines = err.trimEnd().split("\n")
    expect(out).toBe("")
    expect(lines).toHaveLength(18)
    expect(lines[0]).toBe("owner/name  20.0 MB of 100 MB")
    expect(lines[2]).toBe("owner/name  30.0 MB of 100 MB  1.00 MB/s  1m10s left")
    expect(lines.at(-2)).toBe("owner/name  100 MB of 100 MB  1.00 MB/s  0s left")
    expect(lines.at(-1)).toBe("fetched owner/name: 80.0 MB in 1m21s")
  })

  test("is a bar on a terminal, which goes when it is done", () => {
    const { err } = shown(100)
    expect(err).toContain("\r\u001B[2K[##########----------]  50.0 MB of 100 MB  1.00 MB/s  50s left  model.safetensors")
    expect(err.endsWith("\r\u001B[2Kfetched owner/name: 80.0 MB in 1m21s\n")).toBe(true)
    expect(shown(0).err).toContain("50.0 MB of 100 MB")
    for (const line of shown(30).err.split("\r\u001B[2K").slice(1, -1)) expect(line.length).toBeLessThan(30)
  })

  test("is lines on a terminal that can do no more, and has no end in sight without a size", () => {
    expect(shown(80, { TERM: "dumb" }).err).not.toContain("\u001B")
    expect(shown(undefined, {}, false).err).not.toMatch(/ of | left/)
  })

  test("of nothing shows nothing", () => {
    const context = captured(80)
    const progress = downloadProgress(context, "owner/name")
    progress.done()
    progress.close()
    expect(context.stderr()).toBe("")
  })

  test("shows no control characters of a server", () => {
    const context = captured(100)
    const progress = downloadProgress(context, "owner/name", () => 0)
    progress.onProgress({ file: "a\u001B]0;x", totalBytes: 1, receivedBytes: 1 })
    progress.onNote("b\u001B[2J")
    for (const sequence of ["\u001B]0", "\u001B[2J"]) expect(context.stderr()).not.toContain(sequence)
  })
})
