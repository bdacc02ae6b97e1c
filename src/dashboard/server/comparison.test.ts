import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { analyse, armCells, differenceCells, notes, readComparison } from "../../compare/index.ts"
import { writeComparison, writeRun } from "../../compare/comparison.test-helper.ts"
import type { WrittenEnd } from "../../compare/comparison.test-helper.ts"
import { Failures } from "../../compare/failures.ts"
import type { ComparisonAnswer, ComparisonTables, RunInfo, RunNumbers } from "../api.ts"
import { ComparisonSource } from "./comparison-source.ts"
import { startDashboard } from "./server.ts"
import type { Dashboard } from "./server.ts"

const app = { html: "", script: "", style: "" }
let folder: string
let out: string
let dashboard: Dashboard | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pirl-dashboard-comparison-"))
  out = join(folder, "runs", "tiny")
})

afterEach(async () => {
  await dashboard?.close()
  dashboard = undefined
  rmSync(folder, { recursive: true, force: true })
})

/** Two arms with two seeds; pipo does two updates a step. */
function write(endOf: (run: string) => WrittenEnd = () => "finished"): void {
  writeComparison(out, ["base", "pipo"], [1, 2], ({ arm, seed }) => ({
    end: endOf(`${arm}/${seed}`),
    accuracies: arm === "base" ? [0.2, 0.3, 0.4 + seed / 100] : [0.2, 0.5, 0.6],
    updatesPerStep: arm === "base" ? 1 : 2,
  }))
}

async function start(roots: readonly string[] = [join(folder, "runs")]): Promise<void> {
  dashboard = await startDashboard({ roots, port: 0, app })
}

async function ask<T>(path: string): Promise<{ readonly status: number; readonly body: T & { readonly error?: string } }> {
  const response = await fetch(`http://127.0.0.1:${dashboard!.port}${path}`)
  return { status: response.status, body: (await response.json()) as T & { readonly error?: string } }
}

async function runNamed(end: string): Promise<RunInfo> {
  const { runs } = (await ask<{ runs: RunInfo[] }>("/api/runs")).body
  return runs.find(({ name }) => name === end) ?? runs.find(({ name }) => name.endsWith(`/${end}`))!
}

/** The answer for a run of the comparison. */
async function comparison(query = "", run = "base/seed-1"): Promise<ComparisonAnswer> {
  const { status, body } = await ask<ComparisonAnswer>(`/api/runs/${(await runNamed(run)).id}/comparison?${query}`)
  expect([status, body.error]).toEqual([200, undefined])
  return body
}

async function tables(query = ""): Promise<ComparisonTables> {
  const answer = await comparison(query)
  expect(answer).toMatchObject({ kind: "tables" })
  return answer as ComparisonTables
}

