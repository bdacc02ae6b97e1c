/**
 * The policy on a server that may fail: where it began, what was done to it since, and how to get it back.
 *
 * A server that loses its state loses nothing of ours: a new model is created, the last saved weights are loaded, and the optimiser
 * steps since are taken again with the very requests that were sent before. A step whose outcome is not known is undone in the same
 * way. So no step is lost and none is taken twice.
 */
import { CheckpointError } from "../../errors.ts"
import { isLost, parseTinkerPath, TinkerError, TinkerSession, type AdamParams, type ForwardBackwardOutput, type OptimStepOutput, type Sampler, type TinkerClient, type TrainingModel } from "../../tinker/index.ts"
import type { Pass } from "./linear-backward.ts"

export interface RemotePolicyOptions {
  readonly client: TinkerClient
  readonly baseModel: string
  readonly lora: { readonly rank: number; readonly seed: number }
  /** Optimiser steps after which the weights are saved on the server, so that the steps kept for a repetition stay few. */
  readonly recoveryEvery: number
  /** A new model may find gradients of the model whose place it takes. */
  readonly inheritsGradients: boolean
  readonly onNote: (text: string) => void
  readonly heartbeatMs?: number | undefined
}

/** Where a model begins; undefined: as created. */
export interface Origin {
  readonly path: string
  readonly optimizer: boolean
}

interface JournalStep {
  readonly passes: readonly Pass[]
  readonly adam: AdamParams
}

export interface StepResult {
  readonly passes: readonly ForwardBackwardOutput[]
  readonly step: OptimStepOutput
}

/** Weights as they were, and the sampler that has them: while it is known to live, or one that is made again from where they came from. */
export interface FrozenWeights {
  readonly origin: Origin | undefined
  readonly journal: readonly JournalStep[]
  /** Of the policy when `sampler` was made: after a loss it is made again. */
  generation: number
  sampler: Promise<Sampler>
  /** The model that was made for it after a loss. */
  model: Promise<TrainingModel> | undefined
  /** Saved weights that are not needed any more once this is released. */
  readonly unneeded: string[]
}

/** Repetitions after a loss of state in one call. */
const MOST_RECOVERIES = 5
const UNLOAD_PATIENCE_MS = 10_000

export class RemotePolicy {
  readonly #options: RemotePolicyOptions
  #session: TinkerSession | undefined
  /** The model as it should be, or on the way there. */
  #model: Promise<TrainingModel> | undefined
  #sampler: Promise<Sampler> | undefined
  /** The model has had no request but its creation: the only time that it can load weights. */
  #fresh = false
  /** Counts the models given up, so that the second of two failures of one model does not give up its successor. */
  #generation = 0
  #origin: Origin | undefined
  #journal: JournalStep[] = []
  /** Passes of the step that is being made. */
  #sent: Pass[] = []
  /** Models that hold a snapshot, by its path. */
  readonly #others = new Map<string, Promise<TrainingModel>>()
  readonly #frozen = new Set<FrozenWeights>()
  #names = 0
  #recoveryPath: string | undefined
  /** Times the state was built up again. */
  recoveries = 0

  constructor(options: RemotePolicyOptions) {
    this.#options = options
  }

  /** Creates the model. @throws TinkerError when the server does not offer it */
  async open(): Promise<void> {
    await this.#ready()
    this.#fresh = true
  }

  /** Runs requests that change nothing; after a loss of state they are run again. */
  read<T>(work: (model: TrainingModel) => Promise<T>): Promise<T> {
    return this.#withRecovery(async () => work(await this.#ready()))
  }

