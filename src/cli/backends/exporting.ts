/** What the command `export` does beyond writing files: it measures what it wrote. */
import { openConfiguredTask } from "../../trainer/policy.ts"
import { evaluateSavedModel, heldOutOptions } from "../../trainer/saved-policy.ts"
import type { ExportBackend } from "../export.ts"
import { counted, formatDuration } from "../format.ts"

const PROGRESS_EVERY_MS = 15_000

export const exportBackend: ExportBackend = {
  async measure(path, config, { problems, onNote }) {
    if (config.engine.kind === "tinker") return undefined
    const task = await openConfiguredTask(config)
    const options = { ...heldOutOptions(config.evaluation), ...(problems === undefined ? {} : { size: problems }) }
    const size = Math.min(options.size ?? task.heldOut.length, task.heldOut.length)
    if (size === 0) return undefined
    const started = performance.now()
    onNote(`Measuring the exported model on ${counted(size, "held-out problem")} (--no-eval leaves it out)`)
    const timer = setInterval(() => onNote(`Measuring: ${formatDuration((performance.now() - started) / 1000)}`), PROGRESS_EVERY_MS)
    try {
      return { step: 0, ...(await evaluateSavedModel(path, config, task, options)) }
    } finally {
      clearInterval(timer)
    }
  },
}
