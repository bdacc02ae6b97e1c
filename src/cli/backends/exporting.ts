/** What the command `export` does beyond writing files: it measures what it wrote. */
import type { HeldOutOptions } from "../../evaluation/held-out.ts"
import { openConfiguredTask } from "../../trainer/policy.ts"
import { evaluateSavedModel, heldOutOptions } from "../../trainer/saved-policy.ts"
import type { ExportBackend } from "../export.ts"
import { counted, formatDuration } from "../format.ts"

const PROGRESS_EVERY_MS = 15_000

export const exportBackend: ExportBackend = {
  async measure(path, config, { problems, onNote }) {
    if (config.engine.kind === "tinker") return undefined
    const task = await openConfiguredTask(config)
    const started = performance.now()
    let told = started
    const onProgress: HeldOutOptions["onProgress"] = ({ responses }, total) => {
      const now = performance.now()
      if (now - told < PROGRESS_EVERY_MS) return
      told = now
      onNote(`Measured ${responses} of ${total} after ${formatDuration((now - started) / 1000)}`)
    }
    const ofRun = heldOutOptions(config.evaluation)
    const options = { ...ofRun, onProgress, ...(problems === undefined ? {} : { size: problems }) }
    const size = Math.min(options.size ?? task.heldOut.length, task.heldOut.length)
    if (size === 0) return undefined
    onNote(`Measuring the exported model on ${counted(size, "held-out problem")} (--no-eval leaves it out)`)
    return { step: 0, ...(await evaluateSavedModel(path, config, task, options)) }
  },
}
