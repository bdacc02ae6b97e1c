/** Takes away what a finished run of a comparison need not keep. */
import { rmSync } from "node:fs"
import { join } from "node:path"

/** Removes model, checkpoints and reference policy of a finished run: they are most of its size, and its numbers are in its logs. */
export function removeModels(directory: string): void {
  for (const name of ["checkpoints", "reference", "model"]) rmSync(join(directory, name), { recursive: true, force: true })
}
