/** Update rules: plain, epochs, replay, random xi, and PIPO, which wraps any of them. */
export { coefficients, groupAttribution, policyImprovementReward } from "./attribution.ts"
export type { AttributionOptions, GateScales } from "./attribution.ts"
export { attributionOf } from "./cached-batch.ts"
export { clipGate, leaky, openGate, skipReason } from "./gate.ts"
export type { GateKind, SkipReason } from "./gate.ts"
export { pipoPresets } from "../config/pipo-settings.ts"
export type { PipoPreset } from "../config/pipo-settings.ts"
export { pipoDefaults, pipoIssues } from "./options.ts"
export type { PipoOptions, PipoSettings } from "./options.ts"
export { pairedImprovement } from "./paired-improvement.ts"
export type { PairedImprovement, PairedResponse } from "./paired-improvement.ts"
export { steered } from "./steering.ts"
export type { SteeringOptions } from "./step-controller.ts"
export { pipo, randomXi } from "./pipo.ts"
export type { PipoBatch } from "./pipo.ts"
export { plainRule } from "./plain-rule.ts"
export type { PlainRuleOptions } from "./plain-rule.ts"
export { replayRule } from "./replay-rule.ts"
export type { ReplayOptions } from "./replay-rule.ts"
export { improvementSignal } from "./signal.ts"
export type { Deviation, ImprovementSignal, SignalOptions } from "./signal.ts"
export type {
  BatchSequence,
  IterationBatch,
  Plan,
  PlanOutcome,
  RuleMetrics,
  Update,
  UpdateRule,
} from "./update-rule.ts"
export { verificationObjective } from "./verification-objective.ts"
export { judgingWindow, pushMean } from "./window.ts"
export type { WindowConvention } from "./window.ts"