  /** Samples from the weights as they are now. */
  sample<T>(work: (sampler: Sampler) => Promise<T>): Promise<T> {
    return this.#withRecovery(async () => {
      const model = await this.#ready()
      this.#sampler ??= model.sampler()
      return work(await this.#sampler)
    })
  }

  /** Keeps the weights as they are now for sampling, until `releaseFrozen`. */
  async freeze(): Promise<FrozenWeights> {
    const sampler = await this.sample((made) => Promise.resolve(made))
    const frozen = { origin: this.#origin, journal: [...this.#journal], generation: this.#generation, sampler: Promise.resolve(sampler), model: undefined, unneeded: [] }
    this.#frozen.add(frozen)
    return frozen
  }

  /** Samples from weights that stand still, whatever is done to the policy meanwhile. */
  sampleFrozen<T>(frozen: FrozenWeights, work: (sampler: Sampler) => Promise<T>): Promise<T> {
    return this.#withRecovery(async () => {
      if (frozen.generation !== this.#generation) {
        frozen.generation = this.#generation
        frozen.sampler = this.#samplerAgain(frozen)
      }
      return work(await frozen.sampler)
    })
  }

  /** A model beside the policy, brought to where the weights were. */
  async #samplerAgain(frozen: FrozenWeights): Promise<Sampler> {
    const left = frozen.model
    // One after the other: a model that is made may find what another one left.
    frozen.model = this.#ready().then(async () => {
      await this.#unload(left)
      return this.#make(frozen.origin, frozen.journal)
    })
    return (await frozen.model).sampler()
  }

  async releaseFrozen(frozen: FrozenWeights): Promise<void> {
    this.#frozen.delete(frozen)
    await this.#unload(frozen.model)
    for (const path of frozen.unneeded) await this.remove(path)
  }

  /** Adds gradients ahead of the step that will use them. */
  async pass(pass: Pass): Promise<ForwardBackwardOutput> {
    const { result, current } = await this.#change((model) => model.forwardBackward(pass.data, pass.loss, pass.config === undefined ? {} : { config: pass.config }))
    this.#sent.push(pass)
    if (!current()) await this.#drop()
    return result
  }

  /** One optimiser step on what `pass` sent and on further passes, which are sent without waiting in between. */
  async step(passes: readonly Pass[], adam: AdamParams): Promise<StepResult> {
    const { result, current } = await this.#change((model) => sendStep(model, passes, adam))
    this.#journal.push({ passes: [...this.#sent, ...passes], adam })
    this.#sent = []
    this.#sampler = undefined
    if (!current()) await this.#drop()
    return result
  }

  /**
   * Runs requests that change the model. `current` is false afterwards when it was given up meanwhile, by a loss that frozen weights met: a
   * model that was made since may lack the change, whose answer came all the same.
   */
  async #change<T>(work: (model: TrainingModel) => Promise<T>): Promise<{ readonly result: T; readonly current: () => boolean }> {
    let generation = this.#generation
    const result = await this.#withRecovery(async () => {
      const ready = this.#ready()
      generation = this.#generation
      const model = await ready
      return this.#guarded(() => work(model))
    })
    return { result, current: () => generation === this.#generation }
  }

  /** Undoes what `pass` sent since the last step. */
  async discard(): Promise<void> {
    if (this.#sent.length === 0) return
    this.#sent = []
    await this.#drop()
  }

  /** Undoes the last step. */
  async undoStep(): Promise<void> {
    this.#journal.pop()
    await this.#drop()
  }

  /** Saves weights and optimiser state on the server. @returns the path */
  async save(purpose: string): Promise<string> {
    const path = await this.#withRecovery(async () => {
      const model = await this.#ready()
      return model.saveWeights(`${purpose}-${++this.#names}`)
    })
    await this.#rebase({ path, optimizer: true })
    return path
  }

  /** To be called between steps: bounds what a recovery has to repeat. */
  async keepShort(): Promise<void> {
    if (this.#journal.length >= this.#options.recoveryEvery) this.#recoveryPath = await this.save("recovery")
  }

  /** Goes on from saved weights. @throws CheckpointError when the server has them no more */
  async load(origin: Origin): Promise<void> {
    const direct = this.#fresh ? this.#model : undefined
    this.#sent = []
    await this.#rebase(origin)
    if (direct !== undefined) {
      this.#fresh = false
      try {
        await loadInto(await direct, origin)
        return
      } catch (error) {
        if (!isLost(error) && !(error instanceof TinkerError && error.repeated)) throw error
      }
    }
    await this.#drop()
    await this.#withRecovery(() => this.#ready())
  }

  /** Forgets the optimiser's state. */
  async forgetOptimizer(): Promise<void> {
    if (this.#journal.length === 0 && this.#origin?.optimizer !== true) return
    await this.load({ path: await this.save("reset"), optimizer: false })
  }

  /** Runs requests on a model with saved weights, beside the policy. */
  readOther<T>(path: string, work: (model: TrainingModel) => Promise<T>): Promise<T> {
    return this.#withRecovery(async () => {
      await this.#ready()
      let model = this.#others.get(path)
      if (model === undefined) {
        model = this.#create({ path, optimizer: false })
        this.#others.set(path, model)
        model.catch(() => this.#others.delete(path))
      }
      return work(await model)
    })
  }

  /** Unloads the model beside the policy, when there is one. */
  async releaseOther(path: string): Promise<void> {
    const model = this.#others.get(path)
    this.#others.delete(path)
    await this.#unload(model)
  }

  /** Removes saved weights from the server, unless the policy would need them to recover. */
  async remove(path: string): Promise<void> {
    const parsed = parseTinkerPath(path)
    if (parsed === undefined || this.#origin?.path === path) return
    const needed = [...this.#frozen].find(({ origin }) => origin?.path === path)
    if (needed !== undefined) return void needed.unneeded.push(path)
    await this.#options.client.deleteCheckpoint(parsed.modelId, "weights", parsed.name).catch((error: unknown) => {
      this.#options.onNote(`deletion of ${path} failed: ${error instanceof Error ? error.message : String(error)}`)
    })
  }

  /** Keeps the weights for sampling and downloads them. */
  async downloadAdapter(file: string): Promise<void> {
    const name = `export-${++this.#names}`
    const modelId = await this.#withRecovery(async () => {
      const model = await this.#ready()
      await model.saveForSampler(name)
      return model.id
    })
    await this.#options.client.downloadArchive(modelId, name, file)
  }

  async close(): Promise<void> {
    const models = [this.#model, ...this.#others.values(), ...[...this.#frozen].map(({ model }) => model)]
    this.#model = undefined
    this.#others.clear()
    await Promise.all(models.map((model) => this.#unload(model)))
    this.#session?.close()
  }

  async #withRecovery<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const generation = this.#generation
      try {
        return await work()
      } catch (error) {
        if (!isLost(error) || attempt >= MOST_RECOVERIES) throw error
        if (generation === this.#generation) this.#lose(error.message)
      }
    }
  }

  /** Work that changes the model: when it fails, nobody knows how far it came, and the model is given up. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isLost(error)) await this.#drop()
      throw error
    }
  }

  #ready(): Promise<TrainingModel> {
    if (this.#session?.lost === true) this.#lose("it does not know the session any more")
    this.#fresh = false
    if (this.#model !== undefined) return this.#model
    const model = this.#build()
    this.#model = model
    model.catch(() => {
      if (this.#model === model) this.#model = undefined
    })
    return model
  }

  /** A model with the weights that a journal led to from its origin. */
  async #make(origin: Origin | undefined, journal: readonly JournalStep[]): Promise<TrainingModel> {
    if (this.#options.inheritsGradients) await this.#clearPlace()
    const model = await this.#create(origin)
    for (const { passes, adam } of journal) await sendStep(model, passes, adam)
    return model
  }

  async #build(): Promise<TrainingModel> {
    const model = await this.#make(this.#origin, this.#journal)
    for (const { data, loss, config } of this.#sent) await model.forwardBackward(data, loss, config === undefined ? {} : { config })
    return model
  }

  async #openSession(): Promise<TinkerSession> {
    const { client, onNote, heartbeatMs } = this.#options
    this.#session ??= await TinkerSession.open(client, { tags: ["pirl"], onNote, ...(heartbeatMs === undefined ? {} : { heartbeatMs }) })
    return this.#session
  }

  /**
   * A model for nothing but an optimiser step at rate 0, which takes what gradients were left in the place that the next model will have.
   * That model cannot do it itself: its first request has to be the loading of weights.
   */
  async #clearPlace(): Promise<void> {
    const { baseModel, lora } = this.#options
    const model = await (await this.#openSession()).createModel({ baseModel, lora })
    try {
      await model.optimStep({ learningRate: 0, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0, gradClipNorm: 0 })
    } finally {
      await this.#unload(Promise.resolve(model))
    }
  }

  async #create(origin: Origin | undefined): Promise<TrainingModel> {
    const { baseModel, lora } = this.#options
    for (let attempt = 0; ; attempt++) {
      const model = await (await this.#openSession()).createModel({ baseModel, lora })
      if (origin === undefined) return model
      try {
        await loadInto(model, origin)
        return model
      } catch (error) {
        // The answer to a first attempt was lost: whether it was loaded is not known, and a model cannot load twice.
        if (!(error instanceof TinkerError) || !error.repeated || attempt >= MOST_RECOVERIES) throw error
        await this.#unload(Promise.resolve(model))
      }
    }
  }

  /** The server has nothing of ours any more: the next request builds it up again. */
  #lose(reason: string): void {
    const steps = this.#journal.length === 1 ? "1 optimiser step" : `${this.#journal.length} optimiser steps`
    this.#options.onNote(`the server lost its state (${reason}); building it up again from ${this.#origin?.path ?? "a new model"} and ${steps}`)
    this.recoveries += 1
    this.#generation += 1
    this.#session?.close()
    this.#session = undefined
    this.#model = undefined
    this.#sampler = undefined
    this.#others.clear()
    for (const frozen of this.#frozen) frozen.model = undefined
  }

  /** Gives the model up; the next request builds it again. */
  async #drop(): Promise<void> {
    const model = this.#model
    this.#generation += 1
    this.#model = undefined
    this.#sampler = undefined
    await this.#unload(model)
  }

  /** Frees a model on the server; one that cannot be freed goes with its session. */
  async #unload(model: Promise<TrainingModel> | undefined): Promise<void> {
    if (model === undefined) return
    const unloaded = model.then((known) => known.unload()).catch(() => undefined)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, UNLOAD_PATIENCE_MS)
    })
    await Promise.race([unloaded, late])
    clearTimeout(timer)
  }

  async #rebase(origin: Origin): Promise<void> {
    this.#origin = origin
    this.#journal = []
    const recovery = this.#recoveryPath
    this.#recoveryPath = undefined
    if (recovery !== undefined) await this.remove(recovery)
  }
}

async function loadInto(model: TrainingModel, { path, optimizer }: Origin): Promise<void> {
  try {
    await model.loadWeights(path, { optimizer })
  } catch (cause) {
    if (!(cause instanceof TinkerError) || cause.kind !== "not-found" || !/checkpoint/i.test(cause.detail)) throw cause
    throw new CheckpointError(`engine: expected the server to have the weights ${path}, got: ${cause.detail}. Resume from another checkpoint, or start again.`, { cause })
  }
}

async function sendStep(model: TrainingModel, passes: readonly Pass[], adam: AdamParams): Promise<StepResult> {
  const sent = passes.map(({ data, loss, config }) => model.forwardBackward(data, loss, config === undefined ? {} : { config }))
  const stepped = model.optimStep(adam)
  // All are waited for, so that nothing is under way when an error is thrown; the first error is the cause of the others.
  const outcomes = await Promise.allSettled([...sent, stepped])
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (failed !== undefined) throw failed.reason
  return { passes: await Promise.all(sent), step: await stepped }
}
