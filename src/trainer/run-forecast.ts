/** How long a run will take, from what its first step has taken so far; corrected after the first steps. Nothing is decided by it. */
import { formatDuration } from "../age.ts"
import type { ResolvedConfig } from "../config/index.ts"
import { describeForecast, type RunForecast } from "../runs/index.ts"

export { describeForecast }
export type { RunForecast }

/** Evaluations of a whole run: at its start, every so many steps, and at its end. */
export function evaluationCount({ train, evaluation }: Pick<ResolvedConfig, "train" | "evaluation">): number {
  return 1 + Math.ceil(train.steps / evaluation.every)
}

export function forecastRun(config: Pick<ResolvedConfig, "train" | "evaluation">, stepSeconds: number, evaluationSeconds: number): RunForecast {
  const { steps } = config.train
  const evaluations = evaluationCount(config)
  const runSeconds = steps * stepSeconds + evaluations * evaluationSeconds
  return { steps, evaluations, stepSeconds, evaluationSeconds, runSeconds, evaluationShare: runSeconds === 0 ? 0 : (evaluations * evaluationSeconds) / runSeconds }
}

/** Steps after which a forecast may be corrected. */
const CORRECTED_STEPS = 3
/** A step that takes this many times as long, or as short, makes a new forecast. */
const MUCH = 1.3
/** Runs shorter than this are over before anybody plans by it. */
const SHORT_RUN_SECONDS = 120

/** Holds the forecast of a run against its first steps. */
export class ForecastCheck {
  readonly #config: Pick<ResolvedConfig, "train" | "evaluation">
  readonly #evaluationSeconds: number
  #said: RunForecast | undefined

  /** @param said  undefined where only a whole step can tell */
  constructor(config: Pick<ResolvedConfig, "train" | "evaluation">, evaluationSeconds: number, said: RunForecast | undefined) {
    this.#config = config
    this.#evaluationSeconds = evaluationSeconds
    this.#said = said
  }

  /** @returns what to tell where there was no forecast or it was off by much; undefined otherwise, and after the first steps */
  afterStep(step: number, seconds: number): string | undefined {
    const said = this.#said
    if (step > CORRECTED_STEPS || (said !== undefined && seconds < said.stepSeconds * MUCH && seconds > said.stepSeconds / MUCH)) return undefined
    const now = forecastRun(this.#config, seconds, this.#evaluationSeconds)
    this.#said = now
    if (Math.max(now.runSeconds, said?.runSeconds ?? 0) < SHORT_RUN_SECONDS) return undefined
    const instead = said === undefined ? "" : ` and not about ${formatDuration(said.stepSeconds)}`
    return `step ${step} took ${formatDuration(seconds)}${instead}: ${describeForecast(now)}`
  }
}
