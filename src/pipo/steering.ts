/**
 * Closing the loop on the step size: a rule around any other that sets the learning rate of its updates from what the previous
 * ones turned out to do (step-controller.ts).
 */
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { isPresent, stateField } from "./cached-batch.ts"
import {
  controllerStep,
  initialController,
  steeringDefaults,
  type ControllerInput,
  type ControllerState,
  type ControllerStep,
  type SteeringContext,
  type SteeringOptions,
} from "./step-controller.ts"
import type { IterationBatch, Plan, RuleMetrics, UpdateRule } from "./update-rule.ts"

function isControllerState(value: unknown): value is ControllerState {
  return typeof value === "object" && value !== null && "factor" in value && "targetFactor" in value && "level" in value
}

/**
 * Multiplies the learning rate of every update of `inner` by the controller's factor, and leaves the updates of an iteration out
 * when J has fallen significantly. Needs `improvement` in its batches; without (the first iteration) only the mean reward counts.
 * @throws ConfigError when an option is negative
 */
export function steered(inner: UpdateRule, options: SteeringOptions = {}, { warmupSteps = 0 }: SteeringContext = {}): UpdateRule {
  const settings = resolveSteering(options)
  let state = initialController
  /** Undefined when the batch has no mean reward: nothing was measured. */
  const advance = (batch: IterationBatch): ControllerStep | undefined =>
    Number.isFinite(batch.meanReward) ? controllerStep(state, observationOf(batch), settings) : undefined
  const observationOf = (batch: IterationBatch): ControllerInput => ({
    mu: batch.meanReward,
    muStandardError: batch.rewardStandardError ?? 0,
    improvement: batch.improvement ?? null,
    // The update before this batch.
    warmingUp: batch.step - 1 < warmupSteps,
  })
  return {
    name: `${inner.name} + steering`,
    comparesWithPrevious: true,
    plan(batch) {
      const plan = inner.plan(batch)
      const step = advance(batch)
      const { factor } = step?.state ?? state
      const updates = step?.dropped === true ? [] : plan.updates.map((update) => ({ ...update, learningRateScale: update.learningRateScale * factor }))
      return { ...(settings.returns ? policyRequest(step) : {}), updates, metrics: { ...plan.metrics, ...steeringMetrics(step?.state ?? state, step, settings) } }
    },
    commit(batch, outcome) {
      state = advance(batch)?.state ?? state
      inner.commit(batch, outcome)
    },
    state: () => ({ controller: state, inner: inner.state() }),
    restore(saved) {
      state = stateField("steering", saved, "controller", isControllerState)
      inner.restore(stateField("steering", saved, "inner", isPresent))
    },
  }
}

function policyRequest(step: ControllerStep | undefined): Pick<Plan, "policy"> {
  if (step?.dropped === true) return { policy: "return" }
  return step?.best === true ? { policy: "keep" } : {}
}

function steeringMetrics({ factor, targetFactor, level }: ControllerState, step: ControllerStep | undefined, { klTarget }: Required<SteeringOptions>): RuleMetrics {
  return {
    stepFactor: factor,
    klTarget: klTarget * targetFactor,
    level: level?.mean ?? null,
    levelStandardError: level === null ? null : Math.sqrt(level.variance),
    dropDistance: step?.dropDistance ?? null,
    slopeDistance: step?.slopeDistance ?? null,
    stepCut: step?.dropped ?? false,
  }
}

function resolveSteering(options: SteeringOptions): Required<SteeringOptions> {
  const settings = { ...steeringDefaults, ...options }
  const issue = (key: keyof SteeringOptions, expected: string): ConfigIssue => ({ path: `steering.${key}`, message: `steering: expected ${expected}, got ${settings[key]}. Change steering.${key}.` })
  const issues = (["klTarget", "slopeGain", "dropThreshold"] as const).flatMap((key) =>
    settings[key] >= 0 && Number.isFinite(settings[key]) ? [] : [issue(key, "a finite number of at least 0, which is off")],
  )
  if (!(settings.slopeAt >= 0.5 && settings.slopeAt <= 1)) issues.push(issue("slopeAt", "a place from 0.5 to 1"))
  if (issues.length > 0) throw new ConfigError(issues)
  return settings
}
