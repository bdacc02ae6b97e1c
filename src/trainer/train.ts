/**
 * The training loop: sample, verify, plan, update, measure, save. Which updates an iteration takes is the update rule's
 * business; the loop executes its plan and knows nothing of PIPO.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ResolvedConfig } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import type { AdamOptions, Engine, SnapshotId } from "../engine/engine.ts"
import { CheckpointError, NumericsError } from "../errors.ts"
import { evaluateHeldOut, type HeldOutContext } from "../evaluation/held-out.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import type { Objective } from "../objectives/index.ts"
import type { UpdateRule } from "../pipo/index.ts"
import { deriveSeed, randomStream } from "../random.ts"
import { collectRollouts, type Rollout, type RolloutContext } from "../rollout/rollout.ts"
import {
  decodeState,
  encodeState,
  readJsonl,
  summarizeRun,
  type CompletionLine,
  type EvaluationLine,
  type MetricsLine,
  type ResumePoint,
  type RunFolder,
  type RunSummary,
} from "../runs/index.ts"
import { batchMetrics, makeBatch } from "./batch.ts"
import { executeUpdate, type OptimiserStep } from "./execute-update.ts"
import { aggregator, createAdvantageOf, createObjectiveOf, createRule } from "./rule.ts"
import { learningRateFactor } from "./schedule.ts"
import { updateMetrics } from "./update-metrics.ts"
import { warmStart } from "./warm-start.ts"

/** Hears of a run as it goes. */
export interface TrainObserver {
  onStep(line: MetricsLine): void
  onEvaluation(line: EvaluationLine): void
  onNote(text: string): void
}

export interface TrainRun {
  readonly config: ResolvedConfig
  readonly engine: Engine
  readonly tokenizer: Tokenizer
  readonly task: Task
  readonly eosTokens: readonly number[]
  readonly folder: RunFolder
  /** Where to go on; undefined for a new run. */
  readonly resume: ResumePoint | undefined
  readonly observer: TrainObserver
  /** True once the run should finish its step, write a checkpoint and return. */
  readonly stopRequested: () => boolean
  /** The objective; the one that the config names when absent. Advantages and aggregation stay the config's. */
  readonly objective?: Objective
  /** The update rule; from the config and the objective when absent. */
  readonly rule?: UpdateRule
}

export interface TrainResult {
  /** False when it was asked to stop before its last step. */
  readonly finished: boolean
  /** Last step made. */
  readonly step: number
  readonly summary: RunSummary
}

/** Steps in a row that may be refused for NaN before the run stops. */
const MOST_REFUSED = 3
/** Sampler and trainer compute the same log-probs up to rounding; further apart something is wrong. */
const MISMATCH_WARNING = 1e-4
const VERIFIER_TIMEOUT_MS = 30_000
const stateFile = "trainer.json"

interface TrainerState {
  readonly rule: unknown
  readonly refused: number
}

/** Trains until the last step or until asked to stop. The caller closes engine and folder. */
export async function train(run: TrainRun): Promise<TrainResult> {
  return new Trainer(run).run()
}

class Trainer {
  readonly #run: TrainRun
  readonly #rule: UpdateRule
  readonly #heldOut: HeldOutContext
  readonly #rollout: RolloutContext
  readonly #objectiveNeedsReference: boolean
  #reference: SnapshotId | undefined
  #refused = 0
  #warnedOfMismatch = false

  constructor(run: TrainRun) {
    const { config, eosTokens } = run
    const { maxResponseTokens, temperature, topK, topP, minP, stopStrings, groupSize } = config.rollout
    const objective = run.objective ?? createObjectiveOf(config)
    this.#run = run
    this.#rule = run.rule ?? createRule(config, objective)
    this.#objectiveNeedsReference = objective.needs.includes("reference")
    const common = { engine: run.engine, tokenizer: run.tokenizer, task: run.task, verifierTimeoutMs: VERIFIER_TIMEOUT_MS }
    this.#heldOut = { ...common, eosTokens, stopStrings, maxResponseTokens }
    const sampling = { temperature, topK, topP, minP, maxTokens: maxResponseTokens, stopTokens: eosTokens, stopStrings }
    this.#rollout = { ...common, sampling, groupSize }
  }

  async run(): Promise<TrainResult> {
    const { config, folder, stopRequested } = this.#run
    let step = await this.#start()
    while (step < config.train.steps && !stopRequested()) {
      step += 1
      await this.#step(step)
      const last = step === config.train.steps
      if (last || step % config.evaluation.every === 0) await this.#evaluate(step)
      if (last || step % config.checkpoint.every === 0 || stopRequested()) await this.#checkpoint(step)
    }
    const finished = step >= config.train.steps
    const summary = this.#summary()
    if (finished) {
      const model = join(folder.directory, "model")
      mkdirSync(model, { recursive: true })
      await this.#run.engine.saveModel(model, config.model.dtype)
      folder.writeSummary(summary)
      folder.logEvent("finish", `finished after step ${step}`, { step })
    }
    return { finished, step, summary }
  }

