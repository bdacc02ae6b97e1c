/**
 * Policy Improvement Policy Optimisation: look back at the previous update, judge it by the newest batch mean, reinforce or
 * suppress it, then take the base rule's own update. A wrapper over any update rule.
 *
 * Source: arXiv:2604.00860.
 */
import { ConfigError } from "../errors.ts"
import { integerBelow } from "../random.ts"
import {
  attributedUpdate,
  explorationObjective,
  isCount,
  isNumbers,
  isPresent,
  stateField,
  type CachedBatch,
} from "./cached-batch.ts"
import { clipGate, openGate, skipReason, type GateOutcome, type SkipReason } from "./gate.ts"
import { resolvePipo, type PipoOptions, type PipoSettings } from "./options.ts"
import { judgedStepMetric, RecentBatches } from "./recent-batches.ts"
import { improvementSignal, type ImprovementSignal } from "./signal.ts"
import type { IterationBatch, Plan, RuleMetrics, Update, UpdateRule } from "./update-rule.ts"
import { verificationObjective } from "./verification-objective.ts"
import { judgingWindow, pushMean } from "./window.ts"

/** What the trainer may add to an iteration's batch for `mu: "trained"`. */
export interface PipoBatch extends IterationBatch {
  /** Mean reward of the groups that are trained on. */
  readonly trainedMeanReward?: number
}

/** Where the signal that the gate is given comes from. */
interface SignalSource {
  readonly name: string
  /** Whether it draws on the signals of earlier iterations. */
  readonly remembers: boolean
  /** @param past values of xi of earlier iterations, oldest first; null: there is none to give */
  xi(observed: number, past: readonly number[], step: number): number | null
}

const observedSignal: SignalSource = { name: "pipo", remembers: false, xi: (observed) => observed }

/** @throws ConfigError with every problem of the options */
export function pipo(inner: UpdateRule, options: PipoOptions = {}): UpdateRule {
  return gatedRule(inner, resolvePipo(options), observedSignal)
}

/**
 * Control: PIPO whose xi is drawn at random from the values it has seen before (once the window was long enough), which
 * isolates what the gate knows. A draw is a pure function of the seed and the step.
 */
export function randomXi(inner: UpdateRule, options: PipoOptions & { readonly seed: number }): UpdateRule {
  const { seed, ...others } = options
  const source: SignalSource = {
    name: "random-xi",
    remembers: true,
    xi: (_observed, past, step) => (past.length === 0 ? null : past[integerBelow(past.length, seed, step)]!),
  }
  return gatedRule(inner, resolvePipo(others), source)
}

