/**
 * The public API. What is not exported here may change without notice.
 *
 *     import { trainRun } from "pirl"
 *
 *     const { summary } = await trainRun({
 *       config: { model: { preset: "nano" }, task: { name: "add2" }, warmStart: {}, rollout: { maxResponseTokens: 4 } },
 *       runDirectory: "runs/first",
 *     })
 *
 * From the whole to its parts: a run, its configuration, what one plugs into it (tasks, verifiers, objectives, update rules),
 * what it is made of (model, engine, rollouts, evaluation), and what it leaves behind (run folder).
 */

// A run in one call, and the loop under it.
export { trainRun } from "./trainer/train-run.ts"
export type { TrainRunOptions } from "./trainer/train-run.ts"
export { train } from "./trainer/train.ts"
export type { EvaluationProgress, TrainControl, TrainObserver, TrainResult, TrainRun } from "./trainer/train.ts"
export type { MemoryForecast } from "./trainer/memory-forecast.ts"
export { openPolicy } from "./trainer/open-policy.ts"
export type { BeforeTraining, OpenPolicy } from "./trainer/open-policy.ts"
export { generate } from "./trainer/generate.ts"
export type { Generated, GenerateOptions, GeneratedSample } from "./trainer/generate.ts"
export { openRunFolder } from "./trainer/open-run.ts"
export type { OpenRun } from "./trainer/open-run.ts"

// Configuration.
export { configJsonSchema, configToYaml, configWarnings, parseConfig, resolveConfigFile } from "./config/index.ts"
export type {
  CheckpointSettings,
  ConfigCheck,
  ConfigInput,
  CurriculumSettings,
  DynamicSamplingSettings,
  EngineSettings,
  EvaluationSettings,
  JsonSchemaNode,
  LoggingSettings,
  LoraSettings,
  ModelSettings,
  ObjectiveSettings,
  OptimizerSettings,
  OverlongSettings,
  ResolvedConfig,
  RolloutSettings,
  ServerSettings,
  TaskSettings,
  TrainSettings,
  WarmStartSettings,
} from "./config/index.ts"
export { configChecks } from "./trainer/config-checks.ts"

// Tasks: where problems come from.
export { createTask, describeTasks, taskNames } from "./data/registry.ts"
export { drawnTask, indexedTask } from "./data/procedural-task.ts"
export type { DrawnSpace, IndexedSpace, ProceduralSpace, ProceduralTask } from "./data/procedural-task.ts"
export { openTask } from "./data/open-task.ts"
export { createMixtureTask } from "./data/mixture.ts"
export type { MixtureOptions, MixtureSource } from "./data/mixture.ts"
export * as tasks from "./data/rows-task.ts"
export type { RowReward, RowsOptions } from "./data/rows-task.ts"
export { createDatasetTask } from "./data/dataset.ts"
export type { DatasetCounts, DatasetTask } from "./data/dataset.ts"
export type { DatasetOptions } from "./data/dataset-options.ts"
export type { PromptTemplate } from "./data/prompt-template.ts"
export type { ChatMessage, DataFile, Problem, Task } from "./data/task.ts"
export type { OptionDescription, TaskOptions } from "./data/task-options.ts"
export { deriveSeed, randomStream } from "./random.ts"
export type { RandomStream } from "./random.ts"

