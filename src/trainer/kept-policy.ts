/** A policy that the trainer keeps beside the current one, in memory and in checkpoints: the previous iteration's, or the best. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Engine, SnapshotId, TokenSequence } from "../engine/engine.ts"
import { EngineError } from "../errors.ts"
import { hashesBelow } from "../integrity/index.ts"
import type { FileHashes } from "../integrity/index.ts"

export class KeptPolicy {
  readonly #engine: Engine
  readonly #folder: string
  #id: SnapshotId | undefined

  /** @param folder  its name within a checkpoint */
  constructor(engine: Engine, folder: string) {
    this.#engine = engine
    this.#folder = folder
  }

  /** Per sequence [T], nats; undefined while none is kept. */
  async logprobs(sequences: readonly TokenSequence[], temperature: number): Promise<Float32Array[] | undefined> {
    return this.#id === undefined ? undefined : this.#engine.logprobs(sequences, { policy: this.#id, temperature })
  }

  /** Keeps the policy as it is now, in place of the one kept before. */
  async keep(): Promise<void> {
    const before = this.#id
    this.#id = await this.#engine.snapshot()
    if (before !== undefined) await this.#engine.release(before)
  }

  /**
   * The kept policy becomes the current one; the optimiser's moments, which led away from it, are forgotten.
   * @throws EngineError when none was kept
   */
  async restore(): Promise<void> {
    if (this.#id === undefined) {
      throw new EngineError(`${this.#folder} policy: expected one that was kept, got none. A plan must ask for policy "keep" before "return".`)
    }
    await this.#engine.restore(this.#id)
    await this.#engine.resetOptimizer()
  }

  /** Adds it to a checkpoint. @returns hashes of its files there */
  async save(checkpoint: string): Promise<FileHashes> {
    if (this.#id === undefined) return new Map()
    const path = join(checkpoint, this.#folder)
    mkdirSync(path)
    return hashesBelow(this.#folder, await this.#engine.exportSnapshot(this.#id, path))
  }

  async load(checkpoint: string): Promise<void> {
    const path = join(checkpoint, this.#folder)
    if (existsSync(path)) this.#id = await this.#engine.importSnapshot(path)
  }
}
