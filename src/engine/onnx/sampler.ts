/**
 * Continuous batching: responses of a prompt share one prefill and, for as long as they agree, one row of every decode
 * step; finished sequences leave the batch, waiting prompts take their place. What is in the batch depends on counts and
 * tokens only, never on the clock.
 */
import type { ModelConfig } from "../../model/config.ts"
import { decoderInputs } from "../../model/decoder.ts"
import type { Weights } from "../../model/weights.ts"
import { uniform } from "../../random.ts"
import type { SampleRequest, SamplingOptions, Sequence, TokenListener } from "../engine.ts"
import { KeyValueCache, positionBytes } from "./key-value-cache.ts"
import { inverseTemperatureInput, outputNames, scoreInputs } from "./programs.ts"
import { floats, integers, type Feeds, type Results, type Runtime } from "./runtime.ts"
import type { SharedFeeds } from "./sequence-feeds.ts"
import { TokenSampler, type PickedToken } from "./token-sampler.ts"

export interface SamplerLimits {
  /** Sequences decoded at once. */
  readonly batch: number
  /** Tokens of one prefill, padding included. */
  readonly tokenBudget: number
  /** Bytes that keys and values may take. */
  readonly cacheBytes: number
}

export interface SamplerContext {
  readonly config: ModelConfig
  readonly runtime: Pick<Runtime, "run">
  readonly weights: Weights
  /** Keys of the graphs. */
  readonly programs: { readonly prefill: string; readonly decode: string }
  /** Weights in eight bits, where the graphs read them. */
  readonly quantised: Feeds
  readonly shared: SharedFeeds
  readonly limits: SamplerLimits
  /** Text of a response, for stop strings. */
  readonly decode: (tokens: readonly number[]) => string
  readonly cancelled: () => boolean
  /** Hears of tokens as they are picked. */
  readonly onToken?: TokenListener | undefined
  /** Counts each token; with one that completes a response, how many more there could have been. */
  readonly onProgress: (left?: number) => void
}

/**
 * Responses to a prompt that have the same tokens so far, as one row of the batch: what comes next has one distribution,
 * and each draws from it with its own seed. A row computes the same numbers whatever is beside it, so that a response
 * is what it would be on its own.
 */
interface Row {
  readonly request: SampleRequest
  readonly requestIndex: number
  readonly seedIndices: readonly number[]
  readonly tokens: readonly number[]
  readonly logprobs: readonly number[]
  readonly policyLogprobs: readonly number[]
  /** Positions in the cache. */
  readonly length: number
}

/** Seeds of one request that enter the batch together. */
interface Admission {
  readonly requestIndex: number
  readonly seedIndices: readonly number[]
}

// A product of one row rounds differently from one of several: batches are padded to two.
const LEAST_ROWS = 2

export class SamplingRun {
  readonly #context: SamplerContext
  readonly #requests: readonly SampleRequest[]
  readonly #results: Sequence[][]
  readonly #picker: TokenSampler
  readonly #cache: KeyValueCache
  readonly #capacity: number
  readonly #active: Row[] = []
  readonly #waiting: Admission[] = []

