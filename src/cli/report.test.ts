import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { fakeRun, steps } from "../report/report.test-helper.ts"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-cli-report-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = fakeRun(join(folder, "runs", "one"), { metrics: steps(4) })

async function report(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const context = captured()
  const code = await runCli(["report", ...argv], context)
  return { code, out: context.stdout(), err: context.stderr() }
}

describe("pirl report", () => {
  test("writes a run as one file in place of what was there, and leaves nothing else behind", async () => {
    const files = join(folder, "files")
    mkdirSync(files)
    const out = join(files, "report.html")
    writeFileSync(out, "old")
    const { code, out: said } = await report(run, "--out", out)
    expect(code).toBe(0)
    expect(said).toMatch(/report\.html: the run .*one, \d+ kB\n$/)
    expect(readFileSync(out, "utf8")).toContain("<h1>Run one</h1>")
    expect(readdirSync(files)).toEqual(["report.html"])
  })

  test("takes a folder that holds a single run for it, and asks which one of several", async () => {
    const out = join(folder, "single.html")
    expect((await report(join(folder, "runs"), "--out", out)).code).toBe(0)
    const many = join(folder, "many")
    fakeRun(join(many, "a"), {})
    fakeRun(join(many, "b"), {})
    const { code, err } = await report(many, "--out", out)
    expect(code).toBe(2)
    expect(err).toMatch(/expected a run or a comparison, got .*many, which holds 2 runs\. Name one of them, e\.g\. .*many/)
  })

  test("writes the timeline alone where it alone is asked for", async () => {
    const picture = join(folder, "timeline.svg")
    const { out } = await report(run, "--timeline", picture)
    expect(out).toMatch(/^[^\n]*timeline\.svg: the improvement timeline of [^\n]*\n$/)
    expect(readFileSync(picture, "utf8")).toMatch(/^<svg /)
  })

  test("refuses paths without a run, folders and names of other files as output, all at once", async () => {
    const empty = join(folder, "empty")
    mkdirSync(empty)
    const { code, err } = await report(empty, "--out", empty, "--timeline", join(run, "metrics.jsonl"))
    expect(code).toBe(2)
    expect(err).toMatch(/got .*empty, which holds no run\. Check the path/)
    expect(err).toMatch(/expected --out FILE, got the folder .*empty/)
    expect(err).toMatch(/expected --timeline with a name that ends in \.svg, got .*metrics\.jsonl/)
    expect((await report(join(folder, "gone"))).err).toContain("which is not there")
    expect((await report(run, "--out", join(folder, "no", "report.html"))).err).toContain("Make the folder first")
  })

  test("has no timeline of a comparison", async () => {
    const comparison = join(folder, "comparison")
    mkdirSync(comparison)
    writeFileSync(join(comparison, "plan.json"), "{}")
    expect((await report(comparison, "--timeline", join(folder, "x.svg"))).err).toContain("expected a run with --timeline, got a comparison")
  })
})
