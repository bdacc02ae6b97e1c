/**
 * What the client adds to a training step on a server: everything but the server's own time.
 *
 *     npx tsx bench/tinker-overhead.ts [--prompts 128] [--group 8] [--tokens 512] [--seconds 30] [--steps 2]
 *
 * The server here computes nothing. It is a process of its own that takes a fixed time for each operation (two thirds of --seconds for
 * samples, the rest for forward, backward and step) and then gives answers of the real size. What a step takes beyond those times is
 * the client: encoding, sockets, decoding, the objective's gradient, and the synthetic server's own writing and reading of sockets.
 */
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { TrainSequence } from "../src/engine/engine.ts"
import { cautiousCapabilities } from "../src/engine/tinker/server-capabilities.ts"
import { TinkerEngine } from "../src/engine/tinker/tinker-engine.ts"
import { aggregationWeights, createObjective } from "../src/objectives/index.ts"
import { TinkerClient } from "../src/tinker/index.ts"

const { values } = parseArgs({
  options: {
    prompts: { type: "string", default: "128" },
    group: { type: "string", default: "8" },
    tokens: { type: "string", default: "512" },
    seconds: { type: "string", default: "30" },
    steps: { type: "string", default: "2" },
    serve: { type: "boolean", default: false },
  },
})
const [prompts, group, tokens, seconds, steps] = [values.prompts, values.group, values.tokens, values.seconds, values.steps].map(Number) as [number, number, number, number, number]
const PROMPT_TOKENS = 96
const VOCABULARY = 150_000
/** Shares of the server's time. */
const shares = { sample: 2 / 3, forward: 1 / 9, backward: 2 / 9 - 0.02, step: 0.02 }

function pseudoRandom(i: number): number {
  return Math.abs(Math.sin(i * 12.9898 + 4.1) * 43758.5453) % 1
}

/** The synthetic server: prints its port. */
function serve(): void {
  const token = (i: number): number => Math.floor(pseudoRandom(i) * VOCABULARY)
  const row = (length: number): number[] => Array.from({ length }, (_, t) => Math.fround(-3 * pseudoRandom(t + length)))
  const sequence = (i: number): string => JSON.stringify({ stop_reason: "length", tokens: Array.from({ length: tokens }, (_, t) => token(i * 7919 + t)), logprobs: row(tokens) })
  const samples = `{"sequences":[${Array.from({ length: group }, (_, i) => sequence(i)).join(",")}]}`
  const output = `{"logprobs":{"data":${JSON.stringify(row(PROMPT_TOKENS + tokens - 1))}}}`
  let count = 0
  const results = new Map<string, { readonly at: number; readonly body: string }>()
  // Operations of one kind are one job of the server: they end together.
  const ends = new Map<string, number>()
  const future = (kind: keyof typeof shares, body: string): string => {
    const id = String(++count)
    const now = performance.now()
    const end = Math.max(ends.get(kind) ?? 0, now) === now ? now + seconds * 1000 * shares[kind] : ends.get(kind)!
    ends.set(kind, end)
    results.set(id, { at: end, body })
    return JSON.stringify({ request_id: id })
  }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => {
      const path = request.url!.split("/").at(-1)!
      const answer = (text: string): void => void response.end(text)
      const datums = (): number => Buffer.concat(parts).toString("latin1").split('"model_input"').length - 1
      const outputs = (): string => `{"loss_fn_outputs":[${Array.from({ length: datums() }, () => output).join(",")}],"metrics":{}}`
      if (path === "create_session") answer('{"session_id":"s"}')
      else if (path === "create_model") answer(`{"model_id":"m${++count}",${future("step", "{}").slice(1)}`)
      else if (path === "asample") answer(future("sample", samples))
      else if (path === "save_weights_for_sampler") {
        const id = String(++count)
        results.set(id, { at: 0, body: '{"sampling_session_id":"x"}' })
        answer(JSON.stringify({ request_id: id }))
      } else if (path === "forward") answer(future("forward", outputs()))
      else if (path === "forward_backward") answer(future("backward", outputs()))
      else if (path === "optim_step") {
        // Behind the gradients.
        ends.set("step", Math.max(ends.get("backward") ?? 0, performance.now()) + seconds * 1000 * shares.step)
        answer(future("step", '{"metrics":{"grad_norm":1}}'))
      } else if (path === "retrieve_future") {
        const { request_id } = JSON.parse(Buffer.concat(parts).toString()) as { request_id: string }
        const { at, body } = results.get(request_id)!
        setTimeout(() => answer(body), Math.max(at - performance.now(), 0))
      } else if (path === "unload_model") {
        results.set("0", { at: 0, body: "{}" })
        answer('{"request_id":"0"}')
      } else answer("{}")
    })
  })
  server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port))
}