  constructor(context: SamplerContext, requests: readonly SampleRequest[]) {
    this.#context = context
    this.#requests = requests
    this.#results = requests.map(({ seeds }) => Array.from<Sequence>({ length: seeds.length }))
    this.#picker = new TokenSampler(context.config.vocabularySize)
    const longest = Math.max(1, ...requests.map(({ promptTokens, options }) => promptTokens.length + options.maxTokens))
    this.#capacity = rowLimit(context.config, context.limits, longest, requests.reduce((total, { seeds }) => total + seeds.length, 0))
    this.#cache = new KeyValueCache(context.config, this.#capacity)
    requests.forEach(({ seeds }, requestIndex) => {
      for (let start = 0; start < seeds.length; start += this.#capacity) {
        const count = Math.min(this.#capacity, seeds.length - start)
        this.#waiting.push({ requestIndex, seedIndices: Array.from({ length: count }, (_, i) => start + i) })
      }
    })
  }

  async run(): Promise<Sequence[][]> {
    while (this.#waiting.length > 0 || this.#active.length > 0) {
      if (this.#context.cancelled()) break
      const admitted = this.#admit()
      if (admitted.length > 0) await this.#prefill(admitted)
      if (this.#active.length > 0) await this.#decodeStep()
    }
    this.#cache.release()
    return this.#results
  }

  /** Requests that fit now. Waits for a quarter of the rows to be free, so that prefills come in batches worth their cost. */
  #admit(): Admission[] {
    // Rows that agree now may each be on its own at the next step.
    const free = this.#capacity - this.#active.reduce((total, { seedIndices }) => total + seedIndices.length, 0)
    const next = this.#waiting[0]
    if (next === undefined || (this.#active.length > 0 && free < Math.max(next.seedIndices.length, this.#capacity / 4))) return []
    const admitted: Admission[] = []
    let left = free
    while (this.#waiting.length > 0 && this.#waiting[0]!.seedIndices.length <= left) {
      const admission = this.#waiting.shift()!
      left -= admission.seedIndices.length
      admitted.push(admission)
    }
    return admitted
  }

  /** Runs prompts of equal padded length together: how a prompt is padded depends on the prompt alone. Equal prompts run once. */
  async #prefill(admitted: readonly Admission[]): Promise<void> {
    const byPrompt = new Map<string, Admission[]>()
    for (const admission of admitted) {
      const { promptTokens, options } = this.#requests[admission.requestIndex]!
      const key = `${promptTokens.join()}@${options.temperature ?? 1}`
      byPrompt.set(key, [...(byPrompt.get(key) ?? []), admission])
    }
    const byLength = new Map<number, Admission[][]>()
    for (const sharing of byPrompt.values()) {
      const time = paddedLength(this.#requests[sharing[0]!.requestIndex]!.promptTokens.length)
      byLength.set(time, [...(byLength.get(time) ?? []), sharing])
    }
    for (const [time, prompts] of byLength) {
      const most = Math.max(1, Math.floor(this.#context.limits.tokenBudget / time))
      for (let start = 0; start < prompts.length; start += most) await this.#prefillBatch(prompts.slice(start, start + most), time)
    }
  }

  /** @param batch  per prompt, the admissions that share it */
  async #prefillBatch(batch: readonly (readonly Admission[])[], time: number): Promise<void> {
    const { shared, runtime, weights, programs, quantised } = this.#context
    const prompts = batch.map(([first]) => this.#requests[first!.requestIndex]!.promptTokens)
    while (prompts.length < LEAST_ROWS) prompts.push(prompts[0]!)
    const rows = BigInt64Array.from(prompts, (prompt, b) => BigInt(b * time + prompt.length - 1))
    const results = await runtime.run(programs.prefill, weights, {
      ...quantised,
      ...shared.sequences(prompts, time),
      [scoreInputs.rows]: integers(rows, [rows.length]),
      [inverseTemperatureInput]: inverseTemperatures(batch.map(([first]) => this.#requests[first!.requestIndex]!.options), rows.length),
    })
    batch.forEach((sharing, b) => {
      for (const { requestIndex, seedIndices } of sharing) this.#start(requestIndex, seedIndices, results, b, time)
    })
  }

  #start(requestIndex: number, seedIndices: readonly number[], results: Results, sequence: number, time: number): void {
    const request = this.#requests[requestIndex]!
    const length = request.promptTokens.length
    const prompt: Row = { request, requestIndex, seedIndices, tokens: [], logprobs: [], policyLogprobs: [], length }
    const going = this.#sampleToken(prompt, results, sequence)
    if (going.length === 0) return
    const first = this.#active.length
    this.#active.push(...going)
    this.#fitCache(first)
    this.#cache.fill(going.map((_, i) => first + i), results, sequence, time, length)
  }

  /** Room for every active row; `used` rows hold content that must be kept. */
  #fitCache(used: number): void {
    this.#cache.fit(Math.max(...this.#active.map(({ length }) => length)) + 1, used)
  }

  async #decodeStep(): Promise<void> {
    const { shared, runtime, weights, programs, quantised } = this.#context
    const active = this.#active
    this.#fitCache(active.length)
    const rows = Math.max(active.length, LEAST_ROWS)
    const { capacity } = this.#cache
    const tokens = new BigInt64Array(rows)
    const positions = new BigInt64Array(rows)
    active.forEach((row, b) => {
      tokens[b] = BigInt(row.tokens.at(-1)!)
      positions[b] = BigInt(row.length)
    })
    const results = await runtime.run(programs.decode, weights, {
      ...quantised,
      [decoderInputs.tokens]: integers(tokens, [rows, 1]),
      [decoderInputs.positions]: integers(positions, [rows, 1]),
      ...shared.cacheMasks(active.map(({ length }) => length), rows, capacity),
      ...shared.rope(Math.max(...active.map(({ length }) => length)) + 1),
      [inverseTemperatureInput]: inverseTemperatures(active.map(({ request }) => request.options), rows),
      ...this.#cache.feeds(rows),
    })
    this.#cache.append(results, active.map(({ length }) => length))
    const finished = active.slice().map((row, b) => {
      const [first, ...others] = this.#sampleToken({ ...row, length: row.length + 1 }, results, b)
      if (first === undefined) return true
      active[b] = first
      for (const other of others) {
        this.#cache.copy(b, active.length)
        active.push(other)
      }
      return false
    })
    this.#compact(finished)
  }

  /** The last rows move into the places of those that finished. */
  #compact(finished: readonly boolean[]): void {
    for (let row = finished.length - 1; row >= 0; row--) {
      if (!finished[row]!) continue
      const last = this.#active.length - 1
      if (row !== last) {
        this.#cache.copy(last, row)
        this.#active[row] = this.#active[last]!
      }
      this.#active.pop()
    }
  }

  /** Samples the next token of each response of a row; the rows of those that go on, split where they differ. */
  #sampleToken(row: Row, results: Results, b: number): Row[] {
    const { options, seeds } = row.request
    const branches = new Map<number, { readonly picked: PickedToken; readonly seedIndices: number[] }>()
    for (const seedIndex of row.seedIndices) {
      const draw = uniform(seeds[seedIndex]!, row.tokens.length)
      const picked = this.#picker.pick(results[outputNames.probabilities]!, b, options, draw)
      this.#context.onToken?.({ request: row.requestIndex, response: seedIndex, token: picked.token })
      const branch = branches.get(picked.token)
      if (branch === undefined) branches.set(picked.token, { picked, seedIndices: [seedIndex] })
      else branch.seedIndices.push(seedIndex)
    }
    return [...branches.values()].flatMap(({ picked, seedIndices }) => {
      const next: Row = {
        ...row,
        seedIndices,
        tokens: [...row.tokens, picked.token],
        logprobs: [...row.logprobs, picked.logprob],
        policyLogprobs: [...row.policyLogprobs, picked.policyLogprob],
      }
      return this.#completed(next) ? [] : [next]
    })
  }

  /** Whether the row's responses end with their last token; their results are then there. */
  #completed({ request: { options }, requestIndex, seedIndices, tokens, logprobs, policyLogprobs }: Row): boolean {
    const stopped = options.stopTokens?.includes(tokens.at(-1)!) === true || this.#endsWithStopString(options, tokens)
    const completed = stopped || tokens.length >= options.maxTokens
    for (const seedIndex of seedIndices) {
      this.#context.onProgress(completed ? options.maxTokens - tokens.length : undefined)
      if (!completed) continue
      this.#results[requestIndex]![seedIndex] = {
        tokens: [...tokens],
        logprobs: Float32Array.from(logprobs),
        policyLogprobs: Float32Array.from(policyLogprobs),
        stopReason: stopped ? "stop" : "length",
      }
    }
    return completed
  }

  #endsWithStopString({ stopStrings }: SamplingOptions, tokens: readonly number[]): boolean {
    if (stopStrings === undefined || stopStrings.length === 0) return false
    const text = this.#context.decode(tokens)
    return stopStrings.some((stop) => text.includes(stop))
  }
}

/** [rows, 1]; rows beyond the options' are padding. */
function inverseTemperatures(options: readonly SamplingOptions[], rows: number): Feeds[string] {
  const values = new Float32Array(rows).fill(1)
  options.forEach(({ temperature = 1 }, b) => {
    if (temperature > 0) values[b] = 1 / temperature
  })
  return floats(values, [rows, 1])
}

/**
 * Rows whose keys and values fit into the memory.
 * @param longest  tokens of the longest sequence that the requests allow
 * @param wanted   responses
 */
export function rowLimit(config: ModelConfig, limits: SamplerLimits, longest: number, wanted: number): number {
  return Math.max(LEAST_ROWS, Math.min(limits.batch, wanted, Math.floor(limits.cacheBytes / (longest * positionBytes(config)))))
}

/** Short prompts run at their own length, longer ones at a multiple of 8. */
export function paddedLength(length: number): number {
  return length <= 16 ? length : Math.ceil(length / 8) * 8
}
