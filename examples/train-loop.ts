/**
 * PIPO over GRPO, written out: the whole algorithm from top to bottom, with nothing but pirl's public API.
 *
 *     npx tsx examples/train-loop.ts
 *
 * A small language model, made from scratch, learns to add two-digit numbers ("3748=" is answered by "085"). First it imitates
 * solutions until it is right now and then; from there on it learns from rewards alone. `pirl train` does the same with
 * checkpoints, logs and every option; this file is for reading.
 *
 * Shape legend: P prompts of a batch, G responses per prompt (a group), T tokens of one response.
 */
import { fileURLToPath } from "node:url"
import {
  OnnxEngine,
  aggregationWeights,
  createCharacterTokenizer,
  createObjective,
  createTask,
  crossEntropy,
  decodeResponse,
  encodePrompt,
  encodeResponse,
  evaluateHeldOut,
  presetConfig,
  type AdamOptions,
  type Engine,
  type Objective,
  type Task,
  type Tokenizer,
  type TrainSequence,
} from "pirl"

export interface TrainLoopOptions {
  /** Iterations of reinforcement learning. */
  readonly steps: number
  /** P. */
  readonly prompts: number
  /** G. */
  readonly groupSize: number
  readonly seed: number
  /** The warm start ends at this held-out accuracy ... */
  readonly warmStartAccuracy: number
  /** ... or after so many optimiser steps. */
  readonly warmStartSteps: number
  readonly log: (line: string) => void
}

export interface TrainLoopResult {
  /** Expected held-out accuracy after the warm start and at the end: mean probability of the right answer. */
  readonly start: number
  readonly final: number
  /** Share of held-out problems whose most likely answer is right, at the end. */
  readonly greedy: number
  /** Improvement signal of each iteration that judged the one before it. */
  readonly signals: readonly number[]
}

/** Task, model and engine: what every phase below works with. */
interface Policy {
  readonly task: Task
  readonly tokenizer: Tokenizer
  readonly engine: Engine
  readonly maxTokens: number
}

// ---------------------------------------------------------------------------------------------------------------------
// The policy
// ---------------------------------------------------------------------------------------------------------------------

/** A task tells the characters it needs; they make the tokenizer, which tells the model its vocabulary. */
async function openPolicy(seed: number): Promise<Policy> {
  const task = createTask("add2", { heldOutSize: 500 })
  const tokenizer = createCharacterTokenizer(task.alphabet)
  const maxTokens = task.maxResponseCharacters + 1 // The digits, and the token that ends the response.
  const config = presetConfig("nano", {
    vocabularySize: tokenizer.vocabularySize,
    contextLength: task.maxPromptCharacters + maxTokens,
    eosTokens: tokenizer.eosTokens,
  })
  const engine = await OnnxEngine.create({ config, tokenizer, weights: { kind: "fresh", seed } })
  return { task, tokenizer, engine, maxTokens }
}

async function heldOutAccuracy(policy: Policy, greedy = false): Promise<{ expected: number; greedy: number }> {
  const limits = { stopStrings: [], maxResponseTokens: policy.maxTokens, verifierTimeoutMs: 1000 }
  const context = { ...policy, ...limits, eosTokens: policy.tokenizer.eosTokens }
  const { expectedAccuracy = 0, greedyAccuracy = 0 } = await evaluateHeldOut(context, { greedy, expected: true })
  return { expected: expectedAccuracy, greedy: greedyAccuracy }
}

// ---------------------------------------------------------------------------------------------------------------------
// Warm start: supervised learning on solutions
// ---------------------------------------------------------------------------------------------------------------------

const adam: AdamOptions = { learningRate: 4e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 }

async function warmStart(policy: Policy, { seed, warmStartAccuracy, warmStartSteps, log }: TrainLoopOptions): Promise<void> {
  const { task, tokenizer, engine } = policy
  const batchSize = 256
  for (let step = 1; step <= warmStartSteps; step++) {
    const batch = Array.from({ length: batchSize }, (_, i) => {
      // Another stream of problems than the one that reinforcement learning reads below.
      const problem = task.trainProblem(seed + 1, (step - 1) * batchSize + i)
      const promptTokens = encodePrompt(problem, tokenizer)
      const responseTokens = encodeResponse(problem.solution!, tokenizer, tokenizer.eosTokens)
      const zeros = new Float32Array(responseTokens.length) // The cross entropy reads neither of the two.
      return { promptTokens, responseTokens, behaviourLogprobs: zeros, advantages: zeros, mask: zeros.map(() => 1) }
    })
    const { loss } = await engine.forwardBackward(withWeights(batch), crossEntropy)
    await engine.optimStep({ ...adam, learningRate: 2e-3 * Math.min(1, step / 100) })
    if (step % 10 !== 0) continue
    const { expected } = await heldOutAccuracy(policy)
    if (step % 50 === 0) log(`warm start, step ${step}: loss ${loss.toFixed(3)}, held-out ${expected.toFixed(3)} expected`)
    if (expected >= warmStartAccuracy) break
  }
  await engine.resetOptimizer()
}