async function measure(url: string): Promise<void> {
  const client = new TinkerClient({ url })
  const server = { ...cautiousCapabilities, lossReduction: "mean-per-sequence", sampleLogprobs: "policy" } as const
  const engine = await TinkerEngine.create({ client, baseModel: "none", lora: { rank: 32, seed: 1 }, server, contextLength: 40_960, vocabularySize: VOCABULARY, decode: () => "", maxConcurrency: prompts })
  const objective = createObjective("grpo", {})
  const promptTokens = Array.from({ length: PROMPT_TOKENS }, (_, t) => t + 10)
  const requests = Array.from({ length: prompts }, (_, i) => ({ promptTokens, seeds: Array.from({ length: group }, (_, k) => i * 100 + k), options: { maxTokens: tokens, stopTokens: [1] } }))
  for (let step = 1; step <= steps; step++) {
    engine.takeTimes()
    const cpu = process.cpuUsage()
    const started = performance.now()
    const groups = await engine.sample(requests)
    const sampled = performance.now()
    const sequences = groups.flat()
    const masks = sequences.map((sequence) => new Float32Array(sequence.tokens.length).fill(1))
    const weights = aggregationWeights("token-mean", masks)
    const batch = sequences.map((sequence, i): TrainSequence => ({
      promptTokens,
      responseTokens: sequence.tokens,
      behaviourLogprobs: sequence.policyLogprobs,
      advantages: new Float32Array(sequence.tokens.length).fill(i % 2 === 0 ? 1 : -1),
      mask: masks[i]!,
      weights: weights[i]!,
    }))
    await engine.forwardBackward(batch, objective)
    const passed = performance.now()
    await engine.optimStep({ learningRate: 1e-5, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, gradientClip: 0 })
    const ended = performance.now()
    const wall = (ended - started) / 1000
    const { clientSeconds } = engine.takeTimes()
    const { user, system } = process.cpuUsage(cpu)
    const beyond = wall - seconds
    console.log(
      `step ${step}: ${wall.toFixed(2)} s, of them ${seconds} s the server's; beyond it ${beyond.toFixed(2)} s (${((100 * beyond) / wall).toFixed(1)} %): ` +
        `samples ${((sampled - started) / 1000 - seconds * shares.sample).toFixed(2)} s, forward and objective ${((passed - sampled) / 1000 - seconds * shares.forward).toFixed(2)} s, ` +
        `backward and step ${((ended - passed) / 1000 - seconds * (shares.backward + shares.step)).toFixed(2)} s. ` +
        `Own code ${clientSeconds.toFixed(2)} s, processor time ${((user + system) / 1e6).toFixed(2)} s. Below 5 % where the server takes more than ${(19 * beyond).toFixed(0)} s a step`,
    )
  }
  await engine.close()
}

if (values.serve) serve()
else {
  const file = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [...process.execArgv, file, "--serve", ...process.argv.slice(2)], { stdio: ["ignore", "pipe", "inherit"] })
  try {
    const port = await new Promise<string>((resolve) => child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim())))
    console.log(`${prompts} prompts x ${group} responses x ${tokens} tokens; the server takes ${seconds} s a step`)
    await measure(`http://127.0.0.1:${port}`)
  } finally {
    child.kill()
  }
}
