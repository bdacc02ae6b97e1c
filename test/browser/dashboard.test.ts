import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { noChromium, openPage, overflow, startChromium, type WatchedPage } from "../helpers/chromium.ts"
import { startPirl, type Running } from "../helpers/pirl.ts"
import { Workspace, tinyConfig } from "../helpers/tiny-run.ts"

/** What a model could write to harm the reader. */
const attack = '<script>document.title = "taken"</script><img src="x" onerror="document.title = \'taken\'">'

/** A finished run of two steps, the second of which looks back at the first. */
function writeRun(directory: string, completion: string, prompt: string = "1+1="): void {
  mkdirSync(join(directory, "completions"), { recursive: true })
  writeFileSync(join(directory, "config.yaml"), "task: {name: add2}\ntrain: {steps: 2}\n")
  const gates = [{ gate: "skipped", xi: 0 }, { gate: "suppress", xi: -2, gateFactor: -2, lossScale: 0.1, learningRateScale: 1 }]
  const metrics = gates.map((gate, i) => JSON.stringify({ step: i + 1, mu: (i + 1) / 4, entropy: 1 / (i + 1), ...gate, time: { at: "2026-01-01T00:00:00.000Z" } }))
  writeFileSync(join(directory, "metrics.jsonl"), `${metrics.join("\n")}\n`)
  const record = {
    step: 1,
    group: 0,
    problem: "add/1",
    prompt,
    completion,
    tokenLengths: [1, completion.length - 1, 0],
    tokenLogprobs: [-0.01, -4, -0.1],
    gold: "2",
    reward: 0,
    status: "incorrect",
    advantage: -1,
    attribution: -1.5,
  }
  writeFileSync(join(directory, "completions", "steps-000000-000999.jsonl"), `${JSON.stringify(record)}\n`)
  writeFileSync(join(directory, "summary.json"), "{}")
}

/** Steps and points that a chart says it draws. */
async function drawn(page: Page, title: string): Promise<{ readonly curves: number; readonly points: number; readonly step: number }> {
  const label = (await page.getByRole("img", { name: `${title}:` }).getAttribute("aria-label"))!
  const [curves, points, step] = /: (\d+) curves?, (\d+) points?, to step (\d+)$/.exec(label)!.slice(1).map(Number)
  return { curves: curves!, points: points!, step: step! }
}

/** A busy machine takes many times what an idle one does; nothing here waits longer than its condition needs. */
const patience = { startMs: 300_000, trainingMs: 900_000, conditionMs: 60_000 } as const
const patient = { timeout: patience.conditionMs }

const tab = (page: Page, name: string): Promise<void> => page.getByRole("tab", { name }).click()
const choose = (page: Page, name: string): Promise<void> => page.getByRole("checkbox", { name }).click()

