/**
 * Runs that are killed at random moments, against undisturbed ones: `npx tsx bench/kills.ts [KILLS] [SEED]`.
 *
 * Six kinds of run are each trained once without a disturbance. Then processes that train the same are killed (SIGKILL)
 * and resumed, KILLS times in all (default 100): every third kill comes while a checkpoint is written, the others at a
 * moment drawn over the time that a whole run takes. Every run that was killed is resumed to its end, and compared with
 * the undisturbed one to the last bit: metrics, evaluations and responses without what depends on the clock, the hash
 * of every file of the last checkpoint (weights, moments, states), and the model. Exits with 1 when anything differs.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import { stringify } from "yaml"
import { randomStream } from "../src/random.ts"
import { measured, tinyConfig, type ConfigText } from "../test/helpers/tiny-run.ts"

const kills = Number(process.argv[2] ?? 100)
const seed = Number(process.argv[3] ?? 1)
/** Kills of one run before it may end. */
const KILLS_OF_A_RUN = 3
const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url))
const root = mkdtempSync(join(tmpdir(), "pirl-kills-"))
const noise = { rewardNoise: 0.5 }

const kinds: Readonly<Record<string, ConfigText>> = {
  grpo: { pipo: { enabled: false } },
  PIPO: {},
  verified: { pipo: { preset: "verified" }, steering: { returns: true }, rollout: noise },
  LoRA: { lora: { rank: 4 }, model: { dtype: "bf16" } },
  "dynamic sampling": { rollout: { ...noise, dynamicSampling: { enabled: true } }, pipo: { enabled: false } },
  "ppo with a value head": {
    objective: { name: "ppo", klCoefficient: 0.05, klTarget: 0.01, klHorizon: 100, referenceEvery: 5 },
    optimizer: { epochs: 2, miniBatches: 2 },
  },
}

interface Process {
  kill(): void
  /** Resolves with null when a signal ended it. */
  readonly ended: Promise<number | null>
  readonly errors: () => string
}

function train(config: string, run: string): Process {
  const resumed = existsSync(join(run, "config.yaml")) ? ["--resume"] : []
  const words = ["--import", "tsx", program, "train", config, "--run-dir", run, ...resumed]
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] })
  let errors = ""
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()))
  const ended = once(child, "exit").then(([code]) => code as number | null)
  return { kill: () => void child.kill("SIGKILL"), ended, errors: () => errors }
}

async function trainToItsEnd(config: string, run: string): Promise<void> {
  const running = train(config, run)
  if ((await running.ended) !== 0) throw new Error(`${run}: ${running.errors()}`)
}

/** All that must be equal. */
function resultOf(run: string): Readonly<Record<string, unknown>> {
  const checkpoints = readdirSync(join(run, "checkpoints")).sort()
  const manifest = (folder: string, file: string): unknown =>
    (JSON.parse(readFileSync(join(run, folder, file), "utf8")) as { readonly sha256: unknown }).sha256
  return {
    ...measured(run),
    checkpoints,
    "files of the last checkpoint": manifest(`checkpoints/${checkpoints.at(-1)!}`, "checkpoint.json"),
    "files of the model": manifest("model", "checksums.json"),
  }
}

function isWriting(run: string): boolean {
  const checkpoints = join(run, "checkpoints")
  return existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.startsWith(".writing-"))
}

type Kill = "while writing" | "elsewhere" | "came too late"

async function killAtRandom(running: Process, run: string, aimed: boolean, afterMs: number): Promise<Kill> {
  let over = false
  void running.ended.then(() => (over = true))
  // Checkpoints are written again and again: which of them is hit is drawn.
  await sleep(afterMs)
  while (aimed && !over && !isWriting(run)) await sleep(0.5)
  const hit = isWriting(run)
  running.kill()
  if ((await running.ended) !== null) return "came too late"
  return hit ? "while writing" : "elsewhere"
}

interface Figures {
  kills: number
  whileWriting: number
  runs: number
  different: string[]
}

async function disturb(kind: string, changes: ConfigText, wanted: number, stream: number): Promise<Figures> {
  const config = join(root, `${stream}.yaml`)
  writeFileSync(config, stringify(tinyConfig({ ...changes, train: { steps: 12 } })))
  const whole = join(root, `${stream}-whole`)
  const started = performance.now()
  await trainToItsEnd(config, whole)
  const wholeMs = performance.now() - started
  const expected = resultOf(whole)
  const random = randomStream(seed, stream)
  const figures: Figures = { kills: 0, whileWriting: 0, runs: 0, different: [] }
  while (figures.kills < wanted) {
    const run = join(root, `${stream}-${figures.runs}`)
    for (let i = 0; i < KILLS_OF_A_RUN && figures.kills < wanted; i++) {
      const aimed = figures.kills % 3 === 0
      const kill = await killAtRandom(train(config, run), run, aimed, random.uniform() * wholeMs)
      if (kill === "came too late") break
      figures.kills += 1
      if (kill === "while writing") figures.whileWriting += 1
    }
    await trainToItsEnd(config, run)
    figures.runs += 1
    const found = resultOf(run)
    const different = Object.keys(expected).filter((part) => !isDeepStrictEqual(found[part], expected[part]))
    figures.different.push(...different.map((part) => `${kind}: ${part} of ${run}`))
    if (different.length === 0) rmSync(run, { recursive: true })
  }
  return figures
}

const names = Object.keys(kinds)
console.log("kind                    kills  while writing  runs compared  equal")
const different: string[] = []
for (const [i, kind] of names.entries()) {
  const share = Math.floor(kills / names.length) + (i < kills % names.length ? 1 : 0)
  const figures = await disturb(kind, kinds[kind]!, share, i)
  different.push(...figures.different)
  const cells = [figures.kills, figures.whileWriting, figures.runs, figures.different.length === 0 ? "yes" : "NO"]
  console.log(`${kind.padEnd(22)}${cells.map((cell, at) => String(cell).padStart([7, 15, 15, 7][at]!)).join("")}`)
}
for (const what of different) console.log(`differs: ${what}`)
if (different.length === 0) rmSync(root, { recursive: true })
process.exitCode = different.length === 0 ? 0 : 1