/** The loss of a batch is the sum of weight x token loss; these weights make it scale x the mean over all its tokens. */
function withWeights(batch: readonly Omit<TrainSequence, "weights">[], scale = 1): TrainSequence[] {
  const weights = aggregationWeights("token-mean", batch.map(({ mask }) => mask))
  return batch.map((sequence, i) => ({ ...sequence, weights: weights[i]!.map((w) => w * scale) }))
}

// ---------------------------------------------------------------------------------------------------------------------
// A batch: sampled, verified, turned into advantages
// ---------------------------------------------------------------------------------------------------------------------

/** A group: the responses to one prompt, with all that an update needs to know of them. */
type Group = readonly Omit<TrainSequence, "weights">[]
interface Batch {
  readonly groups: Group[]
  /** mu_t: mean reward of all responses. */
  readonly meanReward: number
}

async function sampleBatch(policy: Policy, step: number, { prompts, groupSize, seed }: TrainLoopOptions): Promise<Batch> {
  const { task, tokenizer, engine, maxTokens } = policy
  const problems = Array.from({ length: prompts }, (_, p) => task.trainProblem(seed, (step - 1) * prompts + p))
  const sampled = await engine.sample(
    problems.map((problem, p) => ({
      promptTokens: encodePrompt(problem, tokenizer),
      // One seed per response: the same seed gives the same tokens, whatever else is in the batch.
      seeds: Array.from({ length: groupSize }, (_, i) => ((seed * 1_000_000 + step) * prompts + p) * groupSize + i),
      options: { temperature: 1, maxTokens, stopTokens: tokenizer.eosTokens },
    })),
  )
  const rewards = await Promise.all(
    problems.map((problem, p) => {
      const verifier = task.verifierFor(problem)
      const texts = sampled[p]!.map(({ tokens }) => decodeResponse(tokens, tokenizer))
      return Promise.all(texts.map(async (completion) => (await verifier.verify({ gold: problem.gold, completion })).reward))
    }),
  )
  const groups = problems.map((problem, p): Group => {
    const advantages = groupAdvantages(rewards[p]!)
    return sampled[p]!.map(({ tokens, policyLogprobs }, i) => ({
      promptTokens: encodePrompt(problem, tokenizer),
      responseTokens: tokens,
      behaviourLogprobs: policyLogprobs,
      advantages: new Float32Array(tokens.length).fill(advantages[i]!),
      mask: new Float32Array(tokens.length).fill(1),
    }))
  })
  return { groups, meanReward: mean(rewards.flat()) }
}

function mean(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0) / values.length
}

/** Standard deviation with n - 1 in the denominator. */
function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(values.reduce((total, x) => total + (x - centre) ** 2, 0) / (values.length - 1))
}

/**
 * GRPO: a response is as good as its reward is above that of its group, in standard deviations (arXiv:2402.03300, section 4.1). A
 * group of equal rewards says nothing.
 */
export function groupAdvantages(rewards: readonly number[]): number[] {
  const sigma = deviation(rewards)
  return rewards.map((r) => (sigma < 1e-6 ? 0 : (r - mean(rewards)) / (sigma + 1e-6)))
}

// ---------------------------------------------------------------------------------------------------------------------
// PIPO: look back at the previous update (arXiv:2604.00860)
// ---------------------------------------------------------------------------------------------------------------------

/** K: the newest batch mean is judged against so many before it. */
const WINDOW = 8
/** Weight of suppressing an update that made things worse, against reinforcing one that helped. */
const LAMBDA = 0.1

/**
 * The improvement signal: how far the newest mean reward lies above its window, in the window's standard deviations.
 *   xi_t = (mu_t - mean(H_t)) / std(H_t),  H_t = (mu_{t-K}, ..., mu_{t-1})
 * With no spread in the window the difference stands for itself, and the difference is limited to +-5.
 */
export function improvementSignal(meanReward: number, window: readonly number[]): number {
  const progress = Math.min(5, Math.max(-5, meanReward - mean(window)))
  const sigma = deviation(window)
  return sigma < 1e-8 ? progress : progress / sigma
}

