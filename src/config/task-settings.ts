/**
 * `task`: where the problems come from. Only the name is known here; the options belong to the task, and the task
 * checks them.
 */
import { z } from "zod"

export interface TaskSettings {
  /** A procedural task, or "dataset". */
  readonly name: string
  /** Options of the task: difficulty, heldOutSize; path, columns, template and verifier of a data set. */
  readonly [option: string]: unknown
}

export const taskSchema: z.ZodType<TaskSettings> = z.looseObject({
  name: z.string().min(1).describe("A procedural task, or dataset"),
})
