/** The verbs of the worker, on its own thread's state. No thread or message here: worker.ts does that. */
import { EngineError } from "../../errors.ts"
import type { FileHashes } from "../../integrity/index.ts"
import { loraSpecs } from "../../model/lora.ts"
import { createRandomStream, fillNormal } from "../../model/random.ts"
import type { Tokenizer } from "../../model/tokenizer.ts"
import { valueHeadSpecs } from "../../model/value-head.ts"
import { readSourceWeights } from "../../model/weights-source.ts"
import { elementCount, parameterSpecs, type Weights } from "../../model/weights.ts"
import type { LossReport, TokenListener, TokenSequence, TrainSequence } from "../engine.ts"
import { loadCheckpoint, readTrainable, saveCheckpoint, savePolicy, settingsTokenizer } from "./checkpoint.ts"
import { distinctTokens, distinctTraining, type CountedSequence } from "./distinct-sequences.ts"
import { groupBatches } from "./group-batches.ts"
import { groupFeeds, windowed, type GroupFeeds } from "./group-feeds.ts"
import { PolicyState } from "./policy-state.ts"
import { outputNames, samplingPrograms, scoreInputs, trainedSpecs } from "./programs.ts"
import type { WorkerCalls, WorkerSettings, WorkerVerb } from "./protocol.ts"
import { decoderInputs } from "../../model/decoder.ts"
import { floats, Runtime, type Feeds } from "./runtime.ts"
import { QuantisedWeights } from "./quantised-weights.ts"
import { SamplingRun } from "./sampler.ts"
import { SharedFeeds } from "./sequence-feeds.ts"

/** `tell` sends a token ahead of the result. */
type Handlers = {
  readonly [Verb in WorkerVerb]: (
    args: WorkerCalls[Verb][0],
    tell: TokenListener,
  ) => Promise<WorkerCalls[Verb][1]> | WorkerCalls[Verb][1]
}

async function readWeights({ config, lora, valueHead, source, seed }: WorkerSettings): Promise<Weights> {
  const weights = await readSourceWeights(source, config)
  for (const { name, shape } of lora === undefined ? [] : loraSpecs(config, lora)) {
    const values = new Float32Array(shape[0]! * shape[1]!)
    // A starts random and B at zero, so that the adapter starts as no change.
    if (name.endsWith("lora_A.weight")) fillNormal(values, 1 / Math.sqrt(shape[1]!), createRandomStream(seed, name))
    weights.set(name, values)
  }
  for (const { name, shape } of valueHead === undefined ? [] : valueHeadSpecs(config)) weights.set(name, new Float32Array(elementCount(shape)))
  return weights
}

export class WorkerEngine implements Handlers {
  readonly #settings: WorkerSettings
  readonly #state: PolicyState
  readonly #runtime: Runtime
  readonly #shared: SharedFeeds
  readonly #cancel: Int32Array
  readonly #sampled: Int32Array
  #tokenizer: Tokenizer | undefined
  #quantised: QuantisedWeights | undefined

