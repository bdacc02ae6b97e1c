/** Kinds `pipo_window` and `pipo_coef`. */
import {
  clipGate,
  coefficients,
  groupAttribution,
  improvementSignal,
  judgingWindow,
  openGate,
  pushMean,
  skipReason,
  type ImprovementSignal,
  type SignalOptions,
  type WindowConvention,
} from "../../../src/pipo/index.ts"
import type { Comparison } from "./comparison.ts"
import { batchOf, groupNumbers, sourceFunction, type Batches, type GoldenEntry } from "./entry.ts"
import { Fields, GoldenError, type Json } from "./fields.ts"

interface WindowSettings {
  readonly size: number
  readonly coefficients: SignalOptions
  readonly decision: SignalOptions
  readonly logged: SignalOptions
  readonly minSteps: number
  readonly threshold: number
  readonly lambda: number
  readonly gate: readonly [number, number]
}

/** A limit on magnitude, given as a symmetric interval. */
function symmetric(config: Fields, key: string): number {
  const [low, high] = config.pair(key)
  if (low !== -high) throw new GoldenError(`${key} [${low}, ${high}]: only symmetric intervals are covered`)
  return high
}

function steps(outputs: Fields, key: string): Fields[] {
  const list = outputs.json(key)
  if (!Array.isArray(list)) throw new GoldenError(`${key}: expected one object per step`)
  return list.map((step: Json, i) => new Fields(`${key}[${i}]`, step))
}

export function compareWindow(entry: GoldenEntry, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const size = config.number("K")
  const clip = symmetric(config, "progress_clip")
  const guard = config.number("epsilon_decision")
  const settings: WindowSettings = {
    size,
    coefficients: { windowSize: size, sigma: "population", guard: config.number("epsilon"), clip },
    decision: { windowSize: size, sigma: "population", guard, clip: Infinity },
    logged: { windowSize: size, sigma: "population", guard, clip },
    minSteps: config.number("min_steps_before_layback"),
    threshold: config.number("layback_threshold"),
    lambda: config.number("loss_scale_neg"),
    gate: config.pair("ppo_gate"),
  }
  const means = inputs.row("batch_means")
  const recorded = {
    paper: steps(outputs, "paper_window"),
    code: steps(outputs, "code_window"),
    gate: steps(outputs, "code_ppo_gate"),
  }
  const stored: Record<WindowConvention, number[]> = { paper: [], "reference-code": [] }
  means.forEach((mean, t) => {
    const paper = judgingWindow(stored.paper, mean, size, "paper")
    comparePaperStep(recorded.paper[t]!, mean, paper, settings, comparison)
    const code = judgingWindow(stored["reference-code"], mean, size, "reference-code")
    compareCodeStep(recorded.code[t]!, mean, code, t, settings, comparison)
    const before = judgingWindow(stored["reference-code"], mean, size, "reference-code", true)
    compareGateStep(recorded.gate[t]!, mean, before, settings, comparison)
    stored.paper = pushMean(stored.paper, mean, size, "paper")
    stored["reference-code"] = pushMean(stored["reference-code"], mean, size, "reference-code")
  })
  comparison.claim(
    "one recorded step per mean",
    Object.values(recorded).every((list) => list.length === means.length),
  )
}

