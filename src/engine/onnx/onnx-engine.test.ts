import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { mul, neg } from "../../graph/index.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { AdamOptions, SampleRequest, SamplingOptions, Sequence, TrainSequence } from "../engine.ts"
import { createEngine, tokenizer } from "./nano-engine.test-helper.ts"
import type { OnnxEngine } from "./onnx-engine.ts"

const policyGradient: Objective = {
  name: "test",
  key: "test",
  needs: [],
  constants: { scale: 1 },
  build: ({ logprobs_BT, advantages_BT, constant }) => ({ loss_BT: mul(neg(mul(logprobs_BT, advantages_BT)), constant("scale")) }),
}
const adam: AdamOptions = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 }

function pseudoRandom(i: number): number {
  return Math.abs(Math.sin(i * 12.9898 + 4.1) * 43758.5453) % 1
}

function prompt(i: number): number[] {
  return Array.from({ length: 1 + (i % 23) }, (_, t) => 2 + Math.floor(pseudoRandom(i * 31 + t) * 14))
}

function trainBatch(sequences: readonly { prompt: number[]; response: Sequence }[]): TrainSequence[] {
  return sequences.map(({ prompt: promptTokens, response }, i) => {
    const size = response.tokens.length
    return {
      promptTokens,
      responseTokens: response.tokens,
      behaviourLogprobs: response.logprobs,
      advantages: new Float32Array(size).fill(i % 2 === 0 ? 1 : -0.5),
      mask: new Float32Array(size).fill(1),
      weights: new Float32Array(size).fill(0.01),
    }
  })
}

describe("tokens as they come", () => {
  const requests = [3, 8, 8].map((i, at): SampleRequest => ({
    promptTokens: prompt(i),
    seeds: [at, 10 + at],
    options: { maxTokens: 4 + 9 * at, stopTokens: [1], topP: 0.95 },
  }))

  test("are those of the responses, which are bit for bit those that nobody listens to", async () => {
    const engine = await createEngine()
    const told: number[][][] = requests.map(({ seeds }) => seeds.map(() => []))
    let done = false
    let late = 0
    const heard = await engine.sample(requests, undefined, ({ request, response, token }) => {
      told[request]![response]!.push(token)
      if (done) late += 1
    })
    done = true
    expect(engine.capabilities.streaming).toBe(true)
    expect(told).toEqual(heard.map((group) => group.map(({ tokens }) => tokens)))
    expect(heard).toEqual(await engine.sample(requests))
    expect(late).toBe(0)
  })

  test("stop at an abort: none is told after it, sample throws the reason, and the engine samples on", async () => {
    const engine = await createEngine()
    const stop = new AbortController()
    const told: number[] = []
    const long = [{ promptTokens: prompt(4), seeds: [1], options: { maxTokens: 80 } }]
    const sampling = engine.sample(long, stop.signal, ({ token }) => {
      told.push(token)
      if (told.length === 3) stop.abort(new Error("enough"))
    })
    await expect(sampling).rejects.toThrow("enough")
    expect(told).toHaveLength(3)
    const [[whole]] = (await engine.sample(long)) as [[Sequence]]
    expect(whole.tokens).toHaveLength(80)
    expect(whole.tokens.slice(0, 3)).toEqual(told)
  })

  test("whose listener throws end the sampling with its error", async () => {
    const engine = await createEngine()
    let heard = 0
    const long = [{ promptTokens: prompt(4), seeds: [1], options: { maxTokens: 80 } }]
    const sampling = engine.sample(long, undefined, () => {
      heard += 1
      throw new Error("the pipe is closed")
    })
    await expect(sampling).rejects.toThrow("the pipe is closed")
    expect(heard).toBe(1)
    expect(await engine.sample(requests)).toHaveLength(3)
  })
})