// Verifiers: whether a response is right. By name, or each by its own function; the pool gives verdicts with a deadline.
export { createVerifier, verifierNames } from "./verifiers/registry.ts"
export { sharedVerifierPool, VerifierPool } from "./verifiers/pool/verifier-pool.ts"
export type { VerifierPoolCounts, VerifierPoolOptions } from "./verifiers/pool/verifier-pool.ts"
export { mathVerifier, verifyMath } from "./verifiers/math/index.ts"
export type { MatchType, MathOptions, MathStatus, MathVerdict } from "./verifiers/math/index.ts"
export { gsm8kVerifier, mathDapoVerifier, minervaVerifier, primeMathVerifier } from "./verifiers/presets/index.ts"
export type { Gsm8kOptions, MathDapoOptions } from "./verifiers/presets/index.ts"
export { exactMatchVerifier } from "./verifiers/procedural/exact-match.ts"
export type { ExactMatchOptions } from "./verifiers/procedural/exact-match.ts"
export { numericAnswerVerifier } from "./verifiers/procedural/numeric-answer.ts"
export type { NumericAnswerOptions } from "./verifiers/procedural/numeric-answer.ts"
export { countdownGold, countdownVerifier } from "./verifiers/procedural/countdown.ts"
export type { CountdownGold, CountdownOptions } from "./verifiers/procedural/countdown.ts"
export { multipleChoiceVerifier } from "./verifiers/text/multiple-choice.ts"
export type { MultipleChoiceOptions } from "./verifiers/text/multiple-choice.ts"
export { questionAnsweringVerifier } from "./verifiers/text/question-answering.ts"
export type { QuestionAnsweringOptions } from "./verifiers/text/question-answering.ts"
export { regularExpressionVerifier } from "./verifiers/text/regular-expression.ts"
export type { RegularExpressionOptions } from "./verifiers/text/regular-expression.ts"
export { jsonSchemaVerifier } from "./verifiers/structure/json-schema.ts"
export type { JsonSchemaOptions } from "./verifiers/structure/json-schema.ts"
export { toolCallsVerifier } from "./verifiers/tools/tool-calls.ts"
export type { ToolCallsOptions } from "./verifiers/tools/tool-calls.ts"
export { instructionNames, instructionsVerifier } from "./verifiers/instructions/instructions.ts"
export type { InstructionsOptions } from "./verifiers/instructions/instructions.ts"
export { pythonCodeVerifier } from "./verifiers/code/python.ts"
export type { PythonCodeOptions } from "./verifiers/code/python.ts"
export { javaScriptCodeVerifier } from "./verifiers/code/javascript.ts"
export type { JavaScriptCodeOptions } from "./verifiers/code/javascript.ts"
export { formatVerifier } from "./verifiers/combine/format-reward.ts"
export type { FormatOptions } from "./verifiers/combine/format-reward.ts"
export { functionVerifier } from "./verifiers/combine/function.ts"
export type { FunctionResult, VerifierFunction } from "./verifiers/combine/function.ts"
export type { PatienceOptions } from "./verifiers/combine/patience.ts"
export { weightedSumVerifier } from "./verifiers/combine/weighted-sum.ts"
export type { WeightedPart } from "./verifiers/combine/weighted-sum.ts"
export { isFailure } from "./verifiers/verifier.ts"
export type {
  CompositeVerifier,
  RewardComponent,
  Verdict,
  VerdictStatus,
  Verifier,
  VerifierInput,
  VerifierPlace,
  VerifierSpec,
} from "./verifiers/verifier.ts"

// Objectives: the loss, its advantages, its aggregation. `graph` is what an objective of one's own is written with.
export * as graph from "./graph/index.ts"
export {
  advantageNames,
  aggregationModes,
  aggregationWeights,
  createAdvantage,
  createObjective,
  evaluateObjective,
  importanceWeights,
  klEstimate,
  objectiveNames,
  objectiveRecipe,
  severalRewards,
  withCritic,
} from "./objectives/index.ts"
export { crossEntropy } from "./objectives/supervised.ts"
export type {
  AdvantageEstimator,
  AdvantageName,
  AdvantageNeed,
  AdvantageOptions,
  AdvantageResult,
  AggregationMode,
  AggregationOptions,
  BatchObjective,
  BatchObjectiveInputs,
  CriticOptions,
  ImportanceCorrection,
  ImportanceOptions,
  KlEstimator,
  KlOptions,
  Objective,
  ObjectiveInputs,
  ObjectiveNeed,
  ObjectiveOptions,
  ObjectiveOutput,
  ObjectiveRecipe,
  ObjectiveResult,
  ObjectiveRun,
  ObjectiveTerm,
  Preparation,
  PreparationSequence,
  RewardAggregation,
  RewardedResponse,
  SeveralRewardsOptions,
} from "./objectives/index.ts"

