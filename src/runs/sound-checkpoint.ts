/**
 * Which checkpoint can be used: the newest whose every byte is as it was written, with all that it needs beside it.
 */
import { dirname, join } from "node:path"
import { checkFiles, checkModelFiles, checkpointManifest, Damage, readManifest } from "../integrity/index.ts"
import type { Manifest } from "../integrity/index.ts"
import type { CheckpointInfo, DamagedCheckpoint } from "./checkpoints.ts"
import { logProblems, marksIn } from "./log-marks.ts"
import type { LogProblem } from "./log-marks.ts"

/** A checkpoint that was read from its first byte to its last. */
export interface SoundCheckpoint extends CheckpointInfo {
  /** False where an older version of pirl wrote no hashes: the sizes of its files are right, no more is known. */
  readonly hashed: boolean
  /** Logs that do not begin as they did when it was written, but are not needed to go on. */
  readonly logProblems: readonly LogProblem[]
}

/** The newest checkpoint that can be used, and those that cannot. */
export interface Selection<T extends CheckpointInfo> {
  readonly sound: T | undefined
  /** Those newer than it, all when there is none. The newest first. */
  readonly damaged: readonly DamagedCheckpoint[]
}

/**
 * The newest of some checkpoints that passes.
 * @param check  throws a `Damage` for one that does not
 */
export function selectCheckpoint<T extends CheckpointInfo>(
  candidates: readonly CheckpointInfo[],
  check: (info: CheckpointInfo) => T,
): Selection<T> {
  const damaged: DamagedCheckpoint[] = []
  for (const info of candidates.toSorted((a, b) => b.step - a.step)) {
    try {
      return { sound: check(info), damaged }
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      damaged.push({ step: info.step, path: info.path, reason: error.message })
    }
  }
  return { sound: undefined, damaged }
}

/** @throws Damage  when the manifest is not as it was written, or is that of another step */
function manifestOf({ step, path }: CheckpointInfo): Manifest {
  const manifest = readManifest(path, checkpointManifest)
  const { step: written } = manifest.facts
  if (written === step) return manifest
  throw new Damage(`${checkpointManifest} is that of step ${JSON.stringify(written)}`)
}

/**
 * Checks the files of a checkpoint that its model is read from.
 * @throws Damage           naming the file that is not as it was written
 * @throws CheckpointError  when one must not be read, or the checkpoint is of a newer version of pirl
 */
export function checkModelOf(info: CheckpointInfo): void {
  checkModelFiles(info.path, manifestOf(info))
}

/**
 * Checks a checkpoint with all that a run needs to go on from it.
 * @param requiredLogs  logs, by their path below the run's folder, that must begin as they did when it was written
 * @throws as `checkModelOf`
 */
export function checkResumable(info: CheckpointInfo, requiredLogs: readonly string[]): SoundCheckpoint {
  const manifest = manifestOf(info)
  checkFiles(info.path, manifest)
  const { facts, sha256 } = manifest
  const run = dirname(dirname(info.path))
  const needs: readonly unknown[] = Array.isArray(facts["needs"]) ? facts["needs"] : []
  for (const folder of needs) checkNeeded(run, String(folder))
  const problems = logProblems(run, marksIn(facts["logs"]) ?? {})
  const missed = problems.find(({ file }) => requiredLogs.includes(file))
  if (missed !== undefined) throw new Damage(`it does not go with ${missed.file}, which ${missed.reason}`)
  return { ...info, hashed: sha256 !== undefined, logProblems: problems }
}

function checkNeeded(run: string, folder: string): void {
  const directory = join(run, folder)
  try {
    checkFiles(directory, readManifest(directory, checkpointManifest))
  } catch (error) {
    if (error instanceof Damage) throw new Damage(`it needs ${folder}/, where ${error.message}`, { cause: error })
    throw error
  }
}
