/** The trainer's part of a checkpoint, beside the engine's weights and moments. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import { trainerStateFile } from "../integrity/index.ts"
import type { BestEvaluation } from "./best-evaluated.ts"
import { decodeState, encodeState } from "../runs/index.ts"

export interface TrainerState {
  /** State of the update rule: window, cached batch, gate. */
  readonly rule: unknown
  /** Refused steps in a row. */
  readonly refused: number
  /** Place in the training data, and what a curriculum knows; undefined in checkpoints of before there was a choice of prompts. */
  readonly prompts: unknown
  /** The batch of the next step, where it was sampled ahead. */
  readonly ahead?: unknown
  /** Weight of the divergence from the reference, where it is moved towards a target. */
  readonly klCoefficient?: number
  /** The run was stopped before the evaluation that belongs to the step was there. */
  readonly evaluationDue?: true
  /** Step and score of the best evaluated policy, where it is kept (`evaluation.keepBest`). */
  readonly bestEvaluation?: BestEvaluation
}

export function writeTrainerState(directory: string, state: TrainerState): void {
  writeFileSync(join(directory, trainerStateFile), encodeState(state))
}

/** @throws CheckpointError when the file is missing or holds something else */
export function readTrainerState(directory: string): TrainerState {
  const path = join(directory, trainerStateFile)
  let state: Partial<TrainerState>
  try {
    state = decodeState(readFileSync(path, "utf8")) as Partial<TrainerState>
  } catch (cause) {
    throw new CheckpointError(`${path}: expected the trainer's state, got ${String(cause)}. Resume from another checkpoint.`, { cause })
  }
  const { rule, refused, prompts, ahead, klCoefficient, evaluationDue, bestEvaluation } = state
  if (rule === undefined || refused === undefined) {
    throw new CheckpointError(`${path}: expected the trainer's state, got a file without it. Resume from another checkpoint.`)
  }
  return {
    rule,
    refused,
    prompts,
    ...(ahead === undefined ? {} : { ahead }),
    ...(klCoefficient === undefined ? {} : { klCoefficient }),
    ...(evaluationDue === true ? { evaluationDue } : {}),
    ...(bestEvaluation === undefined ? {} : { bestEvaluation }),
  }
}