function comparePaperStep(
  step: Fields,
  mean: number,
  window: readonly number[],
  settings: WindowSettings,
  comparison: Comparison,
): void {
  const signal = improvementSignal(mean, window, settings.coefficients)
  comparison.row("paper window", window, step.row("window"))
  comparison.scalar("paper mu_his", signal.muHis, step.number("mu_his"))
  comparison.scalar("paper sigma_his", signal.sigmaHis, step.number("sigma_his"))
  compareSmall(comparison, "progress", signal, "progress", step)
  compareSmall(comparison, "xi", signal, "xi", step)
  const plain = (sigma: "sample" | "population"): number =>
    improvementSignal(mean, window, { windowSize: Infinity, sigma, guard: 0 }).sigmaHis
  const [muPlain, population, sample] = ["mu_his_plain", "sigma_pop_plain", "sigma_sample_plain"].map((key) =>
    step.optionalNumber(key),
  )
  if (muPlain !== undefined) comparison.scalar("plain mean", signal.muHis, muPlain)
  // A single mean has deviation 0, which the signal reports as its neutral 1.
  if (population !== undefined && window.length > 1)
    comparison.scalar("plain population deviation", plain("population"), population)
  if (sample !== undefined) comparison.scalar("plain sample deviation", plain("sample"), sample)
  step.close()
}

/** Differences of nearly equal means carry the rounding error of the means, whatever their own size. */
function compareSmall(
  comparison: Comparison,
  key: string,
  signal: ImprovementSignal,
  field: "progress" | "xi",
  step: Fields,
): void {
  const [got, expected] = [signal[field], step.number(key)]
  const rounding = (4 * Number.EPSILON * Math.max(1, Math.abs(signal.mu))) / (field === "xi" ? signal.sigmaHis : 1)
  if (Math.abs(got - expected) > rounding) comparison.scalar(key, got, expected)
}

function compareCodeStep(
  step: Fields,
  mean: number,
  window: readonly number[],
  t: number,
  settings: WindowSettings,
  comparison: Comparison,
): void {
  const signal = improvementSignal(mean, window, settings.coefficients)
  comparison.row("code window", window, step.row("window"))
  comparison.scalar("code mu_his", signal.muHis, step.number("mu_his"))
  comparison.scalar("code sigma_his", signal.sigmaHis, step.number("sigma_his"))
  compareSmall(comparison, "progress", signal, "progress", step)
  compareSmall(comparison, "xi", signal, "xi", step)
  const decisive = improvementSignal(mean, window, settings.decision)
  const logged = improvementSignal(mean, window, settings.logged)
  compareSmall(comparison, "logged_xi", logged, "xi", step)

  const skip = skipReason(decisive.xi, {
    cached: t > 0,
    seen: window.length,
    minSteps: settings.minSteps,
    windowSize: Infinity,
    threshold: settings.threshold,
    zeroPasses: true,
    step: t,
    everyN: 1,
  })
  const opened = openGate(decisive, { gate: "leaky", lambda: settings.lambda, scales: "gradient", stepCap: 2 })
  const decision = step.object("decision")
  const performs = skip === null && typeof opened !== "string"
  comparison.claim("decision.perform", performs === decision.boolean("perform"))
  comparison.scalar("decision.loss_scale", performs ? opened.lossScale : 0, decision.number("loss_scale"))
  comparison.claim(
    "decision.negative_progress",
    (skip === null && decisive.progress < 0) === decision.boolean("negative_progress"),
  )
  decision.close()
  step.close()
}

function compareGateStep(
  step: Fields,
  mean: number,
  window: readonly number[],
  settings: WindowSettings,
  comparison: Comparison,
): void {
  const signal = improvementSignal(mean, window, settings.coefficients)
  comparison.row("gate window", window, step.row("window"))
  comparison.scalar("gate mu_his", signal.muHis, step.number("mu_his"))
  comparison.scalar("gate sigma_his", signal.sigmaHis, step.number("sigma_his"))
  compareSmall(comparison, "xi", signal, "xi", step)
  compareSmall(comparison, "phi", { ...signal, xi: clipGate(signal.xi, ...settings.gate) }, "xi", step)
  step.close()
}

interface CoefficientInputs {
  readonly mask: number[][]
  readonly advantages: number[][]
  readonly groups: number[]
}

function coefficientInputs(entry: GoldenEntry, batches: Batches): CoefficientInputs {
  const { inputs } = entry
  if (inputs.has("batch")) return batchOf(entry, batches)
  return { mask: inputs.rows("mask"), advantages: inputs.rows("advantages"), groups: groupNumbers(inputs.json("uid")) }
}

