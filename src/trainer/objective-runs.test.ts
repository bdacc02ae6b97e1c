import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import type { ConfigInput } from "../config/index.ts"
import { indexedTask } from "../data/procedural-task.ts"
import type { Task } from "../data/task.ts"
import { ConfigError } from "../errors.ts"
import { readRun } from "../runs/index.ts"
import { functionVerifier } from "../verifiers/combine/function.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import { trainRun } from "./train-run.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-objective-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** Rewards what an untrained model says half of the time: a first character below 5. */
function low(text: string): number {
  return Number(text.length > 0 && text[0]! < "5")
}

function taskOf(verifier: Verifier): Task {
  return indexedTask({
    name: "low",
    seed: 1,
    heldOutSize: 4,
    size: 100,
    problemAt: (index) => ({ id: `low/${index}`, prompt: `${String(index).padStart(2, "0")}=`, gold: "1" }),
    verifier,
    alphabet: "0123456789=",
    maxPromptCharacters: 3,
    maxResponseCharacters: 3,
  })
}

const task = taskOf(functionVerifier("low", ({ completion }) => low(completion)))
const base: ConfigInput = {
  seed: 2,
  model: { preset: "nano" },
  rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 3 },
  pipo: { enabled: false },
  optimizer: { learningRate: 3e-3 },
  train: { steps: 4 },
  checkpoint: { every: 1 },
  evaluation: { every: 100, expected: false, size: 1 },
  engine: { threads: 1 },
}

type Line = Readonly<Record<string, unknown>>
let runs = 0

function fresh(): string {
  return join(temporary, `run-${runs++}`)
}

function linesOf(directory: string): Line[] {
  return readRun(directory).metrics.map(({ time: _time, ...line }) => line)
}

async function run(change: ConfigInput, given: Task = task, runDirectory: string = fresh()): Promise<{ lines: Line[]; directory: string }> {
  await trainRun({ config: { ...base, ...change }, task: given, runDirectory })
  return { lines: linesOf(runDirectory), directory: runDirectory }
}

/** The same run, stopped after a step and gone on with. */
async function resumed(change: ConfigInput, after: number): Promise<Line[]> {
  const runDirectory = fresh()
  const options = { config: { ...base, ...change }, task, runDirectory }
  const stop = new AbortController()
  await trainRun({ ...options, signal: stop.signal, observer: { onStep: ({ step }) => step === after && stop.abort() } })
  await trainRun({ ...options, resume: true })
  return linesOf(runDirectory)
}

function column(lines: readonly Line[], name: string): number[] {
  const values = lines.map((line) => line[name])
  expect(values.every((value) => typeof value === "number"), `${name}: ${JSON.stringify(values)}`).toBe(true)
  return values as number[]
}

describe("ppo from a config", () => {
  const ppo: ConfigInput = {
    objective: { name: "ppo", valueLearningRateScale: 2 },
    pipo: { minSteps: 1, window: 2 },
    optimizer: { learningRate: 3e-3, epochs: 2, miniBatches: 2 },
  }

  test("trains a critic under PIPO, resumes exactly, and leaves the critic out of the model", async () => {
    const { lines, directory } = await run(ppo)
    expect(column(lines, "meanValue")[0]).toBe(0)
    // Responses that start with a low digit are the better half: values move towards their share.
    expect(column(lines, "meanValue").at(-1)).toBeGreaterThan(0.05)
    for (const name of ["valueLoss", "valueClipFraction", "explainedVariance", "meanReturn", "loss"]) {
      expect(column(lines, name).every(Number.isFinite), name).toBe(true)
    }
    expect(column(lines, "explainedVariance")[0]).toBeCloseTo(0, 10)
    expect(lines.some(({ gate }) => gate !== "skipped")).toBe(true)
    // The update that verifies has no critic in its loss.
    expect(lines.some((line) => "verificationLoss" in line)).toBe(true)
    expect(lines.some((line) => "verificationValueLoss" in line)).toBe(false)
    expect(await resumed(ppo, 3)).toEqual(lines)
    expect(existsSync(join(directory, "checkpoints", "step-000004", "value_head.safetensors"))).toBe(true)
    expect(readdirSync(join(directory, "model"))).not.toContain("value_head.safetensors")
  })

  test("trains under the clip gate and with a detached trunk and no clip range", async () => {
    const { lines } = await run({ ...ppo, objective: { name: "ppo", valueTrunk: "detached", valueClip: null, gaeLambda: 1 }, pipo: { minSteps: 1, window: 2, gate: "clip" } })
    expect(lines.some(({ advantageScale }) => typeof advantageScale === "number")).toBe(true)
    expect(lines.some((line) => "valueClipFraction" in line)).toBe(false)
    expect(column(lines, "valueLoss").every(Number.isFinite)).toBe(true)
  })

  test("another objective takes its advantages from a critic as well", async () => {
    const { lines } = await run({ objective: { name: "gspo", advantage: "gae", valueCoefficient: 1 }, train: { steps: 2 } })
    expect(column(lines, "valueLoss")).toHaveLength(2)
  })
})

