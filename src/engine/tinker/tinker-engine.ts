/**
 * The distributed engine: the verbs of `engine.ts` on a server of the Tinker protocol.
 *
 * Forward passes are made on the server, the objective is evaluated here, and its gradient by the log-probs is sent as a loss that every
 * server has. Nothing that changes the weights is sent before `optimStep`, unless a built-in loss of the server takes the place of the
 * forward pass.
 *
 * Shape legend: B sequences, T response tokens.
 */
import { EngineError } from "../../errors.ts"
import type { Objective } from "../../objectives/objective.ts"
import type { AdamParams, Sampler, TinkerClient } from "../../tinker/index.ts"
import { join } from "node:path"
import type { AdamOptions, Engine, EngineCapabilities, EngineTimes, ForwardOptions, FrozenPolicy, LossReport, SampleRequest, Sequence, SnapshotId, StepReport, TokenSequence, TrainSequence } from "../engine.ts"
import { builtinLossOf, type BuiltinLoss } from "./builtin-losses.ts"
import { BusyTimes } from "./busy-times.ts"
import { checkSampleRequests, checkSequences } from "../request-checks.ts"
import { findSnapshot } from "../snapshots.ts"
import { datumOf, responsePart } from "./datums.ts"
import { linearBackward, type GradientSequence, type Pass } from "./linear-backward.ts"
import { checkNeeds, evaluateLocally } from "./local-objective.ts"
import { RemotePolicy, type StepResult } from "./remote-policy.ts"
import { ask, asksOf, checkExpressible, readResponse, runAsks, type SamplingContext } from "./sampling.ts"
import { pathsBeside, readSavedState, writeSavedState } from "./saved-state.ts"
import type { ServerCapabilities } from "./server-capabilities.ts"
import type { TrainingModel } from "../../tinker/index.ts"

export interface TinkerEngineOptions {
  readonly client: TinkerClient
  readonly baseModel: string
  /** Rank 0 trains all weights, on servers that can. */
  readonly lora: { readonly rank: number; readonly seed: number }
  readonly server: ServerCapabilities
  readonly contextLength: number
  readonly vocabularySize: number
  /** 0 when it is not known here. */
  readonly parameterCount?: number
  readonly decode: (tokens: readonly number[]) => string
  /** Sample requests under way at once. Default 64. */
  readonly maxConcurrency?: number
  /** Optimiser steps between two saves on the server that a recovery starts from. Default 10. */
  readonly recoveryEvery?: number
  readonly heartbeatMs?: number
  /** Said before anything else. */
  readonly notes?: readonly string[]
}

/** Largest relative difference between the loss that the server reports and that of its formula. */
const LOSS_TOLERANCE = 5e-3

interface ResponsePlace {
  readonly request: number
  readonly response: number
}

interface Snapshot {
  readonly path: string
  readonly optimizer: boolean
  /** Saved for this snapshot alone: removed with it. */
  readonly own: boolean
}

export class TinkerEngine implements Engine {
  readonly capabilities: EngineCapabilities
  readonly #options: TinkerEngineOptions
  readonly #policy: RemotePolicy
  readonly #sampling: SamplingContext
  #pending: GradientSequence[] = []
  /** Passes that were sent ahead of the step. */
  #ahead = false
  /** A loss or gradient since the last step was not finite. */
  #refused = false
  readonly #snapshots = new Map<string, Snapshot>()
  #snapshotCount = 0
  #saved: string[] = []
  #notes: string[] = []
  readonly #times: BusyTimes

