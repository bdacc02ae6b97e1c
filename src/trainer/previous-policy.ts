/** The policy of the previous iteration, kept by the trainer for rules that compare every new batch under both. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Engine, SnapshotId, TokenSequence } from "../engine/engine.ts"

/** Folder inside a checkpoint. */
const folderName = "previous"

export class PreviousPolicy {
  readonly #engine: Engine
  #id: SnapshotId | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Per sequence [T], nats; undefined while there is no previous policy. */
  async logprobs(sequences: readonly TokenSequence[], temperature: number): Promise<Float32Array[] | undefined> {
    return this.#id === undefined ? undefined : this.#engine.logprobs(sequences, { policy: this.#id, temperature })
  }

  /** The policy as it is now is the previous one from here on. */
  async advance(): Promise<void> {
    const before = this.#id
    this.#id = await this.#engine.snapshot()
    if (before !== undefined) await this.#engine.release(before)
  }

  /** Adds it to a checkpoint. */
  async save(directory: string): Promise<void> {
    if (this.#id === undefined) return
    const path = join(directory, folderName)
    mkdirSync(path)
    await this.#engine.exportSnapshot(this.#id, path)
  }

  async load(directory: string): Promise<void> {
    const path = join(directory, folderName)
    if (existsSync(path)) this.#id = await this.#engine.importSnapshot(path)
  }
}