describe("sampling", () => {
  test("the same seed gives the same tokens and log-probs whatever the batch: 10,000 requests alone, together and in another order", async () => {
    const options: SamplingOptions = { maxTokens: 6, stopTokens: [1] }
    const requests = Array.from({ length: 10_000 }, (_, i): SampleRequest => ({ promptTokens: prompt(i % 500), seeds: [i], options }))
    const wide = await createEngine({ sampleBatch: 256 })
    const narrow = await createEngine({ sampleBatch: 48, threads: 1 })
    const together = (await wide.sample(requests)).map(([sequence]) => sequence!)
    const order = requests.map((_, i) => i).sort((a, b) => pseudoRandom(a) - pseudoRandom(b))
    const shuffled = await narrow.sample(order.map((i) => requests[i]!))
    let different = 0
    order.forEach((i, at) => {
      const [a, b] = [together[i]!, shuffled[at]![0]!]
      if (a.tokens.join() !== b.tokens.join() || a.logprobs.some((x, t) => x !== b.logprobs[t])) different += 1
    })
    expect(different).toBe(0)
    for (const i of [0, 17, 4_999, 9_999]) {
      const [[alone]] = (await wide.sample([requests[i]!])) as [[Sequence]]
      expect(alone.tokens).toEqual(together[i]!.tokens)
      expect(alone.logprobs).toEqual(together[i]!.logprobs)
    }
  })

  test("log-probs of sampling and of the scoring and training graphs agree to 1e-4, at ragged lengths and past cache growth", async () => {
    const engine = await createEngine()
    const requests = Array.from({ length: 24 }, (_, i): SampleRequest => ({
      promptTokens: prompt(i),
      seeds: [i, 100 + i, 200 + i],
      options: { maxTokens: 5 + ((i * 7) % 60), stopTokens: [1], temperature: 0.8 },
    }))
    const responses = await engine.sample(requests)
    const flat = responses.flatMap((group, i) => group.map((response) => ({ prompt: [...requests[i]!.promptTokens], response })))
    const scored = await engine.logprobs(
      flat.map(({ prompt: promptTokens, response }) => ({ promptTokens, responseTokens: response.tokens })),
      { temperature: 0.8 },
    )
    const report = await engine.forwardBackward(trainBatch(flat), policyGradient, { temperature: 0.8 })
    await engine.clearGradients()
    flat.forEach(({ response }, i) => {
      response.logprobs.forEach((logprob, t) => {
        expect(Math.abs(logprob - scored[i]![t]!)).toBeLessThan(1e-4)
        expect(Math.abs(logprob - report.logprobs[i]![t]!)).toBeLessThan(1e-4)
      })
    })
    const longest = Math.max(...flat.map(({ response }) => response.tokens.length))
    expect(longest).toBeGreaterThan(33)
  })

  test("greedy decoding takes the most likely token at every step and never reads the seed", async () => {
    const engine = await createEngine()
    const request = (seed: number): SampleRequest => ({ promptTokens: prompt(9), seeds: [seed], options: { maxTokens: 8, temperature: 0 } })
    const [[a], [b]] = (await engine.sample([request(1), request(2)])) as [[Sequence], [Sequence]]
    expect(a.tokens).toEqual(b.tokens)
    const alternatives = Array.from({ length: 16 }, (_, token) => ({ promptTokens: prompt(9), responseTokens: [token] }))
    const first = (await engine.logprobs(alternatives)).map(([x]) => x!)
    expect(first.indexOf(Math.max(...first))).toBe(a.tokens[0])
  })

  test("sampled frequencies follow the distribution that the log-probs report", async () => {
    const engine = await createEngine()
    const seeds = Array.from({ length: 4_000 }, (_, i) => i)
    const [group] = (await engine.sample([{ promptTokens: prompt(5), seeds, options: { maxTokens: 1, temperature: 1.3, topP: 0.9 } }])) as [Sequence[]]
    const probability = new Map<number, number>()
    const count = new Map<number, number>()
    for (const { tokens, logprobs } of group) {
      probability.set(tokens[0]!, Math.exp(logprobs[0]!))
      count.set(tokens[0]!, (count.get(tokens[0]!) ?? 0) + 1)
    }
    expect([...probability.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4)
    for (const [token, p] of probability) {
      expect(Math.abs(count.get(token)! / seeds.length - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / seeds.length) + 1e-9)
    }
  })

  test("a stop string ends the response with the token that completes it", async () => {
    const engine = await createEngine()
    const requests = Array.from({ length: 20 }, (_, i): SampleRequest => ({ promptTokens: prompt(i), seeds: [i], options: { maxTokens: 40, stopStrings: ["7", "++"] } }))
    const stopped = (await engine.sample(requests)).flat().filter(({ stopReason }) => stopReason === "stop")
    expect(stopped.length).toBeGreaterThan(5)
    for (const { tokens } of stopped) {
      const text = tokenizer.decode(tokens, { skipSpecialTokens: true })
      expect(/7$|\+\+$/.test(text)).toBe(true)
      expect(/7|\+\+/.test(text.slice(0, -1))).toBe(false)
    }
  })

  test("how far a call is counts responses, and tokens sampled or done without", async () => {
    const engine = await createEngine()
    expect(engine.sampled()).toEqual({ responses: 0, share: 0 })
    await engine.sample([{ promptTokens: [2, 3], seeds: [1, 2, 3], options: { maxTokens: 5, stopTokens: [1] } }])
    expect(engine.sampled()).toEqual({ responses: 3, share: 1 })
  })

  test("an abort signal ends a long sample call", async () => {
    const engine = await createEngine()
    const controller = new AbortController()
    const requests = Array.from({ length: 3_000 }, (_, i): SampleRequest => ({ promptTokens: prompt(i), seeds: [i], options: { maxTokens: 64 } }))
    const promise = engine.sample(requests, controller.signal)
    setTimeout(() => controller.abort(), 50)
    await expect(promise).rejects.toThrow(/abort/i)
    const [[after]] = (await engine.sample([requests[0]!])) as [[Sequence]]
    expect(after.tokens).toHaveLength(64)
  })

  test.each([
    ["prompt of at least one token", { promptTokens: [], seeds: [1], options: { maxTokens: 1 } }],
    ["to fit 96 tokens, got 90 + 10", { promptTokens: Array.from({ length: 90 }, () => 2), seeds: [1], options: { maxTokens: 10 } }],
    ["tokens below 16, got 99", { promptTokens: [99], seeds: [1], options: { maxTokens: 1 } }],
  ])("a request that cannot be served is refused: %s", async (message, request) => {
    const engine = await createEngine()
    await expect(engine.sample([request])).rejects.toThrow(message)
  })
})

describe("training", () => {
  async function sampled(engine: OnnxEngine): Promise<TrainSequence[]> {
    const requests = Array.from({ length: 16 }, (_, i): SampleRequest => ({ promptTokens: prompt(i), seeds: [i, i + 50], options: { maxTokens: 3 + (i % 9) } }))
    const responses = await engine.sample(requests)
    return trainBatch(responses.flatMap((group, i) => group.map((response) => ({ prompt: [...requests[i]!.promptTokens], response }))))
  }

  test("the whole training graph is bit-identical over repeated runs on two threads", async () => {
    const engine = await createEngine({ tokenBudget: 512 })
    const batch = await sampled(engine)
    let reference: Map<string, Float32Array> | undefined
    for (let run = 0; run < 20; run++) {
      await engine.forwardBackward(batch, policyGradient)
      const gradients = await engine.gradients()
      await engine.clearGradients()
      reference ??= gradients
      for (const [name, values] of gradients) expect(Buffer.from(values.buffer).equals(Buffer.from(reference.get(name)!.buffer)), name).toBe(true)
    }
  })

  test("a batch of one repeated token has the same embedding gradient, bit for bit, over 50 runs on two threads", async () => {
    const engine = await createEngine()
    const size = 64
    const batch = Array.from({ length: 8 }, (): TrainSequence => ({
      promptTokens: [5],
      responseTokens: Array.from({ length: size }, () => 5),
      behaviourLogprobs: new Float32Array(size),
      advantages: new Float32Array(size).fill(1),
      mask: new Float32Array(size).fill(1),
      weights: Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
    }))
    let reference: Float32Array | undefined
    for (let run = 0; run < 50; run++) {
      await engine.forwardBackward(batch, policyGradient)
      const gradient = (await engine.gradients()).get("model.embed_tokens.weight")!
      await engine.clearGradients()
      reference ??= gradient
      expect(gradient).toEqual(reference)
    }
  })

  test("micro-batches of any size give the same gradients, the loss being normalised over the whole batch", async () => {
    const [small, large] = [await createEngine({ tokenBudget: 24 }), await createEngine({ tokenBudget: 100_000 })]
    const batch = await sampled(large)
    const [a, b] = [await small.forwardBackward(batch, policyGradient), await large.forwardBackward(batch, policyGradient)]
    expect(a.loss).toBeCloseTo(b.loss, 4)
    // A group that is cut runs its prompt with each piece.
    expect(a.tokens).toBeGreaterThan(b.tokens)
    const [left, right] = [await small.gradients(), await large.gradients()]
    for (const [name, values] of left) {
      const other = right.get(name)!
      const scale = other.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6)
      expect(values.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i]!)), 0) / scale, name).toBeLessThan(1e-4)
    }
  })

  test("directional finite differences over every parameter agree with the gradient", async () => {
    const engine = await createEngine()
    const batch = await sampled(engine)
    const loss = async (): Promise<number> => {
      const report = await engine.forwardBackward(batch, policyGradient)
      await engine.clearGradients()
      return report.loss
    }
    const before = await loss()
    await engine.forwardBackward(batch, policyGradient)
    const gradients = await engine.gradients()
    const norm = Math.sqrt([...gradients.values()].reduce((total, values) => total + values.reduce((sum, x) => sum + x * x, 0), 0))
    // One Adam step with huge eps is a plain gradient step of length learningRate * norm / eps.
    const eps = 1e4
    const step = (0.02 / norm) * 1
    await engine.optimStep({ learningRate: (step * eps) / norm, beta1: 0, beta2: 0, eps, weightDecay: 0, gradientClip: 0 })
    const after = await loss()
    // Moving distance d along the gradient lowers the loss by d * norm to first order.
    expect((before - after) / (step * norm)).toBeGreaterThan(0.8)
    expect((before - after) / (step * norm)).toBeLessThan(1.1)
  })

  test("learning rate 0 leaves every weight as it is; a step with a rate does not", async () => {
    const engine = await createEngine()
    const batch = await sampled(engine)
    const before = await engine.weights()
    await engine.forwardBackward(batch, policyGradient)
    await engine.optimStep({ ...adam, learningRate: 0 })
    expect(await engine.weights()).toEqual(before)
    await engine.forwardBackward(batch, policyGradient)
    const { gradientNorm, applied } = await engine.optimStep(adam)
    expect(applied).toBe(true)
    expect(gradientNorm).toBeGreaterThan(0)
    expect(await engine.weights()).not.toEqual(before)
  })

  test("gradients that are not finite are refused: weights and moments stay, the next step works", async () => {
    const engine = await createEngine()
    const batch = await sampled(engine)
    const before = await engine.weights()
    await engine.forwardBackward(batch, { ...policyGradient, constants: { scale: Infinity } })
    const report = await engine.optimStep(adam)
    expect(report.applied).toBe(false)
    expect(await engine.weights()).toEqual(before)
    await engine.forwardBackward(batch, policyGradient)
    expect((await engine.optimStep(adam)).applied).toBe(true)
  })

  test("a checkpoint restores weights and optimiser exactly: training goes on bit for bit", async () => {
    const directory = await mkdtemp(join(tmpdir(), "pirl-engine-"))
    const first = await createEngine()
    const batch = await sampled(first)
    const stepOn = async (engine: OnnxEngine): Promise<void> => {
      await engine.forwardBackward(batch, policyGradient)
      await engine.optimStep(adam)
    }
    await stepOn(first)
    await first.save(directory)
    await stepOn(first)
    const second = await createEngine({ weights: { kind: "folder", directory } })
    await second.load(directory)
    await stepOn(second)
    expect(await second.weights()).toEqual(await first.weights())
    await rm(directory, { recursive: true })
  })

  test("a snapshot scores as the policy it was taken from and restores it", async () => {
    const engine = await createEngine()
    const batch = await sampled(engine)
    const before = await engine.logprobs(batch)
    const id = await engine.snapshot({ optimizer: true })
    await engine.forwardBackward(batch, policyGradient)
    await engine.optimStep(adam)
    expect(await engine.logprobs(batch)).not.toEqual(before)
    expect(await engine.logprobs(batch, { policy: id })).toEqual(before)
    await engine.restore(id)
    expect(await engine.logprobs(batch)).toEqual(before)
    await engine.release(id)
    await expect(engine.restore(id)).rejects.toThrow("expected a snapshot that exists (none)")
  })
})