describe("the comparison of a run", () => {
  test("has the tables that `pirl compare --show` prints, by each match, measure and arm", async () => {
    write()
    await start()
    const { results } = readComparison(out)
    const wanted = analyse(["base", "pipo"], results, { match: "rollouts", against: ["base"] })
    expect(await tables()).toEqual({
      kind: "tables",
      name: "tiny",
      arms: ["base", "pipo"],
      seeds: [1, 2],
      match: "rollouts",
      measure: "expected",
      measures: ["expected"],
      against: "base",
      runs: { finished: 4, failed: 0, unfinished: 0, waiting: 0 },
      armTable: armCells(wanted),
      differenceTable: differenceCells(wanted),
      notes: notes(wanted),
      failures: [],
    })
    const matched = analyse(["base", "pipo"], results, { match: "updates", measure: "expected", against: ["pipo"] })
    expect(await tables("match=updates&measure=expected&against=pipo")).toMatchObject({ match: "updates", against: "pipo", armTable: armCells(matched), differenceTable: differenceCells(matched), notes: notes(matched) })
    expect(armCells(matched)).not.toEqual(armCells(wanted))
  })

  test("tells open and failed runs, these with their reason", async () => {
    write((run) => ({ "base/2": "failed", "pipo/1": "unfinished", "pipo/2": "waiting" } as const)[run] ?? "finished")
    await start()
    expect(await tables()).toMatchObject({ runs: { finished: 1, failed: 1, unfinished: 1, waiting: 1 }, failures: [{ arm: "base", seed: 2, reason: "the loss is NaN" }], armTable: [[], ["base", "1 (1 failed)"], ["pipo", "0 (2 open)"]].map((row) => expect.arrayContaining(row) as unknown) })
  })

  test("says that nothing is measured while no run is finished", async () => {
    write((run) => (run === "base/1" ? "unfinished" : "waiting"))
    await start()
    expect(await tables()).toMatchObject({ runs: { finished: 0, unfinished: 1, waiting: 3 }, measures: [] })
  })

  test("is none of a run that stands alone, and none where there is no plan", async () => {
    write()
    rmSync(join(out, "plan.json"))
    writeRun(join(folder), { arm: "alone", seed: 1 }, { end: "finished", accuracies: [0.1, 0.2] })
    renameSync(join(folder, "runs", "alone", "seed-1"), join(folder, "runs", "single"))
    await start()
    expect(await comparison("", "single")).toEqual({ kind: "none", reason: "This run belongs to no comparison." })
    expect(await comparison()).toMatchObject({ kind: "none", reason: expect.stringContaining("it has no plan.json") as string })
  })

  test("is read in words where a parameter makes no sense", async () => {
    write()
    await start()
    const { id } = await runNamed("base/seed-1")
    for (const [query, words] of [
      ["match=tokens", "match: expected rollouts, updates, seconds"],
      ["measure=best", "measure: expected expected, greedy"],
      ["measure=greedy", "measure: expected one that a finished run has (expected), got greedy"],
      ["against=nobody", 'against: expected an arm of the comparison (base, pipo), got "nobody"'],
    ] as const) expect(await ask(`/api/runs/${id}/comparison?${query}`)).toMatchObject({ status: 400, body: { error: words } })
  })
})

describe("what is written in the folder", () => {
  test("a damaged plan, results or reasons are said in words, and the runs stay", async () => {
    write()
    await start()
    for (const [file, text] of [["plan.json", "{oops"], ["results.jsonl", "{oops\n{}\n"], ["failures.json", "[oops"]] as const) {
      const path = join(out, file)
      const before = file === "failures.json" ? "{}" : readFileSync(path, "utf8")
      writeFileSync(path, text)
      expect(await comparison()).toMatchObject({ kind: "damaged", name: "tiny", message: expect.stringMatching(new RegExp(`^tiny.${file}(:1)?: expected`)) as string })
      writeFileSync(path, before)
      expect(await comparison()).toMatchObject({ kind: "tables" })
    }
  })

  test("nothing is served of a comparison whose folder was not named", async () => {
    write()
    await start([join(out, "runs", "base", "seed-1")])
    expect(await comparison("", "seed-1")).toMatchObject({ kind: "none", reason: expect.stringContaining("was not named") as string })
    await dashboard!.close()
    await start([join(out, "runs")])
    expect(await comparison()).toMatchObject({ kind: "none" })
    for (const roots of [[out, join(out, "runs", "base", "seed-1")], [join(out, "runs", "base", "seed-1"), out]]) {
      await dashboard!.close()
      // The run is named twice, alone and with its comparison: it has the name that came last.
      await start(roots)
      expect(await comparison("", roots[0] === out ? "seed-1" : "base/seed-1")).toMatchObject({ kind: "tables" })
    }
  })

  test("an arm that would be a path is refused", async () => {
    write()
    const path = join(out, "plan.json")
    writeFileSync(path, readFileSync(path, "utf8").replace('"pipo"', '"../../../outside"'))
    await start()
    expect(await comparison()).toMatchObject({ kind: "damaged", message: expect.stringContaining("plan.json") as string })
  })

  test("a plan that is a link is refused, and nothing of what it points to is told", async () => {
    write()
    writeFileSync(join(folder, "secret.json"), "secret")
    rmSync(join(out, "plan.json"))
    symlinkSync(join(folder, "secret.json"), join(out, "plan.json"))
    await start()
    const answer = await comparison()
    expect(answer).toMatchObject({ kind: "damaged", message: expect.stringContaining("a link, which is not followed") as string })
    expect(JSON.stringify(answer)).not.toContain("secret")
  })

  test("the folder of a run that has not ended is refused when it is a link, also further up", async () => {
    write((run) => (run.startsWith("pipo") ? "unfinished" : "finished"))
    const outside = join(folder, "outside")
    renameSync(join(out, "runs", "pipo"), outside)
    symlinkSync(outside, join(out, "runs", "pipo"))
    await start()
    expect(await comparison()).toMatchObject({ kind: "damaged", message: expect.stringMatching(/runs.pipo: expected .* a link/) as string })
  })
})

