/**
 * The policy that an objective compares with: the one that the run started from, or the current one of every N-th step.
 *
 * A fixed reference lies in `reference/`. One that is updated lies in `reference/step-NNNNNN`, named by the step after which it was
 * taken: which of them is in force after a step follows from the step alone, so that a resumed run finds its own.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Engine, SnapshotId } from "../engine/engine.ts"
import { checkpointManifest, writeManifest } from "../integrity/index.ts"
import { checkpointName, syncTree, type RunFolder } from "../runs/index.ts"

export class ReferencePolicy {
  readonly #engine: Engine
  readonly #folder: RunFolder
  readonly #every: number
  #snapshot: SnapshotId | undefined

  /** @param every  steps from one reference to the next; 0: it stays */
  constructor(engine: Engine, folder: RunFolder, every: number) {
    this.#engine = engine
    this.#folder = folder
    this.#every = every
  }

  get snapshot(): SnapshotId | undefined {
    return this.#snapshot
  }

  /** Step after which the reference that is in force after `step` was taken. */
  #takenAt(step: number): number {
    return this.#every === 0 ? 0 : Math.floor(step / this.#every) * this.#every
  }

  /** Path below the run's folder. */
  #name(step: number): string {
    return this.#every === 0 ? "reference" : `reference/${checkpointName(this.#takenAt(step))}`
  }

  #directory(step: number): string {
    return join(this.#folder.directory, this.#name(step))
  }

  /** Folders that the checkpoint of a step needs; none where an older version wrote one, without a manifest. */
  needed(step: number): string[] {
    return existsSync(join(this.#directory(step), checkpointManifest)) ? [this.#name(step)] : []
  }

  /** The current policy becomes the reference when it is time for it: at step 0, and at every multiple. */
  async advance(step: number): Promise<void> {
    if (this.#takenAt(step) !== step) return
    const directory = this.#directory(step)
    const temporary = join(this.#folder.directory, ".writing-reference")
    rmSync(temporary, { recursive: true, force: true })
    mkdirSync(temporary, { recursive: true })
    const taken = await this.#engine.snapshot()
    const hashes = await this.#engine.exportSnapshot(taken, temporary)
    writeManifest(temporary, checkpointManifest, { step }, hashes)
    syncTree(temporary)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(join(directory, ".."), { recursive: true })
    renameSync(temporary, directory)
    await this.#replace(taken)
    this.#prune()
  }

  /** Reads the reference that was in force after a step. */
  async resume(step: number): Promise<void> {
    await this.#replace(await this.#engine.importSnapshot(this.#directory(step)))
  }

  async #replace(snapshot: SnapshotId): Promise<void> {
    const before = this.#snapshot
    this.#snapshot = snapshot
    if (before !== undefined) await this.#engine.release(before)
  }

  /** A kept checkpoint needs the reference of its step; older ones go. */
  #prune(): void {
    if (this.#every === 0) return
    const oldest = this.#folder.checkpoints.list()[0]?.step ?? 0
    const directory = join(this.#folder.directory, "reference")
    for (const name of readdirSync(directory)) {
      if (Number(name.replace("step-", "")) < this.#takenAt(oldest)) rmSync(join(directory, name), { recursive: true, force: true })
    }
  }
}
