/**
 * Where a warm start can go on: weights and moments in `warm-start/step-NNNNNN` of the run's folder. The last one is
 * kept until the checkpoint of step 0 is there.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Engine } from "../engine/engine.ts"
import { CheckpointError } from "../errors.ts"
import {
  checkResumable,
  CheckpointStore,
  listCheckpoints,
  selectCheckpoint,
  warmStartFolder,
  type RunFolder,
} from "../runs/index.ts"
import type { WarmStartPoint } from "./warm-start.ts"

const pointFile = "warm-start.json"

/** A point as it lies on the disk. */
export interface SavedPoint extends WarmStartPoint {
  readonly path: string
}

/** The points of one run. */
export class WarmStartPoints {
  readonly #directory: string

  constructor(folder: RunFolder) {
    this.#directory = join(folder.directory, warmStartFolder)
  }

  /** The newest that is as it was written. */
  newest(): SavedPoint | undefined {
    const { sound } = selectCheckpoint(listCheckpoints(this.#directory).complete, (info) => checkResumable(info, []))
    if (sound === undefined) return undefined
    const file = join(sound.path, pointFile)
    const { evaluationDue } = JSON.parse(readFileSync(file, "utf8")) as Partial<WarmStartPoint>
    if (typeof evaluationDue !== "boolean") {
      throw new CheckpointError(
        `${file}: expected where a warm start stands, got something else. ` +
          `Remove the folder ${this.#directory}, then resume.`,
      )
    }
    return { step: sound.step, evaluationDue, path: sound.path }
  }

  /** @throws CheckpointError  when it cannot be written; the one before stays */
  async write(engine: Engine, point: WarmStartPoint): Promise<void> {
    await new CheckpointStore(this.#directory, { keep: 1 }).write(point.step, async (directory) => {
      const hashes = await engine.save(directory)
      writeFileSync(join(directory, pointFile), `${JSON.stringify(point)}\n`)
      return hashes
    })
  }

  /** The warm start is over. */
  clear(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