describe("the cost", () => {
  test("nothing is read again while a run only makes steps, and it is when one ends, fails or begins", async () => {
    write((run) => ({ "base/2": "unfinished", "pipo/2": "waiting" } as const)[run] ?? "finished")
    const source = new ComparisonSource(out)
    await source.state()
    let state = await source.state()
    const rereads = async (): Promise<boolean> => {
      const now = await source.state()
      const isNew = now !== state
      // Where other files count from now on, it is read once more.
      await source.state()
      state = await source.state()
      return isNew
    }
    appendFileSync(join(out, "runs", "base", "seed-2", "metrics.jsonl"), '{"step":3,"mu":0.5,"time":{"seconds":1}}\n')
    expect(await rereads()).toBe(false)
    writeFileSync(join(out, "runs", "base", "seed-2", "summary.json"), "{}")
    expect(await rereads()).toBe(true)
    expect(state.results.find(({ arm, seed }) => arm === "base" && seed === 2)!.state).toBe("finished")
    writeRun(out, { arm: "pipo", seed: 2 }, { end: "unfinished", accuracies: [0.2, 0.3] })
    expect(await rereads()).toBe(true)
    new Failures(out).add({ arm: "pipo", seed: 2 }, { reason: "its worker died", final: false })
    expect(await rereads()).toBe(true)
    expect(state.results.at(-1)).toMatchObject({ state: "failed", error: "its worker died" })
    expect(await rereads()).toBe(false)
  })

  test("folders of finished runs are not looked into: a damaged log in one changes nothing", async () => {
    write()
    writeFileSync(join(out, "runs", "base", "seed-1", "metrics.jsonl"), "{oops\n{}\n")
    await start()
    expect(await tables()).toMatchObject({ runs: { finished: 4 } })
  })
})

test("an open page hears of a run whose process died: it is told in the comparison's files alone", async () => {
  write((run) => (run === "base/1" ? "unfinished" : "finished"))
  await start()
  await tables()
  const response = await fetch(`http://127.0.0.1:${dashboard!.port}/api/live`)
  const reader = response.body!.getReader()
  let text = ""
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString("utf8")
  })().catch(() => undefined)
  let attempt = 0
  await vi.waitFor(
    () => {
      if (text.includes("event: runs")) return
      new Failures(out).add({ arm: "base", seed: 1 }, { reason: `its worker died ${"!".repeat(attempt++)}`, final: false })
      throw new Error("no event yet")
    },
    { timeout: 10_000, interval: 200 },
  )
  await reader.cancel()
  await reading
})

test("the numbers of a run come from whole logs and grow with them", async () => {
  write()
  await start()
  const { id } = await runNamed("base/seed-1")
  const numbers = async (): Promise<RunNumbers> => (await ask<RunNumbers>(`/api/runs/${id}/numbers`)).body
  expect(await numbers()).toMatchObject({ steps: 2, accuracy: { greedy: null, expected: { start: { step: 0, value: 0.2 }, final: { step: 2, value: 0.4 + 1 / 100 } } }, sampledTokens: 200, seconds: 4 })
  appendFileSync(join(out, "runs", "base", "seed-1", "metrics.jsonl"), '{"step":3,"mu":0.5,"sampledTokens":7,"time":{"seconds":1}}\n')
  expect(await numbers()).toMatchObject({ steps: 3, sampledTokens: 207, seconds: 5 })
})