  private constructor(settings: WorkerSettings, weights: Weights) {
    const { config, lora, valueHead } = settings
    this.#settings = settings
    const head = valueHead === undefined ? [] : valueHeadSpecs(config)
    const scales = new Map(head.map(({ name }) => [name, valueHead?.learningRateScale ?? 1]))
    const trained = trainedSpecs({
      config,
      ...(lora === undefined ? {} : { lora }),
      ...(valueHead === undefined ? {} : { valueHead }),
    })
    this.#state = new PolicyState(
      weights,
      trained.map(({ name }) => name),
      scales,
    )
    const specs = [...parameterSpecs(config), ...(lora === undefined ? [] : loraSpecs(config, lora)), ...head]
    this.#runtime = new Runtime(new Map(specs.map(({ name, shape }) => [name, shape])), settings.threads)
    this.#shared = new SharedFeeds(config)
    this.#cancel = new Int32Array(settings.cancel)
    this.#sampled = new Int32Array(settings.sampled)
  }

  static async create(settings: WorkerSettings): Promise<WorkerEngine> {
    return new WorkerEngine(settings, await readWeights(settings))
  }

  /** Who asked is not told of what was done so far. */
  #cancelled(): boolean {
    return Atomics.load(this.#cancel, 0) !== 0
  }

  async addProgram({ program }: WorkerCalls["addProgram"][0]): Promise<undefined> {
    await this.#runtime.add(program)
    return undefined
  }

  async sample(
    { requests, precision, tell: wanted }: WorkerCalls["sample"][0],
    tell: TokenListener,
  ): Promise<WorkerCalls["sample"][1]> {
    const { config, limits } = this.#settings
    this.#quantised ??= precision === "int8" ? await QuantisedWeights.create(config) : undefined
    const run = new SamplingRun(
      {
        config,
        limits,
        runtime: this.#runtime,
        weights: this.#state.weights,
        programs: samplingPrograms(precision),
        quantised: precision === "int8" ? this.#quantised!.feeds(this.#state) : {},
        shared: this.#shared,
        decode: (tokens) => {
          this.#tokenizer ??= settingsTokenizer(this.#settings)
          return this.#tokenizer.decode(tokens, { skipSpecialTokens: true })
        },
        cancelled: () => this.#cancelled(),
        onToken: wanted ? tell : undefined,
        onProgress: (left) => {
          if (left !== undefined) Atomics.add(this.#sampled, 0, 1)
          Atomics.add(this.#sampled, 1, 1 + (left ?? 0))
        },
      },
      requests,
    )
    return run.run()
  }

  async score({ program, sequences, policy }: WorkerCalls["score"][0]): Promise<WorkerCalls["score"][1]> {
    const weights = policy === "current" ? this.#state.weights : this.#state.snapshotWeights(policy)
    const { sequences: distinct, places } = distinctTokens(sequences)
    const logprobs = Array.from<Float32Array>({ length: distinct.length })
    const entropies = Array.from<Float32Array>({ length: distinct.length })
    const values =
      this.#settings.valueHead === undefined ? undefined : Array.from<Float32Array>({ length: distinct.length })
    for (const piece of this.#pieces(distinct)) {
      if (this.#cancelled()) break
      const results = await this.#runtime.run(program, weights, piece.feeds)
      const read = (name: string, into: Float32Array[]): void => readWindow(piece, results[name]!, distinct, into)
      read(outputNames.logprobs, logprobs)
      read(outputNames.entropies, entropies)
      if (values !== undefined) read(outputNames.headValues, values)
    }
    const ofEach = (arrays: readonly Float32Array[]): Float32Array[] => places.map((place) => arrays[place]!)
    return {
      logprobs: ofEach(logprobs),
      entropies: ofEach(entropies),
      ...(values === undefined ? {} : { values: ofEach(values) }),
    }
  }

  async train({ program, batch, constants, distribution }: WorkerCalls["train"][0]): Promise<LossReport> {
    const constantFeeds: Feeds = {}
    for (const [name, value] of Object.entries(constants))
      constantFeeds[scoreInputs.constant(name)] = floats(Float32Array.of(value), [])
    const { sequences: distinct, places } = distinctTraining(batch)
    const logprobs = Array.from<Float32Array>({ length: distinct.length })
    const entropies = Array.from<Float32Array>({ length: distinct.length })
    const report = { loss: 0, tokens: 0 }
    const totals = program.statistics.map(() => 0)
    const prefix = scoreInputs.token("")
    const tokenNames = program.inputs.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    for (const piece of this.#pieces(distinct)) {
      if (this.#cancelled()) break
      const { feeds } = piece
      const perToken = (arrayOf: (sequence: CountedSequence) => Float32Array): Feeds[string] =>
        windowed(piece, (i) => arrayOf(distinct[i]!))
      const results = await this.#runtime.run(program.key, this.#state.weights, {
        ...feeds,
        ...constantFeeds,
        [scoreInputs.behaviour]: perToken(({ behaviourLogprobs }) => behaviourLogprobs),
        [scoreInputs.advantages]: perToken(({ advantages }) => advantages),
        [scoreInputs.mask]: perToken(({ mask }) => mask),
        [scoreInputs.weights]: perToken(({ weights }) => weights),
        ...(program.inputs.includes(scoreInputs.counts)
          ? { [scoreInputs.counts]: perToken(({ mask, count }) => mask.map((m) => m * count)) }
          : {}),
        ...(program.inputs.includes(scoreInputs.reference) ? { [scoreInputs.reference]: perToken(referenceOf) } : {}),
        ...Object.fromEntries(
          tokenNames.map((name) => [scoreInputs.token(name), perToken((sequence) => tokenInputOf(sequence, name))]),
        ),
        ...(distribution === undefined ? {} : await this.#referenceDistribution(distribution, feeds)),
      })
      report.loss += results[outputNames.loss]![0]!
      report.tokens += piece.tokens
      totals.forEach((_, i) => {
        totals[i]! += results[outputNames.statistics]![i]!
      })
      readWindow(piece, results[outputNames.logprobs]!, distinct, logprobs)
      readWindow(piece, results[outputNames.entropies]!, distinct, entropies)
      this.#accumulate(results, feeds)
    }
    const counted = batch.reduce((total, { mask }) => total + mask.reduce((sum, m) => sum + m, 0), 0)
    return {
      ...report,
      logprobs: places.map((place) => logprobs[place]!),
      entropies: places.map((place) => entropies[place]!),
      statistics: Object.fromEntries(program.statistics.map((name, i) => [name, totals[i]! / Math.max(counted, 1)])),
    }
  }

  /** What the snapshot thinks of every entry of the vocabulary, [R, V], at the rows that are about to be trained. */
  async #referenceDistribution(
    { program, policy }: { readonly program: string; readonly policy: string },
    feeds: Feeds,
  ): Promise<Feeds> {
    const { vocabularySize } = this.#settings.config
    const distribution = (await this.#runtime.run(program, this.#state.snapshotWeights(policy), feeds))[
      outputNames.distribution
    ]!
    return {
      [scoreInputs.referenceDistribution]: floats(distribution, [distribution.length / vocabularySize, vocabularySize]),
    }
  }

  /** What runs at once: prompts with their responses. */
  #pieces(sequences: readonly TokenSequence[]): GroupFeeds[] {
    const { config, tokenBudget } = this.#settings
    return groupBatches(sequences, tokenBudget).map((groups) => groupFeeds(config, this.#shared, groups, sequences))
  }

  #accumulate(results: Readonly<Record<string, Float32Array>>, feeds: Feeds): void {
    for (const [name, values] of Object.entries(results)) {
      if (name.startsWith(outputNames.gradientPrefix))
        this.#state.addGradient(name.slice(outputNames.gradientPrefix.length), values)
    }
    const embedded = results[outputNames.embedded]
    if (embedded !== undefined) {
      const tokens = feeds[decoderInputs.tokens]!.data as BigInt64Array
      this.#state.addRows("model.embed_tokens.weight", tokens, embedded, this.#settings.config.hiddenSize)
    }
  }

  optimStep(options: WorkerCalls["optimStep"][0]): WorkerCalls["optimStep"][1] {
    return this.#state.adamStep(options)
  }

  gradients(): Weights {
    return this.#state.gradients()
  }

  weights(): Weights {
    return this.#state.weights
  }

  clearGradients(): undefined {
    this.#state.clearGradients()
  }

  snapshot({ optimizer }: WorkerCalls["snapshot"][0]): string {
    return this.#state.snapshot(optimizer)
  }

  async importSnapshot({ directory }: WorkerCalls["importSnapshot"][0]): Promise<string> {
    return this.#state.addSnapshot(await readTrainable(directory, this.#settings, this.#state.trainable))
  }

  exportSnapshot({ id, directory }: WorkerCalls["exportSnapshot"][0]): Promise<FileHashes> {
    return savePolicy(directory, this.#settings, this.#state.snapshotWeights(id), { merge: false, dtype: "f32" })
  }

  restore({ id }: WorkerCalls["restore"][0]): undefined {
    this.#state.restore(id)
  }

  release({ id }: WorkerCalls["release"][0]): undefined {
    this.#state.release(id)
  }

  resetOptimizer(): undefined {
    this.#state.resetOptimizer()
  }

  save({ directory, ...options }: WorkerCalls["save"][0]): Promise<FileHashes> {
    return saveCheckpoint(directory, this.#settings, this.#state, options)
  }

  async load({ directory }: WorkerCalls["load"][0]): Promise<undefined> {
    await loadCheckpoint(directory, this.#settings, this.#state)
    return undefined
  }

  async close(): Promise<undefined> {
    await this.#runtime.close()
    return undefined
  }
}

/** The tokens of each sequence in a window. */
function readWindow(
  { sequences: owners, window: [, time] }: GroupFeeds,
  values: Float32Array,
  sequences: readonly TokenSequence[],
  into: Float32Array[],
): void {
  owners.forEach((index, row) => {
    if (index !== undefined)
      into[index] = values.slice(row * time, row * time + sequences[index]!.responseTokens.length)
  })
}

function referenceOf(sequence: TrainSequence): Float32Array {
  if (sequence.referenceLogprobs === undefined) {
    throw new EngineError("forwardBackward: expected reference log-probs on every sequence, got none. The objective needs a reference policy: score the batch with it first.")
  }
  return sequence.referenceLogprobs
}

function tokenInputOf({ tokenInputs }: TrainSequence, name: string): Float32Array {
  const values = tokenInputs?.[name]
  if (values === undefined) {
    throw new EngineError(`forwardBackward: expected the per-token input ${name} on every sequence, got none. The objective asks for it: put it into tokenInputs.`)
  }
  return values
}