function signalOptions(config: Fields): SignalOptions {
  const normalise = config.has("enable_variance_normalization") ? config.boolean("enable_variance_normalization") : true
  const windowSize = config.optionalNumber("history_window_size") ?? 8
  const clip = config.has("progress_clip") ? symmetric(config, "progress_clip") : 5
  return { windowSize, sigma: "population", guard: config.number("epsilon"), clip, normalise }
}

export function compareCoefficients(entry: GoldenEntry, batches: Batches, comparison: Comparison): void {
  const { config, inputs, outputs } = entry
  const { mask, advantages, groups } = coefficientInputs(entry, batches)
  const signal = improvementSignal(inputs.number("current_mu"), inputs.row("window"), signalOptions(config))
  const recorded = sourceFunction(entry)
  if (recorded === "compute_ppo_layback_coefficients") {
    compareClipGate(config.pair("ppo_gate"), mask, advantages, signal, outputs, comparison)
    return
  }
  if (recorded !== "compute_layback_coefficients") throw new GoldenError(`${recorded}: not yet covered`)
  const attribution = groupAttribution(advantages, mask, groups, {
    epsilon: config.number("epsilon"),
    unequalGroups: "refuse",
  })
  comparison.rows(
    "coefficients",
    coefficients(attribution, mask, signal.xi, symmetric(config, "coef_clamp")),
    outputs.rows("coefficients"),
  )
  const metrics = outputs.object("metrics")
  const n = attribution.length
  const mean = attribution.reduce((sum, a) => sum + a, 0) / n
  comparison.scalar("mu_t", signal.mu, metrics.number("mu_t"))
  comparison.scalar("mu_his", signal.muHis, metrics.number("mu_his"))
  comparison.scalar("sigma_his", signal.sigmaHis, metrics.number("sigma_his"))
  comparison.scalar("progress_scale", signal.progress, metrics.number("progress_scale"))
  comparison.scalar("xi_t", signal.xi, metrics.number("xi_t"))
  comparison.scalar("A_prog_mean", mean, metrics.number("A_prog_mean"))
  comparison.scalar(
    "A_prog_abs_mean",
    attribution.reduce((sum, a) => sum + Math.abs(a), 0) / n,
    metrics.number("A_prog_abs_mean"),
  )
  const deviation = Math.sqrt(attribution.reduce((sum, a) => sum + (a - mean) ** 2, 0) / (n - 1))
  comparison.scalar("A_prog_std", deviation, metrics.number("A_prog_std"))
  metrics.close()
}

function compareClipGate(
  gate: readonly [number, number],
  mask: readonly (readonly number[])[],
  advantages: readonly (readonly number[])[],
  signal: ImprovementSignal,
  outputs: Fields,
  comparison: Comparison,
): void {
  const phi = clipGate(signal.xi, ...gate)
  const scaled = advantages.map((row, i) => row.map((a, t) => a * phi * mask[i]![t]!))
  comparison.rows("scaled_advantages", scaled, outputs.rows("scaled_advantages"))
  const metrics = outputs.object("metrics")
  const absoluteMean = (rows: readonly (readonly number[])[]): number =>
    rows.flat().reduce((sum, a) => sum + Math.abs(a), 0) / rows.flat().length
  const expected = {
    mu_t: signal.mu,
    rho_t_minus_1: signal.muHis,
    sigma_t_minus_1: signal.sigmaHis,
    xi_t: signal.xi,
    phi,
    gate_min: gate[0],
    gate_max: gate[1],
    adv_abs_mean_before: absoluteMean(advantages),
    adv_abs_mean_after: absoluteMean(scaled),
  }
  for (const [name, value] of Object.entries(expected)) comparison.scalar(name, value, metrics.number(name))
  metrics.close()
}