test("remax samples a greedy response per prompt, which counts as cost and not in the mean reward", async () => {
  const { lines } = await run({ objective: { advantage: "remax" }, train: { steps: 2 } })
  const { lines: plain } = await run({ objective: { advantage: "rloo" }, train: { steps: 2 } })
  expect(lines[0]!["mu"]).toBe(plain[0]!["mu"])
  const tokens = column(lines, "greedyTokens")[0]!
  expect(tokens).toBeGreaterThanOrEqual(4)
  expect(column(lines, "sampledTokens")[0]).toBe(column(plain, "sampledTokens")[0]! + tokens)
  expect(column(lines, "greedyReward").every((reward) => reward >= 0 && reward <= 1)).toBe(true)
  expect(column(lines, "greedyFailures")).toEqual([0, 0])
  // A greedy response pays for its length as the others do.
  const overlong = { bufferTokens: 2, penalty: 0.5 }
  const { lines: shaped } = await run({ objective: { advantage: "remax" }, rollout: { ...base.rollout, overlong }, train: { steps: 1 } })
  expect(column(shaped, "greedyReward")[0]).toBeLessThan(column(lines, "greedyReward")[0]!)
})

describe("the divergence from a reference policy", () => {
  const strong = { klCoefficient: 0.2, klTo: "reference" } as const

  test("over the whole vocabulary starts at zero and grows as the policy moves", async () => {
    const kl = column((await run({ objective: { ...strong, klEstimator: "full" } })).lines, "kl")
    expect(Math.abs(kl[0]!)).toBeLessThan(1e-6)
    expect(kl[3]).toBeGreaterThan(1e-4)
  })

  test("off the reward is no term of the loss and shapes the advantages instead", async () => {
    const { lines } = await run({ objective: { klCoefficient: 0.2, klIn: "reward", advantage: "reinforce++" } })
    const kl = column(lines, "kl")
    expect(Math.abs(kl[0]!)).toBeLessThan(1e-4)
    const { lines: unpunished } = await run({ objective: { advantage: "reinforce++" } })
    // The same first update, other ones after: then there is a divergence to take off.
    expect(lines[0]!["loss"]).toBeCloseTo(Number(unpunished[0]!["loss"]), 4)
    expect(lines[3]!["gradientNorm"]).not.toBe(unpunished[3]!["gradientNorm"])
    expect(unpunished[3]).not.toHaveProperty("kl")
  })

  test("held to a target moves its coefficient, and a resumed run goes on with it", async () => {
    const change: ConfigInput = { objective: { ...strong, klTarget: 1e-3, klHorizon: 32 } }
    const { lines } = await run(change)
    const coefficients = column(lines, "klCoefficient")
    expect(coefficients[0]).toBe(0.2)
    // No divergence at first: down by 20 % x 16 / 32.
    expect(coefficients[1]).toBeCloseTo(0.18, 10)
    expect(coefficients.at(-1)).not.toBe(coefficients[1])
    expect(await resumed(change, 2)).toEqual(lines)
  })

  test("from a reference that is updated falls back to zero at every update, also after a resume", async () => {
    const change: ConfigInput = { objective: { ...strong, klEstimator: "k3", referenceEvery: 2 }, train: { steps: 5 }, checkpoint: { every: 1, keep: 1 } }
    const { lines, directory } = await run(change)
    const kl = column(lines, "kl").map((value) => Math.abs(value))
    for (const step of [1, 3, 5]) expect(kl[step - 1], `step ${step}`).toBeLessThan(1e-6)
    for (const step of [2, 4]) expect(kl[step - 1], `step ${step}`).toBeGreaterThan(1e-5)
    expect(await resumed(change, 3)).toEqual(lines)
    expect(readdirSync(join(directory, "reference"))).not.toContain("step-000000")
    expect(readdirSync(join(directory, "reference"))).toContain("step-000004")
  })
})

