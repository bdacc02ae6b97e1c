/**
 * How fast the dashboard answers over a large run: 10^6 completions and 10^5 steps by default.
 *
 *   npx tsx bench/dashboard.ts [--completions N] [--steps N] [--folder DIR]
 *
 * Needs the built page (npm run build). Generates the run (about 0.9 kB a response, with the log-probs of its tokens), starts a server as `pirl watch` does, in a process of its own, and measures over HTTP. The
 * folder is removed unless it was named.
 */
import { spawn } from "node:child_process"
import { closeSync, existsSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { CompletionPage, RunInfo } from "../src/dashboard/api.ts"

const { values: args } = parseArgs({
  options: { completions: { type: "string", default: "1000000" }, steps: { type: "string", default: "100000" }, folder: { type: "string" } },
})
const [completions, steps] = [Number(args.completions), Number(args.steps)]
const folder = args.folder ?? mkdtempSync(join(tmpdir(), "pirl-dashboard-"))
const run = join(folder, "large")

/** A number in [0, 1) that is the same in every run of this bench. */
function noise(i: number): number {
  const x = Math.sin(i * 12.9898) * 43_758.5453
  return x - Math.floor(x)
}

const words = "so we add the two numbers and carry the one then check that it holds because a sum of even and odd is odd which gives".split(" ")

function responseLine(step: number, i: number): string {
  const text = Array.from({ length: 50 }, (_, w) => words[Math.floor(noise(i * 53 + w) * words.length)]!).join(" ")
  const right = noise(i) < 0.6
  const problem = Math.floor(noise(i * 7 + 1) * 10_000)
  // One response in 10^5 holds a word that no other does.
  const completion = `${text}${i % 100_000 === 777 ? " serendipity" : ""}\n\\boxed{${problem}}`
  const status = right ? "correct" : noise(i + 3) < 0.1 ? "no-answer" : "incorrect"
  const tokens = completion.split(/(?= )/)
  const tokenLogprobs = tokens.map((_, t) => Number((-2 * noise(i * 31 + t)).toFixed(3)))
  const record = { step, group: Math.floor(i / 8) % 64, problem: `add/${problem}`, prompt: `What is ${problem} + 1?`, completion, tokenLengths: tokens.map(({ length }) => length), tokenLogprobs, gold: String(problem + 1), reward: Number(right), status, extracted: String(problem), reason: right ? "equals the gold" : `expected ${problem + 1}`, advantage: noise(i + 5) - 0.5, attribution: 2 * noise(i + 5) - 1, stopReason: "stop" }
  return `${JSON.stringify(record)}\n`
}

function writeLines(path: string, count: number, line: (i: number) => string): void {
  const descriptor = openSync(path, "w")
  let text = ""
  for (let i = 0; i < count; i++) {
    text += line(i)
    if (text.length < 1 << 20) continue
    writeSync(descriptor, text)
    text = ""
  }
  writeSync(descriptor, text)
  fsyncSync(descriptor)
  closeSync(descriptor)
}

function generate(): void {
  mkdirSync(join(run, "completions"), { recursive: true })
  writeFileSync(join(run, "config.yaml"), `seed: 1\ntask: {name: add2}\ntrain: {steps: ${steps}}\n`)
  writeFileSync(join(run, "events.jsonl"), '{"kind":"start","message":"the run starts","time":{"at":"2026-01-01T00:00:00.000Z"}}\n')
  const time = (step: number): object => ({ at: new Date(1.77e12 + step * 1000).toISOString(), seconds: 1, sampleSeconds: 0.5, verifySeconds: 0.01, trainSeconds: 0.4, sampledTokensPerSecond: 4000, trainedTokensPerSecond: 9000 })
  writeLines(join(run, "metrics.jsonl"), steps, (i) => {
    const [step, mu] = [i + 1, 0.3 + 0.5 * (1 - Math.exp(-i / 20_000)) + 0.1 * (noise(i) - 0.5)]
    const xi = 3 * (noise(i + 9) - 0.5)
    const gate = Math.abs(xi) < 0.1 ? "skipped" : xi > 0 ? "reinforce" : "suppress"
    const others = Object.fromEntries(["muHis", "sigmaHis", "entropy", "behaviourKl", "clipFraction", "gradientNorm", "verificationGradientNorm", "responseLength", "truncationRate", "zeroVarianceShare", "boundaryWeightShare", "loss"].map((name, k) => [name, noise(i * 13 + k)]))
    return `${JSON.stringify({ step, mu, xi, gate, verdict: xi > 0 ? "improved" : "regressed", ...others, expectedAccuracy: mu, sampledTokens: 4000, trainedTokens: 9000, successRateHistogram: [1, 2, 3, 4, 5, 6], verifierFailures: 0, time: time(step) })}\n`
  })
  writeLines(join(run, "evaluations.jsonl"), Math.floor(steps / 100), (i) => `${JSON.stringify({ step: i * 100, size: 500, greedyAccuracy: 0.4 + 0.5 * (1 - Math.exp(-i / 200)), time: { at: new Date(1.77e12 + i * 1e5).toISOString() } })}\n`)
  const perStep = Math.max(1, Math.ceil(completions / steps))
  const perFile = perStep * 1000
  for (let first = 0; first < completions; first += perFile) {
    const step = Math.floor(first / perStep) + 1
    const digits = (value: number): string => String(value).padStart(6, "0")
    const name = `steps-${digits(step - 1)}-${digits(step + 998)}.jsonl`
    writeLines(join(run, "completions", name), Math.min(perFile, completions - first), (i) => responseLine(Math.floor((first + i) / perStep) + 1, first + i))
  }
}

/** The server in a process of its own, and its address. */
async function serve(): Promise<{ readonly url: string; stop(): void; memory(): number }> {
  const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url))
  const child = spawn(process.execPath, ["--import", "tsx", main, "watch", folder, "--port", "0", "--no-open"], { stdio: ["ignore", "pipe", "inherit"] })
  const url = await new Promise<string>((resolve, reject) => {
    let printed = ""
    child.stdout.on("data", (text: Buffer) => {
      printed += text.toString()
      const found = /http:\/\/\S+/.exec(printed)
      if (found !== null) resolve(found[0].replace(/\/$/, ""))
    })
    child.on("exit", () => reject(new Error(`the server ended: ${printed}`)))
  })
  const memory = (): number => (process.platform === "linux" ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]) / 1024 : Number.NaN)
  return { url, stop: () => void child.kill("SIGTERM"), memory }
}