describe.skipIf(noChromium !== undefined)(`the dashboard in a browser${noChromium === undefined ? "" : ` (skipped: ${noChromium})`}`, () => {
  const workspace = new Workspace()
  const runs = join(workspace.directory, "runs")
  let browser: Browser
  let training: Running
  let link: string
  let opened: WatchedPage

  beforeAll(async () => {
    writeRun(join(runs, "hostile"), attack)
    writeRun(join(runs, "short-lived"), "3", "A long prompt of many words. ".repeat(200))
    mkdirSync(join(runs, "new"))
    writeFileSync(join(runs, "new", "config.yaml"), "task: {name: add2}\ntrain: {steps: 2}\n")
    const config = join(workspace.directory, "live.yaml")
    writeFileSync(config, JSON.stringify(tinyConfig({ train: { steps: 100_000 } })))
    training = startPirl(["train", config, "--watch", "--no-open", "--port", "0"], { cwd: workspace.directory, page: true, patienceMs: patience.trainingMs })
    const [started, printed] = await Promise.all([startChromium(), training.matched(/^watching \S+ at (\S+)/m)])
    browser = started
    link = printed[1]!
    opened = await openPage(browser, link, { viewport: { width: 1280, height: 900 } })
  }, patience.startMs)

  afterAll(async () => {
    await browser?.close()
    training?.kill("SIGKILL")
    await training?.ended
    workspace.remove()
  })

  test("draws the run that trains, and its curves grow without a reload", async () => {
    const { page } = opened
    await expect.poll(() => page.getByRole("navigation", { name: "Runs" }).getByRole("checkbox", { checked: true }).count(), patient).toBe(1)
    const before = await drawn(page, "Mean reward")
    await expect.poll(async () => (await drawn(page, "Mean reward")).step, patient).toBeGreaterThan(before.step + 5)
    const after = await drawn(page, "Mean reward")
    expect(after.points).toBeGreaterThan(before.points)
    await expect.poll(() => page.getByRole("status").textContent(), patient).toBe("live")
  })

  test("has no sideways scrolling at 1280 and at 390 pixels, on any tab", async () => {
    const { page } = opened
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 844 })
      for (const name of ["improvement", "completions", "results", "details", "curves"]) {
        await tab(page, name)
        await page.locator(`#view-${name}`).waitFor()
        expect(await overflow(page), `${name} at ${width} pixels`).toBeLessThanOrEqual(0)
      }
    }
  })

  test("tells the last values in a legend before anybody points at a curve", async () => {
    const { page } = opened
    await tab(page, "curves")
    const values = page.locator('[data-chart="reward"] .u-legend .u-value:visible')
    await expect
      .poll(() => values.allTextContents(), patient)
      .toEqual([expect.stringMatching(/^\d+$/), expect.stringMatching(/ %$/)])
  })

  test("says what a run said before its first update", async () => {
    const { page } = opened
    await tab(page, "details")
    const start = page.locator("#start")
    await start.getByText("groups with a signal").waitFor()
    const names = await start.locator("th").allTextContents()
    expect(names.slice(0, 4)).toEqual(["accuracy", "rewards", "responses", "memory"])
    expect(await start.locator("td").first().textContent()).toMatch(/ % greedy .* % expected$/)
    await tab(page, "curves")
  })

  test("draws two runs over each other", async () => {
    const { page } = opened
    await tab(page, "curves")
    await choose(page, "hostile")
    await expect.poll(async () => (await drawn(page, "Mean reward")).curves, patient).toBe(2)
    await expect.poll(() => page.locator(".run-legend .key").allTextContents(), patient).toEqual(["live", "hostile"])
    await choose(page, "hostile")
    await expect.poll(() => page.locator(".run-legend .key").count(), patient).toBe(0)
  })

  test("filters the responses and opens the group of one", async () => {
    const { page } = opened
    await tab(page, "completions")
    const rows = page.locator(".completions tbody tr")
    await rows.first().waitFor()
    await page.getByLabel("To step", { exact: true }).fill("3")
    await page.getByLabel("Status", { exact: true }).selectOption("correct")
    const cells = (): Promise<string[][]> => page.evaluate<string[][]>("[...document.querySelectorAll('.completions tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))")
    await expect
      .poll(
        async () =>
          (await cells()).every(([, , , status, step]) => Number(step) <= 3 && status === "correct") &&
          (await cells()).length > 0,
        patient,
      )
      .toBe(true)
    const [, , , , step, group, , prompt, problem] = (await cells())[0]!
    await rows.first().click()
    const panel = page.getByRole("region", { name: "Group" })
    await expect.poll(() => panel.getByRole("heading", { level: 2 }).textContent(), patient).toBe(`Step ${step}, group ${group}: ${problem}`)
    await expect.poll(() => panel.locator("pre").first().textContent(), patient).toBe(prompt)
    await expect.poll(() => panel.getByRole("article").count(), patient).toBe(4)
    await panel.getByRole("button", { name: "Close group" }).click()
    await page.getByLabel("Text", { exact: true }).fill("nobody wrote this")
    await page.getByText("No response passes these filters").waitFor()
    for (const label of ["To step", "Text"]) await page.getByLabel(label, { exact: true }).fill("")
    await page.getByLabel("Status", { exact: true }).selectOption("")
  })

  test("says in words what a view without a run, and a run without a step, has to show", async () => {
    const { page } = opened
    await page.getByRole("button", { name: "Choose none" }).click()
    for (const name of ["curves", "improvement", "completions", "results", "details"]) {
      await tab(page, name)
      await page.locator(`#view-${name}`).getByText("No run is chosen").waitFor()
    }
    await choose(page, "new")
    for (const name of ["curves", "improvement"]) {
      await tab(page, name)
      await page.locator(`#view-${name}`).getByText("No steps yet").waitFor()
    }
    await choose(page, "new")
  })

  test("has a header of one line and a response before all else in its card on a narrow screen", async () => {
    const { page } = opened
    await page.setViewportSize({ width: 390, height: 844 })
    await choose(page, "short-lived")
    await tab(page, "completions")
    const row = page.locator(".completions tbody tr").first()
    await row.waitFor()
    expect((await page.locator("header.top").boundingBox())!.height).toBeLessThan(48)
    const byHeight =
      "[...document.querySelector('.completions tbody tr').cells].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0].textContent"
    expect(await page.evaluate(byHeight)).toBe("3")
    await page.setViewportSize({ width: 1280, height: 900 })
    const boxes = await Promise.all(["response", "prompt"].map((name) => row.locator(`.cell-${name}`).boundingBox()))
    expect(boxes[0]!.width).toBeGreaterThan(boxes[1]!.width)
    expect(boxes[1]!.height).toBeLessThan(100)
    await choose(page, "short-lived")
  })

  test("shows a response that is a script as text", async () => {
    const { page } = opened
    await tab(page, "completions")
    await page.getByRole("button", { name: "Choose none" }).click()
    await choose(page, "hostile")
    const row = page.locator(".completions tbody tr", { hasText: "<script>" })
    await row.click()
    await expect.poll(() => page.getByRole("region", { name: "Group" }).getByRole("article").locator("pre").textContent(), patient).toBe(attack)
    expect([await page.title(), await page.locator("#app script, #app img").count()]).toEqual(["pirl", 0])
  })

  test("shades the tokens of a group by their probability, and says what each response was worth in the look back", async () => {
    const { page } = opened
    const panel = page.getByRole("region", { name: "Group" })
    await panel.getByText("Looked back at in step 2: xi \u22122.00, suppressed.").waitFor()
    await panel.getByText("PI reward +0.30").waitFor()
    const tokens = panel.getByRole("article").locator(".token")
    expect(await Promise.all([0, 1].map((i) => tokens.nth(i).getAttribute("title")))).toEqual(["\u22120.010 nats, 99.0 %", "\u22124.000 nats, 1.8 %"])
    const ground = (): Promise<unknown> => page.evaluate("getComputedStyle(document.querySelector('#group article .shade-5')).backgroundColor")
    const shaded = await ground()
    await panel.getByRole("checkbox", { name: "Shade tokens" }).click()
    expect(await ground()).not.toBe(shaded)
    await panel.getByRole("checkbox", { name: "Shade tokens" }).click()
    expect(await ground()).toBe(shaded)
  })

  test("follows an address that names a tab and runs", async () => {
    const { page } = opened
    const shown = new URL(page.url()).hash
    await page.goto(link.replace(/#.*/, "#details/"))
    await page.locator("#view-details").waitFor()
    await page.goto(link.replace(/#.*/, shown))
    await page.locator("#view-completions").waitFor()
    expect(new URL(page.url()).hash).toBe(shown)
  })

  test("is used by keys alone: a digit or arrows for a tab, / for the search, Enter and Escape for a group", async () => {
    const { page } = opened
    const panel = page.getByRole("region", { name: "Group" })
    const focused = (): Promise<unknown> => page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
    await page.keyboard.press("Escape")
    await expect.poll(() => panel.count(), patient).toBe(0)
    await page.keyboard.press("1")
    await page.locator("#view-curves").waitFor()
    await tab(page, "curves")
    await page.keyboard.press("ArrowRight")
    expect(await focused()).toBe("tab-improvement")
    await page.keyboard.press("3")
    await page.locator(".completions tbody tr").first().waitFor()
    await page.keyboard.press("/")
    await page.keyboard.type("3/")
    expect([await focused(), await page.getByLabel("Text", { exact: true }).inputValue()]).toEqual(["Text", "3/"])
    await page.getByLabel("Text", { exact: true }).fill("")
    const row = page.locator(".completions tbody tr", { hasText: "<script>" })
    await row.focus()
    await page.keyboard.press("Enter")
    await panel.waitFor()
    await page.keyboard.press("Escape")
    await expect.poll(() => panel.count(), patient).toBe(0)
    expect(await page.evaluate("document.activeElement.tagName")).toBe("TR")
  })

  test("says of a run that is deleted while it is shown that it is gone, and keeps its curves", async () => {
    const { page } = opened
    await tab(page, "curves")
    await page.getByRole("button", { name: "Choose none" }).click()
    await choose(page, "short-lived")
    await expect.poll(async () => (await drawn(page, "Mean reward")).step, patient).toBe(2)
    rmSync(join(runs, "short-lived"), { recursive: true })
    await page.getByText("The folder was deleted; what was read stays on the page.").waitFor()
    expect((await drawn(page, "Mean reward")).points).toBe(2)
  })

  test("has met no error of console or network in all this, and says when the training has taken the server with it", async () => {
    const { page, troubles } = opened
    expect(troubles).toEqual([])
    training.kill("SIGINT")
    const { code, stdout } = await training.ended
    expect([code, stdout]).toEqual([130, expect.stringContaining("The page has ended; `pirl watch runs/live` shows the run again.")])
    await page.getByText("the server is gone; trying again").waitFor()
  })
})
