import { describe, expect, test } from "vitest"
import type { SampleRequest, Sequence } from "../engine.ts"
import { cacheInput, decoderInputs } from "../../model/decoder.ts"
import { config, tokenizer } from "./nano-engine.test-helper.ts"
import { outputNames, samplingPrograms } from "./programs.ts"
import type { Feeds, Results } from "./runtime.ts"
import { SamplingRun, type SamplerLimits } from "./sampler.ts"
import { SharedFeeds } from "./sequence-feeds.ts"

const { vocabularySize: V, layers, keyValueHeads, headDim } = config

/**
 * A policy without a network: what follows a token is decided by it alone. It writes the token that it was given into
 * the cache, so that a row whose cache is not its own is found out.
 */
class TablePolicy {
  /** Rows of each decode step. */
  readonly rows: number[] = []
  /** What each row was given, with the tokens that its cache says came before. */
  readonly seen: string[] = []
  readonly #next: (token: number) => Float32Array

  constructor(next: (token: number) => Float32Array) {
    this.#next = next
  }

  async run(key: string, _: unknown, feeds: Feeds): Promise<Results> {
    const prefill = key === samplingPrograms("f32").prefill
    const tokens = [...(feeds[decoderInputs.tokens]!.data as BigInt64Array)].map(Number)
    const ends = prefill ? [...(feeds["rows"]!.data as BigInt64Array)].map((row) => tokens[Number(row)]!) : tokens
    const time = prefill ? tokens.length / ends.length : 1
    if (!prefill) this.#decode(tokens, feeds)
    const probabilities = new Float32Array(ends.length * V)
    ends.forEach((token, b) => probabilities.set(this.#next(token), b * V))
    const results: Record<string, Float32Array> = { [outputNames.probabilities]: probabilities }
    const cache = new Float32Array(ends.length * keyValueHeads * time * headDim)
    cache.forEach((_value, i) => {
      const [b, t] = [Math.floor(i / (keyValueHeads * time * headDim)), Math.floor(i / headDim) % time]
      cache[i] = tokens[b * time + t]!
    })
    for (let layer = 0; layer < layers; layer++) {
      results[outputNames.keys(layer)] = cache
      results[outputNames.values(layer)] = cache
    }
    return results
  }

  #decode(tokens: readonly number[], feeds: Feeds): void {
    this.rows.push(tokens.length)
    const { data, dims } = feeds[cacheInput("key", layers - 1)]!
    const positions = feeds[decoderInputs.positions]!.data as BigInt64Array
    const [, heads, capacity, width] = dims as [number, number, number, number]
    tokens.forEach((token, b) => {
      const before = Array.from(
        { length: Number(positions[b]) },
        (_, t) => (data as Float32Array)[(b * heads * capacity + t) * width]!,
      )
      this.seen.push([...before, token].join())
    })
  }
}

async function sampled(
  policy: TablePolicy,
  requests: readonly SampleRequest[],
  limits: Partial<SamplerLimits> = {},
): Promise<Sequence[][]> {
  const run = new SamplingRun(
    {
      config,
      limits: { batch: 64, tokenBudget: 512, cacheBytes: 2 ** 30, ...limits },
      runtime: policy,
      weights: new Map(),
      programs: samplingPrograms("f32"),
      quantised: {},
      shared: new SharedFeeds(config),
      decode: (tokens) => tokenizer.decode([...tokens]),
      cancelled: () => false,
      onProgress: () => undefined,
    },
    requests,
  )
  return run.run()
}

const certain = (token: number): Float32Array => Float32Array.from({ length: V }, (_, i) => (i === token ? 1 : 0))
const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe("responses that agree so far", () => {
  test("are one row: a certain policy decodes a group of 32 as two rows, the least that there can be", async () => {
    const policy = new TablePolicy((token) => certain((token + 1) % V))
    const [group] = await sampled(policy, [{ promptTokens: [3], seeds: seeds(32), options: { maxTokens: 5 } }])
    expect(group!.map(({ tokens }) => tokens)).toEqual(Array.from({ length: 32 }, () => [4, 5, 6, 7, 8]))
    expect(policy.rows).toEqual([2, 2, 2, 2])
  })

  test("part where they differ, each with the cache of its own past", async () => {
    // Two ways from every even token, one from every odd one.
    const policy = new TablePolicy((token) => {
      if (token % 2 === 1) return certain((token + 1) % V)
      const both = new Float32Array(V)
      both[(token + 2) % V] = 0.5
      both[(token + 3) % V] = 0.5
      return both
    })
    const requests = [2, 4, 5].map((prompt) => ({
      promptTokens: [9, prompt],
      seeds: seeds(16),
      options: { maxTokens: 6 },
    }))
    const groups = await sampled(policy, requests)
    const pasts = new Set(
      groups.flatMap((group, g) =>
        group.flatMap(({ tokens }) =>
          tokens.slice(0, -1).map((_, t) => [9, [2, 4, 5][g]!, ...tokens.slice(0, t + 1)].join()),
        ),
      ),
    )
    // Padding aside, every past is decoded once, and none that no response has.
    expect(policy.seen.toSorted()).toEqual([...pasts].toSorted())
    expect(Math.max(...policy.rows)).toBeGreaterThan(3)
  })

  test("are what each is on its own, also when rows come and go", async () => {
    const uneven = new Float32Array(V).fill(1 / V)
    const next = (): Float32Array => uneven
    const options = { maxTokens: 12, stopTokens: [1, 2] }
    const requests = [3, 4, 5, 6, 7].map((prompt) => ({ promptTokens: [prompt], seeds: seeds(6), options }))
    const together = await sampled(new TablePolicy(next), requests, { batch: 8 })
    for (const [g, request] of requests.entries()) {
      for (const [i, seed] of request.seeds.entries()) {
        const [[alone]] = (await sampled(new TablePolicy(next), [{ ...request, seeds: [seed] }])) as [[Sequence]]
        expect(together[g]![i]).toEqual(alone)
      }
    }
  })
})
