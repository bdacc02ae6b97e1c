import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { initialiseWeights } from "../../model/initialise.ts"
import { presetConfig } from "../../model/presets.ts"
import { readSafetensorsHeader, readTensors, writeSafetensors } from "../../model/safetensors.ts"
import { createCharacterTokenizer } from "../../model/tokenizer-create.ts"
import { createObjective, withCritic, type BatchObjective } from "../../objectives/index.ts"
import type { AdamOptions, TrainSequence } from "../engine.ts"
import { OnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts"

const tokenizer = createCharacterTokenizer("0123456789+=")
const config = { ...presetConfig("nano", { vocabularySize: 16, contextLength: 24 }), layers: 2, initializerRange: 0.2 }
const folder = mkdtempSync(join(tmpdir(), "pirl-value-head-"))
const engines: OnnxEngine[] = []
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function createEngine(options: Partial<OnnxEngineOptions> = {}): Promise<OnnxEngine> {
  const engine = await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed: 5 }, threads: 1, valueHead: { trunk: "shared" }, ...options })
  engines.push(engine)
  return engine
}

const adam: AdamOptions = { learningRate: 0.02, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 0 }
const head = ["value_head.weight", "value_head.bias"]

/** Ragged responses with advantages, values and returns that differ from token to token. */
const batch = Array.from({ length: 6 }, (_, i): TrainSequence => {
  const size = 1 + (i % 4)
  const row = (scale: number, shift: number): Float32Array => Float32Array.from({ length: size }, (_unused, t) => scale * Math.sin(7 * i + 3 * t + shift))
  return {
    promptTokens: Array.from({ length: 2 + i }, (_unused, t) => 2 + ((3 * i + 5 * t) % 14)),
    responseTokens: Array.from({ length: size }, (_unused, t) => 2 + ((i + 4 * t) % 14)),
    behaviourLogprobs: row(0.1, 1).map((x) => x - 2.5),
    advantages: row(1, 2),
    mask: new Float32Array(size).fill(1),
    weights: new Float32Array(size).fill(0.06),
    tokenInputs: { oldValues: row(0.3, 3), returns: row(1, 4) },
  }
})
const ppo = withCritic(createObjective("ppo", { clipLow: 5, clipHigh: 5 }), { coefficient: 0.5, clip: 0.4 })
const valueOnly = withCritic(createObjective("ppo", { clipLow: 5, clipHigh: 5 }), { coefficient: 0.5, clip: null })

async function gradientsOf(engine: OnnxEngine, objective: BatchObjective, sequences = batch): Promise<Map<string, Float32Array>> {
  await engine.forwardBackward(sequences, objective)
  const gradients = await engine.gradients()
  await engine.clearGradients()
  return gradients
}

async function train(engine: OnnxEngine, objective: BatchObjective, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await engine.forwardBackward(batch, objective)
    expect((await engine.optimStep(adam)).applied).toBe(true)
  }
}

function headOf(weights: ReadonlyMap<string, Float32Array>): Float32Array[] {
  return head.map((name) => weights.get(name)!.slice())
}

function largest(values: Float32Array): number {
  return values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
}