describe("LoRA", () => {
  const lora = { rank: 4, alpha: 8, targets: ["q_proj", "v_proj", "down_proj"] }

  test("starts as the base model, trains adapters only, and saves them and the merged model", async () => {
    const [base, adapted] = [await createEngine(), await createEngine({ lora })]
    const request: SampleRequest = { promptTokens: prompt(3), seeds: [1, 2, 3, 4], options: { maxTokens: 12 } }
    const [responses] = (await base.sample([request])) as [Sequence[]]
    expect(await adapted.sample([request])).toEqual([responses])
    expect(adapted.capabilities.trainableParameterCount).toBeLessThan(adapted.capabilities.parameterCount / 5)

    const batch = trainBatch(responses.map((response) => ({ prompt: [...request.promptTokens], response })))
    const frozen = await base.weights()
    for (let step = 0; step < 3; step++) {
      await adapted.forwardBackward(batch, policyGradient)
      await adapted.optimStep({ ...adam, learningRate: 0.02 })
    }
    const trained = await adapted.weights()
    for (const [name, values] of frozen) expect(trained.get(name), name).toEqual(values)
    const after = await adapted.logprobs(batch)
    expect(after).not.toEqual(await base.logprobs(batch))

    const [checkpoint, merged] = [await mkdtemp(join(tmpdir(), "pirl-lora-")), await mkdtemp(join(tmpdir(), "pirl-merged-"))]
    await adapted.save(checkpoint)
    await adapted.saveModel(merged)
    const resumed = await createEngine({ lora })
    await resumed.load(checkpoint)
    expect(await resumed.logprobs(batch)).toEqual(after)
    const whole = await createEngine({ weights: { kind: "folder", directory: merged } })
    ;(await whole.logprobs(batch)).forEach((logprobs, i) => {
      logprobs.forEach((logprob, t) => expect(Math.abs(logprob - after[i]![t]!)).toBeLessThan(1e-4))
    })
    await rm(checkpoint, { recursive: true })
    await rm(merged, { recursive: true })
  })
})