  private constructor(options: TinkerEngineOptions) {
    const { client, baseModel, lora, server } = options
    this.#options = options
    this.#notes.push(...(options.notes ?? []))
    this.capabilities = {
      name: "tinker",
      contextLength: options.contextLength,
      vocabularySize: options.vocabularySize,
      parameterCount: options.parameterCount ?? 0,
      trainableParameterCount: 0,
      training: lora.rank === 0 ? "full" : "lora",
      exactBehaviourLogprobs: false,
      entropy: false,
      valueHead: false,
      snapshots: true,
      gradientClipping: server.gradientClipping,
      lossReduction: server.lossReduction,
    }
    this.#sampling = { capabilities: server, decode: options.decode }
    this.#times = new BusyTimes(() => client.transport.busyMs)
    this.#policy = new RemotePolicy({
      client,
      baseModel,
      lora,
      recoveryEvery: options.recoveryEvery ?? 10,
      inheritsGradients: server.unloadedGradients === "inherited",
      onNote: (text) => this.#notes.push(text),
      heartbeatMs: options.heartbeatMs,
    })
  }

  /** Creates the model on the server. @throws TinkerError when the server does not take it */
  static async create(options: TinkerEngineOptions): Promise<TinkerEngine> {
    const engine = new TinkerEngine(options)
    try {
      await engine.#policy.open()
      return engine
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  /** Times the state was built up again after a loss. */
  get recoveries(): number {
    return this.#policy.recoveries
  }

  async sample(requests: readonly SampleRequest[], signal?: AbortSignal): Promise<Sequence[][]> {
    const { sequences, unscored } = await this.#ask(requests, signal, (work) => this.#policy.sample(work))
    await this.#score(requests, sequences, unscored)
    return sequences
  }

  /**
   * The weights as they are now, to sample from while they are trained.
   * @throws EngineError when sampled, where the server gives no log-probs of the policy: weights that are gone have no forward pass
   */
  async freeze(): Promise<FrozenPolicy> {
    const frozen = await this.#times.waiting(() => this.#policy.freeze())
    return {
      sample: async (requests, signal) => {
        const { sequences, unscored } = await this.#ask(requests, signal, (work) => this.#policy.sampleFrozen(frozen, work))
        if (unscored.length > 0) {
          throw new EngineError(
            `sample: expected log-probs of the policy with responses from weights that stand still, got ${unscored.length} responses without. Set train.overlap to false; a forward pass then gives them.`,
          )
        }
        return sequences
      },
      release: () => this.#policy.releaseFrozen(frozen),
    }
  }

  /** Responses, and which of them lack log-probs of the policy. */
  async #ask(
    requests: readonly SampleRequest[],
    signal: AbortSignal | undefined,
    sampling: (work: (sampler: Sampler) => ReturnType<typeof ask>) => ReturnType<typeof ask>,
  ): Promise<{ readonly sequences: Sequence[][]; readonly unscored: ResponsePlace[] }> {
    signal?.throwIfAborted()
    checkSampleRequests(requests, this.capabilities)
    for (const request of requests) checkExpressible(request)
    const sequences: Sequence[][] = requests.map(({ seeds }) => Array.from({ length: seeds.length }))
    const unscored: ResponsePlace[] = []
    await this.#times.waiting(() =>
      runAsks(asksOf(requests, this.#options.server), this.#options.maxConcurrency ?? 64, async (one) => {
        const request = requests[one.request]!
        const sampled = await sampling((sampler) => ask(sampler, request, one, signal))
        this.#times.own(() =>
          sampled.forEach((response, i) => {
            const { sequence, needsLogprobs } = readResponse(response, request.options, this.#sampling)
            sequences[one.request]![one.first + i] = sequence
            if (needsLogprobs && (request.options.temperature ?? 1) === 1) unscored.push({ request: one.request, response: one.first + i })
          }),
        )
      }),
    )
    signal?.throwIfAborted()
    return { sequences, unscored }
  }

  /** Log-probs of the policy by a forward pass, where those of sampling are something else. */
  async #score(requests: readonly SampleRequest[], sequences: Sequence[][], places: ResponsePlace[]): Promise<void> {
    if (places.length === 0) return
    places.sort((a, b) => a.request - b.request || a.response - b.response)
    const logprobs = await this.logprobs(places.map(({ request, response }) => ({ promptTokens: requests[request]!.promptTokens, responseTokens: sequences[request]![response]!.tokens })))
    places.forEach(({ request, response }, i) => {
      const sequence = sequences[request]![response]!
      const exact = this.#options.server.sampleLogprobs === "sampled" && sequence.logprobs.every((x) => !Number.isNaN(x))
      sequences[request]![response] = { ...sequence, policyLogprobs: logprobs[i]!, logprobs: exact ? sequence.logprobs : logprobs[i]! }
    })
  }

  async logprobs(sequences: readonly TokenSequence[], options: ForwardOptions = {}): Promise<Float32Array[]> {
    checkTemperature("logprobs", options)
    checkSequences("logprobs", sequences, this.capabilities)
    if (sequences.length === 0) return []
    const { policy = "current" } = options
    const forward = (model: TrainingModel): Promise<Float32Array[]> => this.#forward(model, sequences)
    return this.#times.waiting(() => (policy === "current" ? this.#policy.read(forward) : this.#policy.readOther(findSnapshot(this.#snapshots, policy).path, forward)))
  }

  async #forward(model: TrainingModel, sequences: readonly TokenSequence[]): Promise<Float32Array[]> {
    const data = this.#times.own(() => sequences.map((sequence) => datumOf(sequence, { weights: new Float32Array(sequence.responseTokens.length).fill(1) })))
    const { outputs } = await model.forward(data)
    return outputs.map(({ logprobs }, i) => responsePart(logprobs, sequences[i]!))
  }

  async forwardBackward(batch: readonly TrainSequence[], objective: Objective, options: ForwardOptions = {}): Promise<LossReport> {
    checkTemperature("forwardBackward", options)
    checkSequences("forwardBackward", batch, this.capabilities)
    if (batch.length === 0) throw new EngineError("forwardBackward: expected at least one sequence, got none. Skip the update when the batch is empty.")
    checkNeeds(objective, batch)
    const { lossReduction, losses } = this.#options.server
    const builtin = lossReduction === "sum" ? builtinLossOf(objective, losses) : undefined
    const logprobs = builtin === undefined ? await this.logprobs(batch) : await this.#passBuiltin(batch, builtin)
    const local = this.#times.own(() => evaluateLocally(objective, batch, logprobs))
    if (!local.finite) this.#refused = true
    else this.#times.own(() => this.#remember(batch, logprobs, local.gradients, builtin))
    return {
      loss: local.finite ? local.loss : Number.NaN,
      logprobs,
      entropies: [],
      statistics: local.statistics,
      tokens: batch.reduce((total, { promptTokens, responseTokens }) => total + promptTokens.length + responseTokens.length - 1, 0),
    }
  }

  /** Forward and backward in one, by a loss of the server's own. */
  async #passBuiltin(batch: readonly TrainSequence[], builtin: BuiltinLoss): Promise<Float32Array[]> {
    const data = this.#times.own(() => batch.map((sequence) => builtin.datum(sequence)))
    const { outputs } = await this.#times.waiting(() => this.#policy.pass({ data, loss: builtin.loss, ...(builtin.config === undefined ? {} : { config: builtin.config }) }))
    this.#ahead = true
    const logprobs = outputs.map((output, i) => responsePart(output.logprobs, batch[i]!))
    outputs.forEach(({ losses }, i) => {
      if (losses === undefined) return
      const expected = logprobs[i]!.map((lp, t) => builtin.token(batch[i]!, t, lp).loss)
      checkLosses(builtin.loss, responsePart(losses, batch[i]!), expected)
    })
    return logprobs
  }

  /** Keeps the gradients for the step: all of them, or what the server's own loss leaves over. */
  #remember(batch: readonly TrainSequence[], logprobs: readonly Float32Array[], gradients: readonly Float64Array[], builtin: BuiltinLoss | undefined): void {
    batch.forEach((sequence, i) => {
      const gradient =
        builtin === undefined
          ? gradients[i]!
          : gradients[i]!.map((g, t) => {
              const done = builtin.token(sequence, t, logprobs[i]![t]!).gradient
              // What single precision cannot tell apart is the same.
              return Math.abs(g - done) <= 1e-5 * Math.max(Math.abs(g), Math.abs(done)) ? 0 : g - done
            })
      this.#pending.push({ sequence, logprobs: logprobs[i]!, gradient })
    })
  }

  async optimStep(adam: AdamOptions): Promise<StepReport> {
    const pending = this.#pending
    const refused = this.#refused
    this.#pending = []
    this.#refused = false
    if (refused) {
      if (this.#ahead) await this.#policy.discard()
      this.#ahead = false
      return { gradientNorm: Number.NaN, applied: false }
    }
    if (pending.length === 0 && !this.#ahead) throw new EngineError("optimStep: expected gradients from forwardBackward, got none. Call forwardBackward first.")
    this.#ahead = false
    const backward = this.#times.own(() => linearBackward(pending, this.#options.server.lossReduction))
    const passes: Pass[] = backward === undefined ? [] : [backward]
    const result = await this.#times.waiting(() => this.#policy.step(passes, adamParams(adam)))
    const gradientNorm = gradientNormOf(result)
    if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) {
      await this.#policy.undoStep()
      return { gradientNorm, applied: false }
    }
    this.#times.own(() => backward !== undefined && checkLinear(backward, result))
    await this.#times.waiting(() => this.#policy.keepShort())
    return { gradientNorm: gradientNorm ?? Number.NaN, applied: true }
  }

  async clearGradients(): Promise<void> {
    this.#pending = []
    this.#refused = false
    if (this.#ahead) await this.#policy.discard()
    this.#ahead = false
  }

  /** A snapshot is always saved with the optimiser's state; `optimizer` says whether `restore` brings it back or starts without. */
  async snapshot(options: { readonly optimizer?: boolean } = {}): Promise<SnapshotId> {
    const path = await this.#times.waiting(() => this.#policy.save("snapshot"))
    return this.#addSnapshot({ path, optimizer: options.optimizer ?? false, own: true })
  }

  async importSnapshot(directory: string): Promise<SnapshotId> {
    const { path } = readSavedState(directory, this.#identity)
    return this.#addSnapshot({ path, optimizer: false, own: false })
  }

  /** The address of the snapshot; what it names stays on the server as long as a checkpoint beside the folder names it. */
  async exportSnapshot(id: SnapshotId, directory: string): Promise<void> {
    const snapshot = findSnapshot(this.#snapshots, id)
    writeSavedState(directory, { server: this.#options.client.address, path: snapshot.path, ...this.#identity })
    if (!snapshot.own) return
    this.#snapshots.set(id, { ...snapshot, own: false })
    this.#saved.push(snapshot.path)
  }

  #addSnapshot(snapshot: Snapshot): SnapshotId {
    const id = `snapshot-${++this.#snapshotCount}`
    this.#snapshots.set(id, snapshot)
    return id
  }

  async restore(id: SnapshotId): Promise<void> {
    const { path, optimizer } = findSnapshot(this.#snapshots, id)
    await this.clearGradients()
    await this.#times.waiting(() => this.#policy.load({ path, optimizer }))
  }

  async release(id: SnapshotId): Promise<void> {
    const { path, own } = findSnapshot(this.#snapshots, id)
    this.#snapshots.delete(id)
    await this.#policy.releaseOther(path)
    if (own) await this.#policy.remove(path)
  }

  async resetOptimizer(): Promise<void> {
    await this.#times.waiting(() => this.#policy.forgetOptimizer())
  }

  get #identity(): { readonly baseModel: string; readonly loraRank: number } {
    return { baseModel: this.#options.baseModel, loraRank: this.#options.lora.rank }
  }

  /** Saves on the server, and the address into the folder. What was saved for folders that are gone is removed from the server. */
  async save(directory: string): Promise<void> {
    const path = await this.#times.waiting(() => this.#policy.save("checkpoint"))
    writeSavedState(directory, { server: this.#options.client.address, path, ...this.#identity })
    const named = pathsBeside(directory)
    const kept: string[] = []
    for (const earlier of this.#saved) {
      if (named.has(earlier) || this.#isSnapshot(earlier)) kept.push(earlier)
      else await this.#policy.remove(earlier)
    }
    this.#saved = [...kept, path]
  }

  #isSnapshot(path: string): boolean {
    return [...this.#snapshots.values()].some((snapshot) => snapshot.path === path)
  }

  async load(directory: string): Promise<void> {
    const { path } = readSavedState(directory, this.#identity)
    await this.clearGradients()
    await this.#times.waiting(() => this.#policy.load({ path, optimizer: true }))
  }

  /**
   * What the protocol gives: the address of the weights on the server, and the archive that the server makes for inference (the adapter).
   * A server that gives no archive is no error: the address is there, and a note says so.
   */
  async saveModel(directory: string): Promise<void> {
    const path = await this.#times.waiting(() => this.#policy.save("final"))
    writeSavedState(directory, { server: this.#options.client.address, path, ...this.#identity })
    const archive = join(directory, "adapter.tar.gz")
    try {
      await this.#times.waiting(() => this.#policy.downloadAdapter(archive))
      this.#notes.push(`the server's archive of the trained weights is ${archive}; it is made for ${this.#options.baseModel}, and pirl does not unpack it`)
    } catch (error) {
      this.#notes.push(`the server gave no archive of the trained weights (${error instanceof Error ? error.message : String(error)}); they are on it under ${path}`)
    }
  }

  /** What happened on the server since the last call that a person should know. */
  takeNotes(): string[] {
    const notes = this.#notes
    this.#notes = []
    return notes
  }

  /** Seconds since the last call that passed waiting for the server, and in our own code: encoding, decoding, the objective. */
  takeTimes(): EngineTimes {
    return this.#times.take()
  }

  async close(): Promise<void> {
    await this.#policy.close()
  }
}

function checkTemperature(who: string, { temperature = 1 }: ForwardOptions): void {
  if (temperature === 1) return
  throw new EngineError(`${who}: expected temperature 1, at which servers of this protocol compute log-probs, got ${temperature}. Set rollout.temperature to 1, or use engine.kind: onnx.`)
}

function adamParams({ learningRate, beta1, beta2, eps, weightDecay, gradientClip }: AdamOptions): AdamParams {
  return { learningRate, beta1, beta2, eps, weightDecay, gradClipNorm: gradientClip }
}

function gradientNormOf({ step }: StepResult): number | undefined {
  return Object.entries(step.metrics).find(([name]) => /(^|[./])grad_norm(:|$)/.test(name))?.[1]
}

/** Compares what the server reports as its loss with the formula that it was asked for. */
function checkLosses(loss: string, got: Float32Array, expected: Float32Array): void {
  const scale = expected.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1e-6)
  expected.forEach((value, t) => {
    if (Math.abs(got[t]! - value) <= LOSS_TOLERANCE * scale || !Number.isFinite(value)) return
    throw new EngineError(
      `engine: expected the server to compute ${loss}, got ${got[t]} where the formula gives ${value}. It computes another loss than it was asked for; \`pirl tinker check\` tells which.`,
    )
  })
}

function checkLinear({ data, loss }: Pass, { passes }: StepResult): void {
  passes[0]!.outputs.forEach(({ losses, logprobs }, i) => {
    if (losses === undefined) return
    const { advantages, weights, logprobs: before } = data[i]!
    const expected = Float32Array.from(losses, (_, t) => (weights?.[t] === 0 || advantages![t] === 0 ? 0 : -Math.exp(logprobs[t]! - before![t]!) * advantages![t]!))
    checkLosses(loss, losses, expected)
  })
}