test("importance weights correct what the sampler cuts off, and are one where it cuts nothing", async () => {
  const objective = { importanceCorrection: "token-truncate" } as const
  const { lines } = await run({ objective, train: { steps: 2 } })
  for (const weight of column(lines, "importanceWeight")) expect(weight).toBeCloseTo(1, 4)
  const { lines: cut } = await run({ objective: { ...objective, importanceCorrection: "sequence-mask", importanceMinimum: 0.9 }, rollout: { ...base.rollout, topP: 0.5 }, train: { steps: 2 } })
  expect(column(cut, "samplerMismatch")[0]).toBeGreaterThan(0.3)
  expect(column(cut, "importanceMaskedFraction")[0]).toBeGreaterThan(0.9)
  expect(column(cut, "importanceWeight")[0]).toBeLessThan(0.2)
})

describe("several rewards of a response", () => {
  const parts = functionVerifier("two", ({ completion }) => ({
    status: "correct",
    reward: low(completion) + 0.1 * completion.length,
    reason: "",
    components: [
      { name: "low", reward: low(completion) },
      { name: "length", reward: completion.length, weight: 0.1 },
    ],
  }))

  test("are normalised before or after they are added, which trains differently", async () => {
    const results = await Promise.all(
      (["sum-then-normalize", "normalize-then-sum"] as const).map((rewardAggregation) => run({ objective: { rewardAggregation }, train: { steps: 2 } }, taskOf(parts))),
    )
    const [before, after] = results.map(({ lines }) => lines)
    expect(before![0]!["rewardComponents"]).toEqual(after![0]!["rewardComponents"])
    expect(Object.keys(before![0]!["rewardComponents"] as object)).toEqual(["low", "length"])
    expect(before![0]!["mu"]).toBe(after![0]!["mu"])
    expect(before![0]!["gradientNorm"]).not.toBe(after![0]!["gradientNorm"])
  })

  test("that a verifier does not give, or gives another number of, are found before anything is sampled", async () => {
    const refused = async (change: ConfigInput, given: Task): Promise<string> => {
      const runDirectory = fresh()
      const failure: unknown = await trainRun({ config: { ...base, ...change }, task: given, runDirectory }).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(ConfigError)
      expect(readRun(runDirectory).evaluations).toEqual([])
      return (failure as ConfigError).message
    }
    expect(await refused({ objective: { rewardAggregation: "normalize-then-sum" } }, task)).toContain("got low without")
    expect(await refused({ objective: { rewardAggregation: "normalize-then-sum", rewardWeights: [1] } }, taskOf(parts))).toContain("expected 2 weights")
  })
})

test("an entropy bonus and verl's sum over a constant are reached from the config", async () => {
  const norm = { name: "drgrpo", aggregationConstant: 6 } as const
  const [ours, verl, bonus] = await Promise.all(
    [norm, { ...norm, divideByRows: false }, { ...norm, entropyCoefficient: 0.01 }].map((objective) => run({ objective, train: { steps: 1 }, optimizer: { gradientClip: 0 } })),
  )
  const of = (result: { lines: Line[] } | undefined, name: string): number => column(result!.lines, name)[0]!
  expect(of(verl, "gradientNorm") / of(ours, "gradientNorm")).toBeCloseTo(16, 2)
  expect(of(ours, "loss") - of(bonus, "loss")).toBeCloseTo((0.01 * of(bonus, "entropy") * of(ours, "sampledTokens")) / (16 * 6), 5)
})
