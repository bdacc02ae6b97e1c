/**
 * What an open page costs the training: wall time of a step with the page of `pirl train --watch` open, over that without.
 *
 *   npx tsx bench/dashboard-step-time.ts [--config FILE] [--set A.B=C ...] [--client http|chromium|none] [--block N] [--pairs N] [--warmup N]
 *
 * Needs the built program (npm run build). One training, cut into blocks of steps with the page closed and open, in pairs of
 * alternating order, so that a drift of the steps (responses that grow) cancels. `http` asks for what the page asks, when it asks:
 * 300 ms after a change that the server tells, and not again within three seconds. `chromium` opens the page itself, headless: on a machine of its own a
 * reader's browser takes none of the training's cores, on this one it does. `none` compares closed with closed: the noise.
 * The first step of a block is left out. A ratio per pair, of the medians of its two blocks; printed are their geometric mean
 * and its standard error.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { ChangeMessage, ColumnsAnswer } from "../src/dashboard/api.ts"
import { mean, median, standardError } from "../src/statistics.ts"
import { openPage, startChromium } from "../test/helpers/chromium.ts"

const { values: args } = parseArgs({
  options: {
    config: { type: "string", default: "examples/quickstart.yaml" },
    set: { type: "string", multiple: true, default: [] },
    client: { type: "string", default: "http" },
    block: { type: "string", default: "20" },
    pairs: { type: "string", default: "6" },
    warmup: { type: "string", default: "5" },
  },
})
const [block, pairs, warmup] = [args.block, args.pairs, args.warmup].map(Number) as [number, number, number]

/** Something that looks at the run until it is closed. */
interface Viewer {
  close(): Promise<void>
}

/** Asks as the page does with the tab of curves open: the list of runs and what is new of both logs, after every change. */
async function watchOverHttp(link: string): Promise<Viewer> {
  const [origin, run] = [new URL(link).origin, /[0-9a-f]{12}$/.exec(link)![0]]
  const stop = new AbortController()
  const have = new Map<string, string>()
  const ask = async (path: string): Promise<unknown> => (await fetch(`${origin}${path}`, { signal: stop.signal })).json()
  const refresh = async (): Promise<void> => {
    await ask("/api/runs")
    for (const log of ["metrics", "evaluations"]) {
      const { generation, width, rows } = (await ask(`/api/runs/${run}/columns?log=${log}&points=1500${have.get(log) ?? ""}`)) as ColumnsAnswer
      have.set(log, `&generation=${generation}&width=${width}&rows=${rows}`)
    }
  }
  for (const path of ["/", "/app.js", "/app.css"]) await (await fetch(`${origin}${path}`)).text()
  await refresh()
  const live = await fetch(`${origin}/api/live`, { signal: stop.signal })
  const reading = (async () => {
    let [text, lastAsked] = ["", -Infinity]
    for await (const part of live.body!.pipeThrough(new TextDecoderStream())) {
      text += part
      const changes = [...text.matchAll(/^event: change\ndata: (.*)\n\n/gm)].map(([, data]) => JSON.parse(data!) as ChangeMessage)
      text = text.slice(text.lastIndexOf("\n\n") + 1)
      if (!changes.some((change) => change.run === run)) continue
      await new Promise((resolve) => setTimeout(resolve, Math.max(300, lastAsked + 3000 - performance.now())))
      lastAsked = performance.now()
      await refresh()
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return {
    async close() {
      stop.abort()
      await reading
    },
  }
}

const browser = args.client === "chromium" ? await startChromium() : undefined

async function watch(link: string): Promise<Viewer> {
  if (args.client === "none") return { close: () => Promise.resolve() }
  if (browser === undefined) return watchOverHttp(link)
  const { page } = await openPage(browser, link, { viewport: { width: 1280, height: 900 } })
  return { close: () => page.context().close() }
}

const folder = mkdtempSync(join(tmpdir(), "pirl-step-time-"))
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url))
const steps = warmup + 2 * pairs * (block + 1)
const sets = args.set.flatMap((set) => ["--set", set])
const training = spawn(process.execPath, [main, "train", args.config, "--run-dir", join(folder, "run"), "--watch", "--no-open", "--port", "0", "--json", "--steps", String(steps), ...sets], { stdio: ["ignore", "pipe", "pipe"] })
let told = ""
const link = new Promise<string>((resolve, reject) => {
  training.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text
    const found = /^watching \S+ at (\S+)/m.exec(told)
    if (found !== null) resolve(found[1]!)
  })
  training.on("exit", () => reject(new Error(told)))
})
try {
  const address = await link
  /** Seconds of the steps of a block, by the trainer's clock: evaluations and checkpoints are left out. */
  const blocks: { readonly isOpen: boolean; readonly seconds: number[] }[] = []
  let viewer: Viewer | undefined
  for await (const line of createInterface({ input: training.stdout })) {
    const { step, time } = JSON.parse(line) as { step: number; time: { seconds: number } }
    const place = step - warmup - 1
    if (place >= 0 && place % (block + 1) !== 0) blocks.at(-1)!.seconds.push(time.seconds)
    if (place < -1 || (place + 1) % (block + 1) !== 0) continue
    // The step that runs now is the one that is left out.
    const index = (place + 1) / (block + 1)
    const isOpen = (index >> 1) % 2 === index % 2
    blocks.push({ isOpen, seconds: [] })
    if (isOpen && index < 2 * pairs) viewer ??= await watch(address)
    else {
      await viewer?.close()
      viewer = undefined
    }
  }
  await viewer?.close()
  const ratios = Array.from({ length: pairs }, (_, pair) => {
    const [a, b] = [blocks[2 * pair]!, blocks[2 * pair + 1]!]
    const [open, closed] = a.isOpen ? [a, b] : [b, a]
    console.log(`pair ${pair + 1}: ${(1000 * median(closed.seconds)).toFixed(1)} ms closed, ${(1000 * median(open.seconds)).toFixed(1)} ms open`)
    return Math.log(median(open.seconds) / median(closed.seconds))
  })
  console.log(`step time open / closed (${args.client}): ${Math.exp(mean(ratios)).toFixed(4)} +- ${standardError(ratios).toFixed(4)} over ${pairs} pairs of ${block} steps`)
} finally {
  await browser?.close()
  if (training.exitCode === null) training.kill("SIGTERM")
  rmSync(folder, { recursive: true, force: true })
}
