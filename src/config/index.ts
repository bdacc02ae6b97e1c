/**
 * The configuration: reading, checking, defaults.
 */
export type { ConfigInput } from "./config-input.ts"
export { configChanges, resumeIssues } from "./config-changes.ts"
export { configWarnings, referenceCodeObjectives } from "./cross-checks.ts"
export { defaultImportanceMaximum } from "./defaults.ts"
export { isCommit, isHubName } from "./hub-name.ts"
export { configJsonSchema, settingPaths } from "./json-schema.ts"
export type { JsonSchemaNode } from "./json-schema.ts"
export { configToYaml, loadConfigFile, resolveConfigFile, resolveSavedConfig } from "./load.ts"
export type { LoadedConfig } from "./load.ts"
export type { ModelSettings } from "./model-settings.ts"
export { nearestName, suggestion } from "./nearest-name.ts"
export type { ObjectiveSettings } from "./objective-settings.ts"
export type { LoraSettings, OptimizerSettings } from "./optimizer-settings.ts"
export { applyOverrides } from "./overrides.ts"
export { parseConfig } from "./parse.ts"
export type { ConfigCheck } from "./parse.ts"
export { pipoPresets } from "./pipo-settings.ts"
export type { PipoPreset, PipoPresetSettings, PipoSettings } from "./pipo-settings.ts"
export type {
  CurriculumSettings,
  DynamicSamplingSettings,
  OverlongSettings,
  RolloutSettings,
} from "./rollout-settings.ts"
export type {
  CheckpointSettings,
  EngineSettings,
  EvaluationSettings,
  LoggingSettings,
  TrainSettings,
} from "./run-settings.ts"
export { withFormerSettings, withSettingsOf } from "./saved-config.ts"
export type { ServerSettings } from "./server-settings.ts"
export type { ResolvedConfig } from "./schema.ts"
export type { TaskSettings } from "./task-settings.ts"
export { commentedTemplate } from "./template.ts"
export type { WarmStartSettings } from "./warm-start-settings.ts"
