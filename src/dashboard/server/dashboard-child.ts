/** Entry of the dashboard's process: listens as its parent says, and ends when the parent lets go of it. */
import { constants, setPriority } from "node:os"
import { ConfigError } from "../../errors.ts"
import type { ProcessAnswer, ProcessOptions } from "./dashboard-process.ts"
import { startDashboard } from "./server.ts"

const answer = (message: ProcessAnswer): void => void process.send!(message)

process.once("disconnect", () => process.exit())
process.once("message", (options: ProcessOptions) => void serve(options))
yieldToTraining()

/** A page may wait for a moment; the training shall not wait for it. */
function yieldToTraining(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Not allowed everywhere; the server works at any priority.
  }
}

async function serve(options: ProcessOptions): Promise<void> {
  try {
    const { url, port, takenPort } = await startDashboard(options)
    answer({ url, port, takenPort: takenPort ?? null })
  } catch (error) {
    answer(error instanceof ConfigError ? { issues: error.issues } : { error: error instanceof Error ? error.message : String(error) })
  }
}
