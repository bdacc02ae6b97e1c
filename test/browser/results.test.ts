import { appendFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { writeComparison } from "../../src/compare/comparison.test-helper.ts"
import { noChromium, openPage, overflow, startChromium, type WatchedPage } from "../helpers/chromium.ts"
import { startPirl, type Running } from "../helpers/pirl.ts"
import { Workspace } from "../helpers/tiny-run.ts"

/** A busy machine takes many times what an idle one does; nothing here waits longer than its condition needs. */
const patience = { startMs: 300_000, serverMs: 900_000, conditionMs: 60_000 } as const
const patient = { timeout: patience.conditionMs }

/** Texts of the cells of a table, line breaks between the parts of a cell, without its head. */
function cells(page: Page, table: string): Promise<string[][]> {
  return page.evaluate<string[][]>(`[...document.querySelectorAll(${JSON.stringify(`${table} tbody tr`)})].map((row) => [...row.cells].map((cell) => cell.innerText))`)
}

const heads = (page: Page, table: string): Promise<string[]> => page.locator(`${table} thead th`).allTextContents()

describe.skipIf(noChromium !== undefined)(`results in a browser${noChromium === undefined ? "" : ` (skipped: ${noChromium})`}`, () => {
  const workspace = new Workspace()
  const out = join(workspace.directory, "runs", "tiny")
  const open = join(out, "runs", "pipo", "seed-2")
  const chosen = '[aria-label="Chosen runs"] table'
  let browser: Browser
  let server: Running
  let opened: WatchedPage

  beforeAll(async () => {
    writeComparison(out, ["base", "pipo"], [1, 2], ({ arm, seed }) => ({
      end: arm === "pipo" && seed === 2 ? "unfinished" : arm === "base" && seed === 2 ? "failed" : "finished",
      accuracies: arm === "base" ? [0.2, 0.3, 0.4] : [0.2, 0.5, 0.6],
      updatesPerStep: arm === "base" ? 1 : 2,
    }))
    server = startPirl(["watch", "runs", "--no-open", "--port", "0"], { cwd: workspace.directory, page: true, patienceMs: patience.serverMs })
    const [started, printed] = await Promise.all([startChromium(), server.matched(/(http:\S+)/)])
    browser = started
    opened = await openPage(browser, printed[1]!, { viewport: { width: 1280, height: 900 } })
  }, patience.startMs)

  afterAll(async () => {
    await browser?.close()
    server?.kill("SIGKILL")
    await server?.ended
    workspace.remove()
  })

  test("a tab that the keyboard opens has a row for every chosen run, with its accuracies and their intervals", async () => {
    const { page } = opened
    await page.getByRole("tab", { name: "results" }).focus()
    await page.keyboard.press("Enter")
    await expect.poll(async () => (await cells(page, chosen)).map(([name, , , start, best, final, improvement]) => [name, start, best, final, improvement]).sort(), patient).toEqual([
      ["base seed\u00a01\ntiny", "20.0 %\n[16.1, 23.9]", "40.0 %\n[36.1, 43.9] at step 2", "40.0 %\n[36.1, 43.9]", "+20.0"],
      ["base seed\u00a02\ntiny", "20.0 %\n[16.1, 23.9]", "40.0 %\n[36.1, 43.9] at step 2", "40.0 %\n[36.1, 43.9]", "+20.0"],
      ["pipo seed\u00a01\ntiny", "20.0 %\n[16.1, 23.9]", "60.0 %\n[56.1, 63.9] at step 2", "60.0 %\n[56.1, 63.9]", "+40.0"],
      ["pipo seed\u00a02\ntiny", "20.0 %\n[16.1, 23.9]", "60.0 %\n[56.1, 63.9] at step 2", "60.0 %\n[56.1, 63.9]", "+40.0"],
    ])
  })

  test("the tables of the comparison follow its choices, and a failed run is there with its reason", async () => {
    const { page } = opened
    const panel = page.getByRole("region", { name: "Comparison" })
    await expect.poll(() => cells(page, "#comparison-arms").then((rows) => rows.map((row) => row.slice(0, 5))), patient).toEqual([
      ["base", "1 (1 failed)", "0.200", "0.400", "0.350"],
      ["pipo", "1 (1 open)", "0.200", "0.600", "0.550"],
    ])
    expect(await panel.getByRole("article").allTextContents()).toEqual(["base, seed 2 failedthe loss is NaN"])
    expect((await cells(page, "#comparison-differences"))[0]!.slice(0, 3)).toEqual(["pipo - base", "1", "+0.200"])
    await panel.getByLabel("Against").selectOption("pipo")
    await expect.poll(async () => (await cells(page, "#comparison-differences"))[0]!.slice(0, 3), patient).toEqual(["base - pipo", "1", "-0.200"])
    await panel.getByLabel("Matched by").focus()
    await page.keyboard.press("ArrowDown")
    // At two updates pipo had made one step.
    await expect.poll(async () => (await heads(page, "#comparison-arms")).slice(-2), patient).toEqual(["rollouts", "read at updates"])
    expect((await cells(page, "#comparison-arms")).map((row) => [row[0], row.at(-1)])).toEqual([["base", "2.0"], ["pipo", "2.0"]])
    await panel.getByText("Matched optimiser steps:").waitFor()
  })

  test("rows and tables grow with the runs, without a reload", async () => {
    const { page } = opened
    appendFileSync(join(open, "metrics.jsonl"), `${JSON.stringify({ step: 3, mu: 0.9, optimizerSteps: 2, sampledTokens: 100, trainedTokens: 200, time: { at: "2026-01-01T00:00:00.000Z", seconds: 2 } })}\n`)
    await expect.poll(async () => (await cells(page, chosen)).find(([name]) => name!.startsWith("pipo seed\u00a02"))!.slice(1, 3), patient).toEqual(["stopped", "3\nof 2"])
    writeFileSync(join(open, "summary.json"), "{}")
    await expect.poll(async () => (await cells(page, "#comparison-arms"))[1]!.slice(0, 2), patient).toEqual(["pipo", "2"])
    await page.getByText("2 arms over 2 seeds: 3 of 4 runs finished, 1 failed.").waitFor()
  })

  test("nothing scrolls sideways at 390 and 1280 pixels, and no error of console or network was met", async () => {
    const { page, troubles } = opened
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 })
      expect(await overflow(page), `${width} pixels`).toBeLessThanOrEqual(0)
    }
    expect(troubles).toEqual([])
  })
})