// Update rules: which optimiser steps an iteration takes.
export { pairedImprovement, pipo, pipoDefaults, pipoPresets, plainRule, randomXi, replayRule, steered } from "./pipo/index.ts"
export type {
  BatchSequence,
  Deviation,
  GateKind,
  IterationBatch,
  PairedImprovement,
  PairedResponse,
  PipoBatch,
  PipoOptions,
  PipoPreset,
  PipoSettings,
  PlainRuleOptions,
  Plan,
  PlanOutcome,
  ReplayOptions,
  RuleMetrics,
  SteeringOptions,
  Update,
  UpdateRule,
  WindowConvention,
} from "./pipo/index.ts"

// Model: folders in Hugging Face layout, models from scratch, tokenizers.
export { loadModelFolder, saveModelFolder } from "./model/folder.ts"
export type { ModelFolder, ModelToSave } from "./model/folder.ts"
export { openModel } from "./model/open-model.ts"
export type { OpenModel } from "./model/open-model.ts"
export type { WeightsSource } from "./model/weights-source.ts"
// A model of the Hugging Face hub as a path on disk; the config of one with its commit, as runs keep it.
export { fetchHubModel } from "./hub/fetch-model.ts"
export type { HubModel, HubModelRequest } from "./hub/fetch-model.ts"
export { fetchConfiguredModel } from "./hub/configured-model.ts"
export type { HubObserver, HubOptions, HubProgress } from "./hub/fetch-files.ts"
export { modelPresets, presetConfig } from "./model/presets.ts"
export type { ModelPreset, PresetOptions } from "./model/presets.ts"
export { initialiseWeights } from "./model/initialise.ts"
export type { Architecture, ModelConfig, WeightType } from "./model/config.ts"
export type { GenerationDefaults } from "./model/generation-config.ts"
export type { ValueHeadConfig } from "./model/value-head.ts"
export type { LoraConfig } from "./model/lora.ts"
export type { RopeConfig, RopeScaling } from "./model/rope-config.ts"
export type { Weights } from "./model/weights.ts"
export { loadTokenizer } from "./model/tokenizer.ts"
export type { DecodeOptions, EncodeOptions, RenderChatOptions, Tokenizer } from "./model/tokenizer.ts"
export { createByteTokenizer, createCharacterTokenizer } from "./model/tokenizer-create.ts"
export { TextStream } from "./model/text-stream.ts"

// Engine: samples, scores, trains.
export { OnnxEngine } from "./engine/onnx/onnx-engine.ts"
export type { OnnxEngineOptions } from "./engine/onnx/onnx-engine.ts"
export { TinkerEngine } from "./engine/tinker/tinker-engine.ts"
export type { TinkerEngineOptions } from "./engine/tinker/tinker-engine.ts"
export { readCapabilities } from "./engine/tinker/server-capabilities.ts"
export type { ServerCapabilities } from "./engine/tinker/server-capabilities.ts"
export type {
  AdamOptions,
  Engine,
  EngineCapabilities,
  EngineTimes,
  ForwardOptions,
  LossReport,
  SampledToken,
  SampleProgress,
  SampleRequest,
  SamplingOptions,
  Sequence,
  SequenceScores,
  SnapshotId,
  StepReport,
  TokenListener,
  TokenSequence,
  TrainOptions,
  TrainSequence,
} from "./engine/engine.ts"

// Rollouts and evaluation.
export { collectRollouts } from "./rollout/rollout.ts"
export type { Rollout, RolloutBatch, RolloutContext } from "./rollout/rollout.ts"
export { decodeResponse, encodePrompt, encodeResponse } from "./rollout/prompt-encoder.ts"
export type { PromptFormat } from "./rollout/prompt-encoder.ts"
export { Conversation } from "./rollout/conversation.ts"
export type { Answer, AnswerOptions, ConversationOptions } from "./rollout/conversation.ts"
export { verifyResponse } from "./rollout/verify.ts"
export { evaluateHeldOut } from "./evaluation/held-out.ts"
export type { HeldOutContext, HeldOutOptions, HeldOutResult } from "./evaluation/held-out.ts"