describe("a value head", () => {
  test("starts at value zero, is counted, and leaves log-probs as they are without it", async () => {
    const [engine, plain] = [await createEngine(), await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed: 5 }, threads: 1 })]
    engines.push(plain)
    expect(engine.capabilities.valueHead).toBe(true)
    expect(engine.capabilities.trainableParameterCount - plain.capabilities.trainableParameterCount).toBe(config.hiddenSize + 1)
    const scores = await engine.score(batch)
    expect(scores.values!.map((row) => Array.from(row))).toEqual(batch.map(({ responseTokens }) => responseTokens.map(() => 0)))
    expect(scores.logprobs).toEqual(await plain.logprobs(batch))
    expect(await plain.score(batch)).not.toHaveProperty("values")
  })

  test("learns the returns: values move towards them, each that of the state before its token", async () => {
    const engine = await createEngine()
    const error = async (): Promise<number> => {
      const { values } = await engine.score(batch)
      return values!.reduce((total, row, i) => total + row.reduce((sum, v, t) => sum + (v - batch[i]!.tokenInputs!["returns"]![t]!) ** 2, 0), 0)
    }
    const before = await error()
    await train(engine, valueOnly, 15)
    expect(await error()).toBeLessThan(before / 4)
    // Changing a token changes no value up to and including its own.
    const sequence = batch[3]!
    const other = { ...sequence, responseTokens: sequence.responseTokens.with(1, 15) }
    const [a, b] = (await engine.score([sequence, other])).values!
    expect(Array.from(a!.slice(0, 2))).toEqual(Array.from(b!.slice(0, 2)))
    expect(a![2]).not.toBe(b![2])
  })

  test("gradients of head and trunk agree with finite differences along random directions", async () => {
    const engine = await createEngine()
    await train(engine, ppo, 3)
    const gradients = await gradientsOf(engine, ppo)
    const directory = mkdtempSync(join(folder, "differences-"))
    await engine.save(directory)
    const files = readdirSync(directory).filter((name) => /^(?:model.*|value_head)\.safetensors$/.test(name)).map((name) => join(directory, name))
    const saved = await Promise.all(
      files.map(async (file) => {
        const { tensors } = await readSafetensorsHeader(file)
        return { file, shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])), values: await readTensors(file, tensors.keys()) }
      }),
    )
    const lossAt = async (direction: ReadonlyMap<string, Float32Array>, by: number): Promise<number> => {
      for (const { file, shapes, values } of saved) {
        await writeSafetensors(
          file,
          [...values].map(([name, x]) => ({ name, shape: shapes.get(name)!, values: x.map((v, i) => v + by * (direction.get(name)?.[i] ?? 0)) })),
        )
      }
      await engine.load(directory)
      const { loss } = await engine.forwardBackward(batch, ppo)
      await engine.clearGradients()
      return loss
    }
    const noise = (name: string, i: number): number => Math.sin(12.9898 * (i + 1) + name.length) * 2
    for (const chosen of [(name: string) => head.includes(name), (name: string) => !head.includes(name)]) {
      const direction = new Map(
        [...gradients]
          .filter(([name]) => chosen(name))
          .map(([name, g]) => {
            const scale = 0.02 * largest(g)
            return [name, g.map((x, i) => x + scale * noise(name, i))]
          }),
      )
      const length = Math.sqrt([...direction.values()].reduce((total, row) => total + row.reduce((sum, x) => sum + x * x, 0), 0))
      for (const row of direction.values()) row.forEach((x, i) => (row[i] = x / length))
      const analytic = [...direction].reduce((total, [name, row]) => total + row.reduce((sum, x, i) => sum + x * gradients.get(name)![i]!, 0), 0)
      const step = 2e-3
      const numeric = ((await lossAt(direction, step)) - (await lossAt(direction, -step))) / (2 * step)
      expect(Math.abs(analytic)).toBeGreaterThan(0.05)
      expect(numeric / analytic).toBeCloseTo(1, 1.7)
    }
  })

  test("a detached trunk gets the policy's gradient alone; a shared one gets the critic's too", async () => {
    const [shared, detached] = [await createEngine(), await createEngine({ valueHead: { trunk: "detached" } })]
    // A head of zeros sends no gradient down yet.
    for (const engine of [shared, detached]) await train(engine, withCritic(createObjective("ppo"), { coefficient: 1, clip: null }), 1)
    const silent = batch.map((sequence) => ({ ...sequence, advantages: sequence.advantages.map(() => 0) }))
    const [a, b] = [await gradientsOf(shared, valueOnly, silent), await gradientsOf(detached, valueOnly, silent)]
    const trunk = [...a.keys()].filter((name) => !head.includes(name))
    expect(Math.max(...trunk.map((name) => largest(b.get(name)!)))).toBe(0)
    expect(Math.max(...trunk.map((name) => largest(a.get(name)!)))).toBeGreaterThan(1e-3)
    for (const name of head) expect(largest(b.get(name)!), name).toBeGreaterThan(1e-3)
  })

  test("an update whose loss reads no values leaves head and moments alone, and the next one goes on as if it had not been", async () => {
    const [engine, other] = [await createEngine({ valueHead: { trunk: "detached" } }), await createEngine({ valueHead: { trunk: "detached" } })]
    const frozen = { ...adam, learningRate: 0 }
    for (const each of [engine, other]) await train(each, valueOnly, 2)
    const before = headOf(await engine.weights())
    await engine.forwardBackward(batch, ppo.without(["kl", "entropy", "dualClip"]))
    await engine.optimStep(frozen)
    expect(headOf(await engine.weights())).toEqual(before)
    // The trunk did not move, so that the next step of both sees the same; bias correction must count the head's own steps.
    for (const each of [engine, other]) await train(each, valueOnly)
    expect(headOf(await engine.weights())).toEqual(headOf(await other.weights()))
  })

  test("looking at the gradients of such an update changes nothing: the head stays", async () => {
    const engine = await createEngine()
    await train(engine, valueOnly, 2)
    const before = headOf(await engine.weights())
    await engine.forwardBackward(batch, ppo.without(["kl", "entropy", "dualClip"]))
    expect((await engine.gradients()).get("value_head.bias")).toEqual(Float32Array.of(0))
    await engine.optimStep(adam)
    expect(headOf(await engine.weights())).toEqual(before)
  })

  test("has a learning rate of its own", async () => {
    const step = async (learningRateScale: number): Promise<number> => {
      const engine = await createEngine({ valueHead: { trunk: "shared", learningRateScale } })
      await train(engine, valueOnly)
      return (await engine.weights()).get("value_head.bias")![0]!
    }
    expect((await step(5)) / (await step(1))).toBeCloseTo(5, 3)
  })

  test("a checkpoint restores it exactly, idle steps included, and the exported model has none", async () => {
    const first = await createEngine()
    await train(first, ppo, 2)
    await train(first, createObjective("ppo"))
    const directory = mkdtempSync(join(folder, "checkpoint-"))
    await first.save(directory)
    const second = await createEngine({ weights: { kind: "fresh", seed: 99 } })
    await second.load(directory)
    for (const engine of [first, second]) await train(engine, ppo, 2)
    expect(await second.weights()).toEqual(await first.weights())
    expect(JSON.parse(readFileSync(join(directory, "engine.json"), "utf8"))).toEqual({ optimizerSteps: 3, idleSteps: { "value_head.weight": 1, "value_head.bias": 1 } })

    const exported = mkdtempSync(join(folder, "exported-"))
    await first.saveModel(exported)
    expect(existsSync(join(exported, "value_head.safetensors"))).toBe(false)
    const { tensors } = await readSafetensorsHeader(join(exported, "model.safetensors"))
    expect([...tensors.keys()].sort()).toEqual([...initialiseWeights(config, 1).keys()].sort())
  })

  test("goes with adapters: both are trained, both are saved", async () => {
    const lora = { rank: 2, alpha: 4, targets: ["q_proj"] }
    const first = await createEngine({ lora })
    await train(first, ppo, 3)
    const directory = mkdtempSync(join(folder, "lora-"))
    await first.save(directory)
    const second = await createEngine({ lora })
    await second.load(directory)
    expect(await second.score(batch)).toEqual(await first.score(batch))
    expect(largest((await second.weights()).get("value_head.weight")!)).toBeGreaterThan(0)
  })

  test("a checkpoint without one is refused", async () => {
    const plain = await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed: 5 }, threads: 1 })
    engines.push(plain)
    await plain.forwardBackward(batch, createObjective("ppo"))
    await plain.optimStep(adam)
    const directory = mkdtempSync(join(folder, "plain-"))
    await plain.save(directory)
    await expect((await createEngine()).load(directory)).rejects.toThrow("value_head.safetensors")
    await expect(plain.forwardBackward(batch, ppo)).rejects.toThrow("expected the engine to give values")
  })
})

