/**
 * Checkpoints of a run: folders `checkpoints/step-NNNNNN` that are complete or not there.
 *
 * A checkpoint is written under a temporary name, forced to the disk, and renamed. Its `checkpoint.json` lists every
 * file with its size and hash, what it needs beside it, and how the run's logs began when it was written.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { CheckpointError } from "../errors.ts"
import { checkFiles, checkpointManifest, readManifest, writeManifest } from "../integrity/index.ts"
import type { FileHashes } from "../integrity/index.ts"
import { reasonOf, syncDirectory, syncTreeMeanwhile } from "./durable-files.ts"
import type { LogMarks } from "./log-marks.ts"

/** A complete checkpoint. */
export interface CheckpointInfo {
  /** Steps that were finished when it was written. */
  readonly step: number
  readonly path: string
}

/** A checkpoint that cannot be used, and why. */
export interface DamagedCheckpoint extends CheckpointInfo {
  readonly reason: string
}

/** Where `write` can be made to fail, for tests; the real thing otherwise. */
export interface CheckpointOptions {
  /** Number of checkpoints kept, the newest ones. */
  readonly keep: number
  /** Forces a folder to the disk. */
  readonly sync?: (directory: string) => unknown
  /** How the run's logs begin, to be written down with each checkpoint. */
  readonly logs?: () => LogMarks
}

/** The checkpoints of one run folder. One process at a time: the run's lock sees to it. */
export class CheckpointStore {
  readonly directory: string
  readonly #keep: number
  readonly #sync: (directory: string) => unknown
  readonly #logs: () => LogMarks

  /** @param directory  the `checkpoints` folder; made when it is not there */
  constructor(directory: string, options: CheckpointOptions) {
    this.directory = directory
    this.#keep = options.keep
    this.#sync = options.sync ?? syncTreeMeanwhile
    this.#logs = options.logs ?? ((): LogMarks => ({}))
    mkdirSync(directory, { recursive: true })
    this.#recover()
  }

  /**
   * Writes a checkpoint and removes those beyond the number kept. It exists under its name only once everything is on
   * the disk.
   * @param fill   writes the files into the folder it is given; those whose hashes it does not tell are read once more
   * @param needs  folders with a manifest of their own, below the run's folder, that it cannot be loaded without
   * @throws CheckpointError  when anything fails (a full disk, say); earlier checkpoints stay as they are
   */
  async write(
    step: number,
    fill: (directory: string) => FileHashes | void | Promise<FileHashes | void>,
    needs: readonly string[] = [],
  ): Promise<CheckpointInfo> {
    const path = join(this.directory, checkpointName(step))
    const temporary = join(this.directory, `.writing-${checkpointName(step)}`)
    try {
      rmSync(temporary, { recursive: true, force: true })
      mkdirSync(temporary)
      const hashes = await fill(temporary)
      writeManifest(temporary, checkpointManifest, { step, logs: this.#logs(), needs }, hashes)
      await this.#sync(temporary)
      this.#replace(temporary, path)
    } catch (cause) {
      rmSync(temporary, { recursive: true, force: true })
      if (!existsSync(this.directory)) {
        const got = "none: the run's folder was deleted or moved while it was in use"
        throw new CheckpointError(`checkpoint ${path}: expected the folder ${this.directory}, got ${got}. Move it back and resume, or start again.`, { cause })
      }
      const last = this.newest()
      const stays = last === undefined ? "There is no earlier one." : `The last good one stays: ${last.path}.`
      throw new CheckpointError(
        `checkpoint ${path}: expected to write it, got ${reasonOf(cause).replace(/\.$/, "")}. ${stays} Make room or correct the cause, ` +
          "then resume.",
        { cause },
      )
    }
    this.#prune()
    return { step, path }
  }

  /** Complete checkpoints, oldest first. */
  list(): CheckpointInfo[] {
    return listCheckpoints(this.directory).complete
  }

  /** The newest complete checkpoint. */
  newest(): CheckpointInfo | undefined {
    return this.list().at(-1)
  }

  /** Checkpoints that were damaged after they were written. */
  damaged(): DamagedCheckpoint[] {
    return listCheckpoints(this.directory).damaged
  }

  /** Removes checkpoints above a step: a resumed run writes them anew. */
  removeAfter(step: number): void {
    for (const { step: other, path } of [...this.list(), ...this.damaged()]) if (other > step) this.#remove(path)
  }

  #replace(temporary: string, path: string): void {
    const aside = join(this.directory, `.replaced-${relative(this.directory, path)}`)
    const replaces = existsSync(path)
    if (replaces) renameSync(path, aside)
    try {
      renameSync(temporary, path)
    } catch (error) {
      if (replaces) renameSync(aside, path)
      throw error
    }
    syncDirectory(this.directory)
    if (replaces) rmSync(aside, { recursive: true, force: true })
  }

  #prune(): void {
    const oldest = this.list().at(-this.#keep)
    if (oldest === undefined) return
    for (const { step, path } of [...this.list(), ...this.damaged()]) if (step < oldest.step) this.#remove(path)
  }

  /** A removal that is interrupted must not leave half a checkpoint under its name. */
  #remove(path: string): void {
    const aside = join(this.directory, `.removing-${relative(this.directory, path)}`)
    rmSync(aside, { recursive: true, force: true })
    renameSync(path, aside)
    rmSync(aside, { recursive: true, force: true })
  }

  /** Clears what a killed process left: unfinished folders go, one that was moved aside comes back. */
  #recover(): void {
    for (const name of readdirSync(this.directory)) {
      const leftover = join(this.directory, name)
      const replaced = /^\.replaced-(step-\d+)$/.exec(name)
      if (replaced !== null && !existsSync(join(this.directory, replaced[1]!))) {
        renameSync(leftover, join(this.directory, replaced[1]!))
      } else if (/^\.(?:writing|replaced|removing)-step-\d+$/.test(name)) {
        rmSync(leftover, { recursive: true, force: true })
      }
    }
  }
}

/** Folder name of a checkpoint. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`
}

/** Checkpoints of a `checkpoints` folder, oldest first; reads only, also while a run writes there. */
export function listCheckpoints(directory: string): { complete: CheckpointInfo[]; damaged: DamagedCheckpoint[] } {
  const complete: CheckpointInfo[] = []
  const damaged: DamagedCheckpoint[] = []
  const names = existsSync(directory) ? readdirSync(directory) : []
  for (const name of names) {
    const match = /^step-(\d+)$/.exec(name)
    if (match === null) continue
    const info = { step: Number(match[1]), path: join(directory, name) }
    const reason = damageOf(info.path)
    if (reason === undefined) complete.push(info)
    else damaged.push({ ...info, reason })
  }
  const byStep = (a: CheckpointInfo, b: CheckpointInfo): number => a.step - b.step
  return { complete: complete.sort(byStep), damaged: damaged.sort(byStep) }
}

/** Why a checkpoint cannot be used, or undefined when every file has its size. */
function damageOf(path: string): string | undefined {
  try {
    checkFiles(path, readManifest(path, checkpointManifest), { hashes: false })
    return undefined
  } catch (error) {
    return error instanceof CheckpointError ? error.message : reasonOf(error)
  }
}
