/** Headless Chromium from the system's packages. */
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { chromium } from "playwright-core"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"

const names = ["chromium", "chromium-browser", "google-chrome"]

/** The program: PIRL_CHROMIUM, else what is on the PATH; undefined when there is none. */
export function chromiumPath(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const named = env["PIRL_CHROMIUM"]
  if (named !== undefined && named !== "") return named
  const folders = (env["PATH"] ?? "").split(delimiter)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

/** Why tests in a browser cannot run; undefined when they can. */
export const noChromium: string | undefined =
  chromiumPath() === undefined ? "no Chromium: install the system's package `chromium`, or name the program in PIRL_CHROMIUM" : undefined

/** Starts the browser. Without its sandbox, which needs rights that containers do not give; it opens our own page alone. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath()!, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] })
}

/** A page, and everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page
  /** Errors and warnings of the console, uncaught errors, requests that failed or were answered with an error. */
  readonly troubles: string[]
}

/** Opens a link in a window of its own. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  // Of a busy machine.
  page.setDefaultTimeout(60_000)
  const troubles: string[] = []
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => troubles.push(`uncaught: ${error.message}`))
  page.on("requestfailed", (request) => troubles.push(`failed: ${request.url()} ${request.failure()?.errorText ?? ""}`))
  page.on("response", (response) => {
    if (response.status() >= 400) troubles.push(`status ${response.status()}: ${response.url()}`)
  })
  await page.goto(url)
  return { page, troubles }
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
}