describe("the divergence over the vocabulary", () => {
  const full = createObjective("reinforce", { klCoefficient: 1, klEstimator: "full" })
  const silent = batch.map((sequence) => ({ ...sequence, advantages: sequence.advantages.map(() => 0) }))

  test("is zero from the policy itself, and from a snapshot what k1 gives in expectation", async () => {
    const engine = await createEngine()
    const reference = await engine.snapshot()
    const same = await engine.forwardBackward(silent, full, { reference })
    await engine.clearGradients()
    expect(Math.abs(same.statistics["kl"]!)).toBeLessThan(1e-6)
    await train(engine, createObjective("ppo"), 3)
    const { statistics } = await engine.forwardBackward(silent, full, { reference, temperature: 0.7 })
    await engine.clearGradients()
    // Every token of the vocabulary in each position, weighted by its probability.
    let expected = 0
    let counted = 0
    for (const { promptTokens, responseTokens } of batch) {
      for (let t = 0; t < responseTokens.length; t++) {
        const prompt = [...promptTokens, ...responseTokens.slice(0, t)]
        const every = Array.from({ length: 16 }, (_, token) => ({ promptTokens: prompt, responseTokens: [token] }))
        const [now, then] = [await engine.logprobs(every, { temperature: 0.7 }), await engine.logprobs(every, { policy: reference, temperature: 0.7 })]
        expected += now.reduce((total, [l], token) => total + Math.exp(l!) * (l! - then[token]![0]!), 0)
        counted += 1
      }
    }
    expect(expected / counted).toBeGreaterThan(0.01)
    expect(statistics["kl"]! / (expected / counted)).toBeCloseTo(1, 3)
  })

  test("pulls the policy back: descending on it alone lowers it, by what its gradient says", async () => {
    const engine = await createEngine({ tokenBudget: 16 })
    const reference = await engine.snapshot()
    await train(engine, createObjective("ppo"), 2)
    const before = await engine.forwardBackward(silent, full, { reference })
    const gradients = await engine.gradients()
    const norm = Math.sqrt([...gradients.values()].reduce((total, row) => total + row.reduce((sum, x) => sum + x * x, 0), 0))
    // One Adam step with a huge eps is a plain step of length `length` down the gradient.
    const [eps, length] = [1e4, 5e-4]
    await engine.optimStep({ learningRate: (length * eps) / norm, beta1: 0, beta2: 0, eps, weightDecay: 0, gradientClip: 0 })
    const after = await engine.forwardBackward(silent, full, { reference })
    await engine.clearGradients()
    expect((before.loss - after.loss) / (length * norm)).toBeCloseTo(1, 1)
  })

  test("needs a reference, and the whole vocabulary at once", async () => {
    const engine = await createEngine()
    await expect(engine.forwardBackward(silent, full)).rejects.toThrow("expected a reference policy")
    const pieces = await createEngine({ headChunk: 8 })
    expect([engine.capabilities.fullKl, pieces.capabilities.fullKl]).toEqual([true, false])
    await expect(pieces.forwardBackward(silent, full, { reference: await pieces.snapshot() })).rejects.toThrow("Set engine.headChunk to 0")
  })
})
