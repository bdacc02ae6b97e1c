/**
 * A stop that may come at any moment. What is under way is given up where the run can go on as if it had never begun:
 * until its first change of weights or of what is kept beside them. From there on it is finished.
 */
import type { Engine, FrozenPolicy } from "../engine/engine.ts"
import { PirlError } from "../errors.ts"

/** Reason of the signal of a run that is asked to stop. */
export class StopRequest extends PirlError {
  override readonly name: string = "StopRequest"
  constructor() {
    super("the run was asked to stop")
  }
}

/** Parts of a run that may be given up, and the engine that they use. */
export class Stopping {
  /** Of the part under way; undefined between parts. */
  #part: { readonly controller: AbortController; changed: boolean } | undefined
  readonly #asked: AbortSignal | undefined
  readonly #given: Engine
  /** The same engine; within a part it leaves its work when the part is given up. */
  readonly engine: Engine

  /** @param asked  undefined: nothing is ever given up */
  constructor(engine: Engine, asked: AbortSignal | undefined) {
    this.#given = engine
    this.#asked = asked
    this.engine = asked === undefined ? engine : this.#watched(engine)
  }

  get requested(): boolean {
    return this.#asked?.aborted === true
  }

  /**
   * Does a part of the run.
   * @returns undefined when it was given up: then weights, moments and kept policies are as before
   */
  async part<T>(work: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
    const asked = this.#asked
    if (asked === undefined) return { result: await work() }
    if (asked.aborted) return undefined
    const part = { controller: new AbortController(), changed: false }
    const onAbort = (): void => {
      if (!part.changed) part.controller.abort(asked.reason)
    }
    asked.addEventListener("abort", onAbort)
    this.#part = part
    try {
      return { result: await work() }
    } catch (error) {
      if (!part.controller.signal.aborted) throw error
      await this.#given.clearGradients()
      return undefined
    } finally {
      this.#part = undefined
      asked.removeEventListener("abort", onAbort)
    }
  }

  /** Changes something that giving up would have to change back. */
  #change(): void {
    if (this.#part === undefined) return
    this.#part.controller.signal.throwIfAborted()
    this.#part.changed = true
  }

  #signal(other?: AbortSignal): { readonly signal?: AbortSignal } {
    const own = this.#part?.controller.signal
    own?.throwIfAborted()
    if (own === undefined) return other === undefined ? {} : { signal: other }
    return { signal: other === undefined ? own : AbortSignal.any([own, other]) }
  }

  #watched(engine: Engine): Engine {
    const changing =
      <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        this.#change()
        return await verb.apply(engine, args)
      }
    const { sampled, score, freeze, takeNotes, takeTimes } = engine
    return {
      capabilities: engine.capabilities,
      sample: async (requests, signal, onToken) => engine.sample(requests, this.#signal(signal).signal, onToken),
      logprobs: async (sequences, options) =>
        engine.logprobs(sequences, { ...options, ...this.#signal(options?.signal) }),
      forwardBackward: async (batch, objective, options) =>
        engine.forwardBackward(batch, objective, { ...options, ...this.#signal(options?.signal) }),
      ...(score === undefined
        ? {}
        : {
            score: async (sequences, options) =>
              score.call(engine, sequences, { ...options, ...this.#signal(options?.signal) }),
          }),
      ...(sampled === undefined ? {} : { sampled: () => sampled.call(engine) }),
      ...(freeze === undefined ? {} : { freeze: (): Promise<FrozenPolicy> => freeze.call(engine) }),
      ...(takeNotes === undefined ? {} : { takeNotes: () => takeNotes.call(engine) }),
      ...(takeTimes === undefined ? {} : { takeTimes: () => takeTimes.call(engine) }),
      clearGradients: () => engine.clearGradients(),
      optimStep: changing(engine.optimStep),
      snapshot: changing(engine.snapshot),
      importSnapshot: changing(engine.importSnapshot),
      restore: changing(engine.restore),
      release: changing(engine.release),
      resetOptimizer: changing(engine.resetOptimizer),
      load: changing(engine.load),
      exportSnapshot: (id, directory) => engine.exportSnapshot(id, directory),
      save: (directory) => engine.save(directory),
      saveModel: (directory, dtype) => engine.saveModel(directory, dtype),
      close: () => engine.close(),
    }
  }
}
