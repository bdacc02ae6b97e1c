/**
 * Closing the loop on the step size: a rule around any other that sets the learning rate of its updates from what the last update
 * turned out to do. pilot version
 */
import { filterStep, type FilterState } from "./improvement-filter.ts"
import { stateField, isPresent } from "./cached-batch.ts"
import type { IterationBatch, Plan, RuleMetrics, Update, UpdateRule } from "./update-rule.ts"

export interface SteeringOptions {
  readonly klTarget?: number
  readonly dropThreshold?: number
  readonly dropInput?: "means" | "filter"
  readonly dropSkips?: boolean
  readonly slopeGain?: number
  readonly slopeGoal?: number
  readonly gainDecay?: number
  readonly slopeOn?: "multiplier" | "target"
  readonly least?: number
  readonly most?: number
}

interface State {
  multiplier: number
  target: number
  filter: FilterState | null
  best: FilterState | null
  means: { mu: number; se: number }[]
  bestMeans: { mu: number; se: number } | null
  slope: number
  slopeVariance: number
  cuts: number
}

export function steered(inner: UpdateRule, options: SteeringOptions = {}): UpdateRule {
  const { klTarget = 0.01, dropThreshold = 3, dropInput = "filter", dropSkips = true, slopeGain = 0, slopeGoal = 0, gainDecay = 0.9, slopeOn = "target", least = 0.02, most = 5 } = options
  let s: State = { multiplier: 1, target: 1, filter: null, best: null, means: [], bestMeans: null, slope: 0, slopeVariance: 0, cuts: 0 }
  const next = (batch: IterationBatch): { state: State; dropped: boolean; dropZ: number; slopeZ: number } => {
    const n: State = { ...s, means: [...s.means] }
    const imp = batch.improvement
    const se = batch.rewardStandardError ?? 0.07
    let dropped = false
    let dropZ = 0
    let slopeZ = 0
    if (imp !== undefined && imp !== null) {
      // slope: exponentially weighted mean with its variance
      n.slope = gainDecay * s.slope + (1 - gainDecay) * imp.slope
      n.slopeVariance = gainDecay ** 2 * s.slopeVariance + (1 - gainDecay) ** 2 * imp.slopeStandardError ** 2
      const gainMean = n.slope
      slopeZ = gainMean / Math.sqrt(Math.max(n.slopeVariance, 1e-10))
      if (slopeGain > 0) {
        const change = Math.exp(slopeGain * Math.max(-1, Math.min(1, slopeZ - slopeGoal)))
        if (slopeOn === "target") n.target = Math.min(2, Math.max(0.02, n.target * change))
        else n.multiplier *= change
      }
      if (klTarget > 0) {
        const target = klTarget * n.target
        if (imp.kl > 2 * target) n.multiplier *= 0.8
        else if (imp.kl < target / 2 && (slopeOn === "target" || slopeGain === 0)) n.multiplier *= 1.1
      }
    }
    n.filter = filterStep(s.filter, {
      mu: batch.meanReward,
      muStandardError: se,
      ...(imp === undefined || imp === null ? {} : { improvement: imp.improvement, improvementStandardError: imp.standardError }),
    })
    n.means.push({ mu: batch.meanReward, se })
    if (n.means.length > 4) n.means.shift()
    if (dropInput === "filter") {
      if (n.best === null || n.filter.mean > n.best.mean) n.best = n.filter
      dropZ = (n.best.mean - n.filter.mean) / Math.sqrt(n.best.variance + n.filter.variance)
    } else if (n.means.length === 4) {
      const m = { mu: n.means.reduce((a, x) => a + x.mu, 0) / 4, se: Math.sqrt(n.means.reduce((a, x) => a + x.se ** 2, 0)) / 4 }
      if (n.bestMeans === null || m.mu > n.bestMeans.mu) n.bestMeans = m
      dropZ = (n.bestMeans.mu - m.mu) / Math.sqrt(n.bestMeans.se ** 2 + m.se ** 2)
    }
    if (dropThreshold > 0 && dropZ > dropThreshold) {
      dropped = true
      n.cuts += 1
      if (klTarget > 0) n.target = Math.max(0.02, n.target * 0.5)
      n.multiplier *= 0.5
      n.best = null
      n.bestMeans = null
      n.means = []
    }
    n.multiplier = Math.min(most, Math.max(least, n.multiplier))
    return { state: n, dropped, dropZ, slopeZ }
  }
  return {
    name: `${inner.name} + steering`,
    comparesWithPrevious: true,
    plan(batch): Plan {
      const plan = inner.plan(batch)
      const { state, dropped, dropZ, slopeZ } = next(batch)
      const updates: Update[] = dropped && dropSkips ? [] : plan.updates.map((u) => ({ ...u, learningRateScale: u.learningRateScale * state.multiplier }))
      const metrics: RuleMetrics = { stepMultiplier: state.multiplier, klTargetNow: klTarget * state.target, dropZ, slopeZ, filtered: state.filter?.mean ?? null, cuts: state.cuts }
      return { updates, metrics: { ...plan.metrics, ...metrics } }
    },
    commit(batch, outcome) {
      s = next(batch).state
      inner.commit(batch, outcome)
    },
    state: () => ({ steering: s, inner: inner.state() }),
    restore(state) {
      s = stateField("steering", state, "steering", isPresent) as State
      inner.restore(stateField("steering", state, "inner", isPresent))
    },
  }
}
