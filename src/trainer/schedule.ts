/** Learning rate by iteration. */
import type { OptimizerSettings } from "../config/index.ts"

/**
 * Factor on the learning rate at an iteration: a linear warm-up, then constant, linear or cosine decay to
 * `minLearningRateRatio` at the last iteration.
 * @param step   iteration, from 1
 * @param steps  last iteration
 */
export function learningRateFactor(settings: Pick<OptimizerSettings, "warmupSteps" | "schedule" | "minLearningRateRatio">, step: number, steps: number): number {
  const { warmupSteps, schedule, minLearningRateRatio: least } = settings
  if (step <= warmupSteps) return step / warmupSteps
  if (schedule === "constant" || steps <= warmupSteps + 1) return 1
  const progress = Math.min((step - warmupSteps - 1) / (steps - warmupSteps - 1), 1)
  const shape = schedule === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2
  return least + (1 - least) * shape
}
