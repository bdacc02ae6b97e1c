/**
 * Every default of the configuration, in the shape of the configuration. The schemas, the error messages and the
 * test of the commented template read them from here.
 *
 * Not here, because it depends on other settings: the numbers of a PIPO preset (`pipo-settings.ts`), the learning
 * rate and its warm-up, and what an objective sets itself when nothing is said (clip bounds, advantage, aggregation).
 */
export const defaults = {
  seed: 1,
  model: { tokenizer: "character", dtype: "f32" },
  warmStart: {
    targetAccuracy: 0.35,
    learningRate: 2e-3,
    warmupSteps: 100,
    batchSize: 256,
    maxSteps: 2000,
    evalEvery: 5,
    weightDecay: 0,
  },
  rollout: {
    promptsPerStep: 64,
    groupSize: 8,
    maxResponseTokens: 256,
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    stopStrings: [] as string[],
    precision: "f32",
    chatTemplate: "auto",
    templateVariables: {} as Record<string, unknown>,
    rewardNoise: 0,
    dynamicSampling: { enabled: false, maxRounds: 4 },
    overlong: { bufferTokens: 0, penalty: 1 },
    maskTruncated: false,
    curriculum: {
      enabled: false,
      uniformShare: 0.25,
      candidates: 4,
      exploration: 0.1,
      prior: 0.5,
      rate: 0.3,
      capacity: 100_000,
    },
  },
  objective: { name: "grpo", klCoefficient: 0, klEstimator: "k3", klIn: "loss", referenceEvery: 0, entropyCoefficient: 0 },
  pipo: {
    enabled: true,
    preset: "paper",
    signal: "observed",
    threshold: 0,
    everyN: 1,
    stepCap: 2,
    keepTerms: [] as ("kl" | "entropy" | "dualClip")[],
  },
  steering: { klTarget: 0.01, slopeGain: 0.1, slopeAt: 1, dropThreshold: 3, returns: false },
  optimizer: {
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0,
    gradientClip: 1,
    schedule: "constant",
    minLearningRateRatio: 0.1,
    epochs: 1,
    miniBatches: 1,
  },
  lora: {
    rank: 16,
    alpha: 32,
    targets: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as string[],
  },
  train: { steps: 200, gradientCheckpointing: false, overlap: false, skipWithoutAdvantage: "auto" },
  evaluation: { every: 10, size: "all", greedy: true, expected: true, stepSize: 200, keepBest: false },
  checkpoint: { every: 10, keep: 2 },
  engine: { kind: "onnx", threads: "auto", sampleBatch: 128, tokenBudget: "auto", headChunk: 4096 },
  logging: { completionsPerStep: 8, tokenLogprobs: true, tensorboard: false },
} as const

/** Largest importance weight when nothing is said, as in the papers and in TRL; a correction is off unless it is named. */
export const defaultImportanceMaximum = 2

/** Learning rate of reinforcement learning when none is set: small for a trained model, larger from scratch. */
export const defaultLearningRate: { readonly folder: number; readonly preset: number } = { folder: 1e-6, preset: 2e-4 }

/** Longest warm-up when none is set, and the largest share of a run that it takes. */
export const defaultWarmup: { readonly steps: number; readonly share: number } = { steps: 10, share: 0.25 }