  /** Warm start, or where the checkpoint left off; returns the last step that is done. */
  async #start(): Promise<number> {
    const { config, engine, resume, stopRequested } = this.#run
    const checkpoint = resume?.checkpoint
    if (checkpoint !== undefined) {
      await engine.load(checkpoint.path)
      this.#restore(checkpoint.path)
      if (this.#objectiveNeedsReference) this.#reference = await engine.importSnapshot(this.#referenceDirectory)
      return checkpoint.step
    }
    if (config.warmStart.enabled) await this.#warmStart()
    if (stopRequested()) return 0
    await this.#evaluate(0)
    if (this.#objectiveNeedsReference) {
      mkdirSync(this.#referenceDirectory, { recursive: true })
      await engine.save(this.#referenceDirectory)
      this.#reference = await engine.importSnapshot(this.#referenceDirectory)
    }
    await this.#checkpoint(0)
    return 0
  }

  get #referenceDirectory(): string {
    return join(this.#run.folder.directory, "reference")
  }

  async #warmStart(): Promise<void> {
    const { config, engine, folder, observer, stopRequested } = this.#run
    observer.onNote(`warm start: learning from solutions until the held-out accuracy reaches ${config.warmStart.targetAccuracy}`)
    const result = await warmStart({
      ...this.#heldOut,
      config,
      stopRequested,
      onProgress: ({ step, loss, accuracy }) => {
        if (accuracy !== undefined && step % (config.warmStart.evalEvery * 10) === 0) {
          observer.onNote(`warm start: step ${step}, loss ${loss.toFixed(3)}, held-out accuracy ${accuracy.toFixed(3)}`)
        }
      },
    })
    await engine.resetOptimizer()
    const message = `warm start: held-out accuracy ${result.accuracy.toFixed(3)} after ${result.steps} steps`
    folder.logEvent("warm-start", message, { step: 0, ...result })
    observer.onNote(result.reached ? message : `${message}, short of the target of ${config.warmStart.targetAccuracy}`)
  }

  async #step(step: number): Promise<void> {
    const { config, engine, task, folder, observer } = this.#run
    const { promptsPerStep } = config.rollout
    const started = performance.now()
    const problems = Array.from({ length: promptsPerStep }, (_, i) => task.trainProblem(config.seed, (step - 1) * promptsPerStep + i))
    const { rollouts, sampleSeconds, verifySeconds } = await collectRollouts(this.#rollout, problems, config.seed, step)

    const trainStarted = performance.now()
    const batch = makeBatch(step, rollouts, createAdvantageOf(config), await this.#referenceLogprobs(rollouts))
    const plan = this.#rule.plan(batch)
    const factor = learningRateFactor(config.optimizer, step, config.train.steps)
    const adam: AdamOptions = { ...config.optimizer, learningRate: config.optimizer.learningRate * factor }
    const random = randomStream(deriveSeed(config.seed, "objective"), step)
    const context = {
      engine,
      aggregate: aggregator(config),
      miniBatches: config.optimizer.miniBatches,
      adam,
      temperature: config.rollout.temperature,
      random: () => random.uniform(),
    }
    const executed: { readonly kind: string; readonly steps: readonly OptimiserStep[] }[] = []
    for (const update of plan.updates) {
      const steps = await executeUpdate(context, update)
      executed.push({ kind: update.kind, steps })
      if (steps.some(({ applied }) => !applied)) break
    }
    const explored = executed.filter(({ kind }) => kind === "exploration")
    const explorationApplied = explored.length > 0 && explored.every(({ steps }) => steps.length > 0 && steps.every(({ applied }) => applied))
    this.#rule.commit(batch, { explorationApplied })
    const ended = performance.now()

    const line: MetricsLine = {
      ...batchMetrics(rollouts, batch),
      ...plan.metrics,
      ...updateMetrics(executed),
      step,
      mu: batch.meanReward,
      learningRate: adam.learningRate,
      time: {
        at: new Date().toISOString(),
        seconds: (ended - started) / 1000,
        sampleSeconds,
        verifySeconds,
        trainSeconds: (ended - trainStarted) / 1000,
      },
    }
    folder.logMetrics(line)
    folder.logCompletions(step, this.#completionLines(step, rollouts, batch.sequences))
    observer.onStep(line)
    this.#checkNumbers(step, executed.flatMap(({ steps }) => steps))
    this.#checkMismatch(step, line["logprobMismatch"])
  }

  async #referenceLogprobs(rollouts: readonly Rollout[]): Promise<Float32Array[] | undefined> {
    if (this.#reference === undefined) return undefined
    const sequences = rollouts.map(({ promptTokens, sequence }) => ({ promptTokens, responseTokens: sequence.tokens }))
    return this.#run.engine.logprobs(sequences, { policy: this.#reference, temperature: this.#run.config.rollout.temperature })
  }

  #completionLines(step: number, rollouts: readonly Rollout[], trained: readonly { readonly group: number; readonly advantages: Float32Array }[]): CompletionLine[] {
    const advantages = trained.map(({ advantages: values }) => values[0] ?? 0)
    let next = 0
    const lines = rollouts.map((rollout): CompletionLine => ({
      step,
      group: rollout.group,
      problem: rollout.problem.id,
      prompt: rollout.problem.prompt,
      completion: rollout.text,
      gold: rollout.problem.gold,
      reward: rollout.verdict.reward,
      status: rollout.verdict.status,
      extracted: rollout.verdict.extracted ?? null,
      reason: rollout.verdict.reason,
      advantage: rollout.failed ? null : advantages[next++]!,
      stopReason: rollout.sequence.stopReason,
    }))
    return lines.slice(0, this.#run.config.logging.completionsPerStep)
  }

  /** Refused updates: the batch is kept for inspection, and the third in a row ends the run. */
  #checkNumbers(step: number, steps: readonly OptimiserStep[]): void {
    const { folder, observer } = this.#run
    const bad = steps.find(({ applied }) => !applied)
    if (bad === undefined) {
      this.#refused = 0
      return
    }
    this.#refused += 1
    const directory = join(folder.directory, "refused")
    mkdirSync(directory, { recursive: true })
    const file = join(directory, `step-${String(step).padStart(6, "0")}.json`)
    writeFileSync(file, encodeState({ step, loss: bad.loss, gradientNorm: bad.gradientNorm, sequences: bad.sequences, logprobs: bad.logprobs }))
    const message = `step ${step}: loss ${bad.loss}, gradient norm ${bad.gradientNorm}: the update was not applied; its batch is in ${file}`
    folder.logEvent("alarm", message, { step, alarm: "not-finite" })
    observer.onNote(message)
    if (this.#refused >= MOST_REFUSED) {
      throw new NumericsError(`train: expected finite losses and gradients, got ${this.#refused} refused updates in a row, the last at step ${step}. Lower optimizer.learningRate and resume from the last checkpoint; the batches are in ${directory}.`)
    }
  }

  #checkMismatch(step: number, mismatch: unknown): void {
    if (this.#warnedOfMismatch || typeof mismatch !== "number" || !(mismatch > MISMATCH_WARNING)) return
    this.#warnedOfMismatch = true
    const message = `step ${step}: log-probs of sampling and training differ by ${mismatch.toExponential(1)}, more than ${MISMATCH_WARNING}`
    this.#run.folder.logEvent("alarm", message, { step, alarm: "logprob-mismatch", mismatch })
    this.#run.observer.onNote(`warning: ${message}`)
  }

  async #evaluate(step: number): Promise<void> {
    const { config, folder, observer } = this.#run
    const { greedy, expected, size } = config.evaluation
    const started = performance.now()
    const result = await evaluateHeldOut(this.#heldOut, { greedy, expected, ...(size === "all" ? {} : { size }) })
    const line: EvaluationLine = { step, ...result, time: { at: new Date().toISOString(), seconds: (performance.now() - started) / 1000 } }
    folder.logEvaluation(line)
    observer.onEvaluation(line)
  }

  async #checkpoint(step: number): Promise<void> {
    const { engine, folder } = this.#run
    const state: TrainerState = { rule: this.#rule.state(), refused: this.#refused }
    await folder.checkpoints.write(step, async (directory) => {
      await engine.save(directory)
      writeFileSync(join(directory, stateFile), encodeState(state))
    })
  }

  #restore(directory: string): void {
    const state = decodeState(readFileSync(join(directory, stateFile), "utf8")) as Partial<TrainerState>
    if (state.rule === undefined || state.refused === undefined) {
      throw new CheckpointError(`${directory}: expected the trainer's state, got a ${stateFile} without it. Resume from another checkpoint.`)
    }
    this.#rule.restore(state.rule)
    this.#refused = state.refused
  }

  #summary(): RunSummary {
    const read = (name: string): unknown[] => [...readJsonl(join(this.#run.folder.directory, name)).records]
    return summarizeRun(read("metrics.jsonl") as MetricsLine[], read("evaluations.jsonl") as EvaluationLine[])
  }
}