/**
 * Who is credited with the previous update: its advantages, scaled so that |Abar| averages to 1 in each group.
 *   Abar_i = G A_i / (sum over the group of |A_j| + 1e-6)
 */
export function attribution(advantages: readonly number[]): number[] {
  const total = advantages.reduce((sum, a) => sum + Math.abs(a), 0)
  return advantages.map((a) => (advantages.length * a) / (total + 1e-6))
}

/** The cached batch with C_i = clamp(xi Abar_i, +-10) in place of its advantages. */
function verificationBatch(cached: readonly Group[], xi: number): Group[] {
  return cached.map((group) => {
    const credits = attribution(group.map(({ advantages }) => advantages[0]!))
    return group.map((sequence, i) => {
      const coefficient = Math.min(10, Math.max(-10, xi * credits[i]!))
      return { ...sequence, advantages: sequence.advantages.map(() => coefficient) }
    })
  })
}

// ---------------------------------------------------------------------------------------------------------------------
// The loop
// ---------------------------------------------------------------------------------------------------------------------

/** One optimiser step on loss x scale. False when loss or gradients were not finite: nothing has changed then. */
async function update(engine: Engine, groups: Group[], objective: Objective, learningRate: number, scale = 1): Promise<boolean> {
  const { loss } = await engine.forwardBackward(withWeights(groups.flat(), scale), objective)
  if (!Number.isFinite(loss)) {
    await engine.clearGradients()
    return false
  }
  return (await engine.optimStep({ ...adam, learningRate })).applied
}

export async function trainLoop(options: TrainLoopOptions): Promise<TrainLoopResult> {
  const { steps, seed, log } = options
  const policy = await openPolicy(seed)
  try {
    await warmStart(policy, options)
    const { expected: start } = await heldOutAccuracy(policy)
    log(`after the warm start: held-out accuracy ${start.toFixed(3)} expected`)

    // The clipped surrogate of GRPO. The verification update takes the same loss without the bound for bad responses (dual clip).
    const exploration = createObjective("grpo")
    const verification = createObjective("grpo", { dualClip: null })
    const signals: number[] = []
    let window: readonly number[] = []
    let cached: Group[] | undefined
    // Adam's first steps are its longest and least informed: the rate rises, and the window opens with the first whole step.
    const warmup = Math.min(10, Math.floor(steps / 4))

    for (let step = 1; step <= steps; step++) {
      const learningRate = adam.learningRate * Math.min(1, step / warmup) * (1 - (0.9 * (step - 1)) / steps)

      // 1. Sample a batch from the policy as it is, and verify it.
      const batch = await sampleBatch(policy, step, options)

      // 2. Was the previous update worth it? Its batch is reinforced if the mean reward rose, and suppressed, gently, if it fell.
      let verdict = "undecided"
      if (cached !== undefined && window.length === WINDOW) {
        const xi = improvementSignal(batch.meanReward, window)
        signals.push(xi)
        // A step without a signal would still move the weights by momentum.
        const speaks = xi !== 0 && cached.flat().some(({ advantages }) => advantages[0] !== 0)
        const scale = xi > 0 ? 1 : LAMBDA
        if (speaks) await update(policy.engine, verificationBatch(cached, xi), verification, learningRate, scale)
        verdict = `xi ${xi.toFixed(2)}, ${xi > 0 ? "improved" : "regressed"}`
      }

      // 3. The ordinary update on the fresh batch. The ratios of the surrogate are against the log-probs recorded in 1.
      const applied = await update(policy.engine, batch.groups, exploration, learningRate)

      // 4. Remember: the mean for the window, the batch to be judged next time (unless its update was refused).
      if (step >= warmup) window = [...window, batch.meanReward].slice(-WINDOW)
      cached = applied ? batch.groups : undefined

      if (step % 10 === 0 || step === steps) {
        const { expected } = await heldOutAccuracy(policy)
        log(`step ${step}: reward ${batch.meanReward.toFixed(3)}, held-out ${expected.toFixed(3)} expected, ${verdict}`)
      }
    }

    const { expected: final, greedy } = await heldOutAccuracy(policy, true)
    log(`at the end: held-out accuracy ${greedy.toFixed(3)} greedy, ${final.toFixed(3)} expected`)
    return { start, final, greedy, signals }
  } finally {
    await policy.engine.close()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const warmStart = { warmStartAccuracy: 0.35, warmStartSteps: 1000 }
  await trainLoop({ steps: 60, prompts: 64, groupSize: 8, seed: 1, ...warmStart, log: console.log })
}
