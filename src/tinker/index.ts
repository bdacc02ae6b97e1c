/**
 * `pirl/tinker`: a client of the Tinker training protocol, usable without the rest of pirl.
 *
 *     import { TinkerClient, TinkerSession } from "pirl/tinker"
 *
 *     const session = await TinkerSession.open(new TinkerClient({ url: "http://localhost:8000" }))
 *     const model = await session.createModel({ baseModel: "Qwen/Qwen3-0.6B", lora: { rank: 16, seed: 1 } })
 *     const passed = model.forwardBackward([{ tokens: [1, 2, 3], targets: [2, 3, 4], weights: [0, 1, 1] }], "cross_entropy")
 *     const stepped = model.optimStep({ learningRate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-12, weightDecay: 0, gradClipNorm: 0 })
 *     await Promise.all([passed, stepped])
 *     session.close()
 */
export { PROTOCOL_VERSION, TinkerClient } from "./client.ts"
export type { RequestOptions, SampleSource, TinkerClientOptions } from "./client.ts"
export { systemClock } from "./clock.ts"
export type { Clock } from "./clock.ts"
export { chunkDatums, encodeDatum, MOST_CHARACTERS, MOST_DATUMS } from "./encode.ts"
export { isLost, TinkerError } from "./errors.ts"
export type { TinkerErrorKind } from "./errors.ts"
export { waitForResult } from "./future.ts"
export type { FutureOptions } from "./future.ts"
export type { HttpFunction, HttpReply, HttpRequest } from "./http.ts"
export { TrainingModel } from "./model.ts"
export type { PassOptions } from "./model.ts"
export { Sampler } from "./sampler.ts"
export type { SamplerSource } from "./sampler.ts"
export { TinkerSession } from "./session.ts"
export type { SessionOptions } from "./session.ts"
export { Transport } from "./transport.ts"
export type { Call, RetryNote, TransportOptions } from "./transport.ts"
export { parseTinkerPath } from "./wire.ts"
export type {
  AdamParams,
  Checkpoint,
  Datum,
  ForwardBackwardOutput,
  LoraSettings,
  LossName,
  LossOutput,
  ModelInfo,
  OptimStepOutput,
  SampledSequence,
  SampleOutput,
  SamplingParams,
  SessionAnswer,
  TrainingRun,
  WeightsInfo,
} from "./wire.ts"