function gatedRule(inner: UpdateRule, settings: PipoSettings, source: SignalSource): UpdateRule {
  let stored: readonly number[] = []
  let iterations = 0
  let past: readonly number[] = []
  const recent = new RecentBatches()

  /**
   * Whether the update on the policy of this batch is one of the ramp. Means before the first update at the full rate tell nothing of what such
   * updates do: the reward hardly moves, and against its small deviation the first real change would look large.
   */
  const warmingUp = ({ step, offPolicySteps = 0 }: IterationBatch): boolean => step - offPolicySteps < settings.warmupSteps

  /** The signal of this batch, or null when its mean is not a number. */
  const observe = (batch: IterationBatch): ImprovementSignal | null => {
    const mu = meanOf(batch, settings)
    if (!Number.isFinite(mu)) return null
    const { window: windowSize, windowConvention, sigma, gate } = settings
    const window = judgingWindow(stored, mu, windowSize, windowConvention, gate === "clip")
    return improvementSignal(mu, window, { windowSize, sigma })
  }

  const verify = (signal: ImprovementSignal, batch: IterationBatch, plan: Plan): Plan => {
    const given = source.xi(signal.xi, past, batch.step)
    const xi = given ?? 0
    const { minSteps, window: windowSize, threshold, everyN } = settings
    const cache = recent.behind(batch)
    const readiness = {
      cached: cache !== null,
      seen: iterations,
      minSteps,
      windowSize,
      threshold,
      step: batch.step,
      everyN,
    }
    const skip = warmingUp(batch) ? "warm-up" : given === null ? "window" : skipReason(xi, readiness)
    const seen = skip !== "warm-up" && skip !== "no-cache" && skip !== "window"
    const metrics = {
      ...signalMetrics(signal, xi, seen && Math.abs(xi) > threshold),
      ...(source.remembers ? { observedXi: signal.xi } : {}),
      ...judgedStepMetric(batch, cache),
    }
    const stop = (reason: SkipReason): Plan => ({
      updates: plan.updates,
      metrics: { ...plan.metrics, ...metrics, ...skipped(reason) },
    })
    if (skip !== null) return stop(skip)

    if (settings.gate === "clip") {
      const factor = clipGate(xi)
      const updates = plan.updates.map((update) => (update.kind === "exploration" ? scaled(update, factor) : update))
      return { updates, metrics: { ...plan.metrics, ...metrics, gate: gateName(factor), advantageScale: factor } }
    }
    const outcome = openGate(
      { xi, progress: source.remembers ? xi * signal.sigmaHis : signal.progress },
      { ...settings, gate: settings.gate },
    )
    if (typeof outcome === "string") return stop(outcome)
    const update = verificationUpdate(cache!, outcome, plan, settings)
    if (update === null) return stop("no-attribution")
    const opened: RuleMetrics = {
      gate: gateName(outcome.factor),
      gateFactor: outcome.factor,
      lossScale: outcome.lossScale,
      learningRateScale: outcome.learningRateScale,
    }
    return { updates: [update, ...plan.updates], metrics: { ...plan.metrics, ...metrics, ...opened } }
  }

  return {
    name: `${inner.name} + ${source.name}`,
    comparesWithPrevious: inner.comparesWithPrevious === true,
    plan(batch) {
      const plan = inner.plan(batch)
      const signal = observe(batch)
      if (signal !== null) return verify(signal, batch, plan)
      const unknown: RuleMetrics = {
        mu: null,
        muHis: null,
        sigmaHis: null,
        xi: null,
        verdict: "undecided",
        lossScale: null,
        learningRateScale: null,
        ...judgedStepMetric(batch, null),
      }
      return { updates: plan.updates, metrics: { ...plan.metrics, ...unknown, ...skipped("no-reward") } }
    },
    commit(batch, outcome) {
      const signal = observe(batch)
      if (signal !== null && !warmingUp(batch)) {
        if (source.remembers && iterations >= Math.min(settings.minSteps, settings.window)) past = [...past, signal.xi]
        stored = pushMean(stored, signal.mu, settings.window, settings.windowConvention)
        iterations += 1
      }
      recent.push(batch, outcome)
      inner.commit(batch, outcome)
    },
    state: () => ({ window: [...stored], iterations, past: [...past], ...recent.state(), inner: inner.state() }),
    restore(state) {
      const who = "pipo"
      stored = stateField(who, state, "window", isNumbers)
      iterations = stateField(who, state, "iterations", isCount)
      past = stateField(who, state, "past", isNumbers)
      recent.restore(who, state)
      inner.restore(stateField(who, state, "inner", isPresent))
    },
  }
}

function meanOf(batch: PipoBatch, settings: PipoSettings): number {
  if (settings.mu === "sampled") return batch.meanReward
  if (batch.trainedMeanReward === undefined) {
    const message = 'pipo: expected a mean reward of the trained groups under mu "trained", got none. Use mu "sampled".'
    throw new ConfigError([{ path: "pipo.mu", message }])
  }
  return batch.trainedMeanReward
}

function verificationUpdate(
  cache: CachedBatch,
  outcome: GateOutcome,
  plan: Plan,
  settings: PipoSettings,
): Update | null {
  const base = explorationObjective(plan.updates)
  if (base === undefined) return null
  const { lossScale, learningRateScale, factor } = outcome
  const objective = verificationObjective(base, settings.surrogate, settings.keepTerms)
  return attributedUpdate(cache, factor, { kind: "verification", objective, lossScale, learningRateScale })
}

function scaled(update: Update, factor: number): Update {
  const sequences = update.sequences.map((sequence) => ({
    ...sequence,
    advantages: sequence.advantages.map((a) => a * factor),
  }))
  return { ...update, sequences }
}

function gateName(factor: number): "reinforce" | "suppress" {
  return factor >= 0 ? "reinforce" : "suppress"
}

function skipped(reason: SkipReason): RuleMetrics {
  return { gate: "skipped", skipReason: reason }
}

function signalMetrics(signal: ImprovementSignal, xi: number, decided: boolean): RuleMetrics {
  const { mu, muHis, sigmaHis } = signal
  const verdict = !decided ? "undecided" : xi > 0 ? "improved" : "regressed"
  return { mu, muHis, sigmaHis, xi, verdict, skipReason: null, lossScale: null, learningRateScale: null }
}