async function timed<T>(label: string, url: string): Promise<T> {
  const started = performance.now()
  const response = await fetch(url)
  const text = await response.text()
  console.log(`${label.padEnd(64)} ${(performance.now() - started).toFixed(0).padStart(6)} ms  ${(text.length / 1000).toFixed(0).padStart(6)} kB`)
  if (!response.ok) throw new Error(text)
  return JSON.parse(text) as T
}

/** All pages until the search is over, as the page asks for them. */
async function searchOn(label: string, url: string): Promise<void> {
  let [cursor, found, pages, slowest]: [string | null, number, number, number] = [null, 0, 0, 0]
  const started = performance.now()
  do {
    const asked = performance.now()
    const page = (await (await fetch(`${url}${cursor === null ? "" : `&cursor=${cursor}`}`)).json()) as CompletionPage
    slowest = Math.max(slowest, performance.now() - asked)
    found += page.completions.length
    pages += 1
    cursor = page.cursor
  } while (cursor !== null && found < 50)
  console.log(`${label.padEnd(64)} ${(performance.now() - started).toFixed(0).padStart(6)} ms  ${found} found in ${pages} answers, the slowest ${slowest.toFixed(0)} ms`)
}

if (!existsSync(run)) {
  const started = performance.now()
  generate()
  const bytes = readdirSync(join(run, "completions")).reduce((sum, name) => sum + statSync(join(run, "completions", name)).size, 0)
  console.log(`generated ${completions} responses (${(bytes / 1e6).toFixed(0)} MB) and ${steps} steps in ${((performance.now() - started) / 1000).toFixed(0)} s`)
}
const server = await serve()
try {
  const { runs } = await timed<{ runs: RunInfo[] }>("list of runs", `${server.url}/api/runs`)
  const base = `${server.url}/api/runs/${runs[0]!.id}`
  console.log("before anything is indexed:")
  await timed("  newest page of responses", `${base}/completions?limit=50`)
  await timed("  page of status=no-answer", `${base}/completions?limit=50&status=no-answer`)
  await timed("  opening the run (reads all metrics)", base)
  await timed("  curves, 1200 points", `${base}/columns?log=metrics&points=1200`)
  await timed("  improvement timeline", `${base}/timeline?points=1200`)
  const started = performance.now()
  for (;;) {
    const page = (await (await fetch(`${base}/completions?limit=1`)).json()) as CompletionPage
    if (page.indexedShare === 1) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  console.log(`  the index is whole after another ${((performance.now() - started) / 1000).toFixed(1)} s; the server takes ${server.memory().toFixed(0)} MB`)
  console.log("with the whole index:")
  await timed("  newest page", `${base}/completions?limit=50`)
  await timed("  page of status=no-answer", `${base}/completions?limit=50&status=no-answer`)
  await timed("  page of one problem", `${base}/completions?limit=50&problem=add%2F77`)
  await timed("  page of reward 1 in the first hundred steps", `${base}/completions?limit=50&minReward=1&toStep=100`)
  const { completions: [one] } = await timed<CompletionPage>("  page of step 10", `${base}/completions?limit=50&fromStep=10&toStep=10`)
  await timed("  group of step 10", `${base}/group?step=10&group=${one!.group}`)
  await timed("  page of a frequent text", `${base}/completions?limit=50&text=carry`)
  await searchOn("  a rare text, until all is searched", `${base}/completions?limit=50&text=serendipity`)
  await searchOn("  a text that is nowhere, until all is searched", `${base}/completions?limit=50&text=xylophone`)
} finally {
  server.stop()
  if (args.folder === undefined) rmSync(folder, { recursive: true })
}