// Benchmarks: published problems, whoever responds to them, and what is measured.
export { benchmarkByName, benchmarks } from "./evaluation/benchmarks.ts"
export type { Benchmark } from "./evaluation/benchmarks.ts"
export { readBenchmark } from "./evaluation/benchmark-problems.ts"
export type { BenchmarkProblem, BenchmarkSet } from "./evaluation/benchmark-problems.ts"
export { claimFolder } from "./evaluation/response-log.ts"
export type { ResponseLine } from "./evaluation/response-log.ts"
export { evaluateBenchmark } from "./evaluation/evaluate-benchmark.ts"
export type { BenchmarkOutcome, BenchmarkProgress, BenchmarkRunOptions } from "./evaluation/evaluate-benchmark.ts"
export type { BenchmarkReport, ReportGroup } from "./evaluation/benchmark-report.ts"
export { engineResponder } from "./evaluation/engine-responder.ts"
export type { EngineResponderOptions } from "./evaluation/engine-responder.ts"
export { endpointResponder } from "./evaluation/endpoint-responder.ts"
export type { EndpointResponderOptions } from "./evaluation/endpoint-responder.ts"
export { Endpoint } from "./evaluation/endpoint.ts"
export type { EndpointKind, EndpointOptions } from "./evaluation/endpoint.ts"
export type { ModelResponse, Responder, ResponseReceiver, ResponseRequest } from "./evaluation/responder.ts"
export { bootstrapMean, majorityAtK, passAtK } from "./evaluation/statistics.ts"
export type { Estimate, Vote } from "./evaluation/statistics.ts"

// Run folders.
export { listRunFolders, nameRuns, readCompletions, readRun, RunDatabase, summarizeRun } from "./runs/index.ts"
export type {
  AccuracySummary,
  CheckpointInfo,
  CompletionLine,
  EvaluationLine,
  MetricsLine,
  NamedRun,
  QueryResult,
  QueryValue,
  ResumePoint,
  RunEvent,
  RunEventKind,
  RunFolder,
  RunMirror,
  RunRecord,
  RunState,
  RunSummary,
  RunTableName,
  SavedAccuracy,
  SavedMeasure,
  SignalSummary,
  StepTime,
  TimeRecord,
  Verdict as ImprovementVerdict,
} from "./runs/index.ts"

// Analysis: whether updates helped, in a run of ours or in anybody's log.
export { analyzeLog, readLog, runSignal, signalAgreement } from "./analysis/index.ts"
export type {
  Agreement,
  AgreementCounts,
  AnalyzedLog,
  AnalyzeOptions,
  ColumnChoice,
  ColumnRole,
  EvaluationInterval,
  EvaluationPoint,
  EvaluationSummary,
  Interval,
  IntervalAgreement,
  JudgedUpdate,
  LogAnalysis,
  LoggedVerdict,
  LogFormat,
  LogTable,
  NamedColumns,
  OutcomeKind,
  RunDetails,
  RunOutcome,
  SideColumn,
  SignalAgreement,
  SignalAgreementOptions,
  SignalPoint,
  SignalSize,
  SizedSignal,
  SkippedRows,
  StepLine,
  StepVerdict,
  Stretch,
  TraceOptions,
  VerdictCounts,
  WindowMean,
} from "./analysis/index.ts"

// Exports: a trained model for other programs.
export { exportModel } from "./exports/model-export.ts"
export type { ExportSource, ExportWeightType, ModelExport, ModelExportOptions } from "./exports/model-export.ts"
export type { ModelFormat } from "./exports/model-card.ts"

// Errors: every one that a user's mistake can cause.
export {
  CheckpointError,
  ConfigError,
  DataError,
  EngineError,
  NumericsError,
  PirlError,
  ShapeError,
  VerifierError,
} from "./errors.ts"
export type { ConfigIssue } from "./errors.ts"
