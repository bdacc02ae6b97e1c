/** What `pirl bench --model` does: pinned work on a model of the user's, in turns with bench/model_baseline.py. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { parseConfig, type ConfigInput, type ResolvedConfig } from "../../config/index.ts"
import { drawnTask } from "../../data/procedural-task.ts"
import type { Problem, Task } from "../../data/task.ts"
import type { SampleRequest, TrainSequence } from "../../engine/engine.ts"
import { exportModel } from "../../exports/model-export.ts"
import { createObjective } from "../../objectives/index.ts"
import type { RandomStream } from "../../random.ts"
import { encodePrompt } from "../../rollout/prompt-encoder.ts"
import type { MetricsLine } from "../../runs/index.ts"
import { median } from "../../statistics.ts"
import { checksFor } from "../../trainer/config-checks.ts"
import { openPolicy } from "../../trainer/open-policy.ts"
import { trainRun } from "../../trainer/train-run.ts"
import { createVerifier } from "../../verifiers/registry.ts"
import type { ModelBenchReport, ModelBenchRequest, TimedWork } from "../bench.ts"

const SEED = 1
const PROMPTS = 16
const GROUP = 8
const MAX_TOKENS = 64
const STEPS = 3
/** Sequences that the references train on at once. */
const REFERENCE_MICRO_BATCH = 16
/** Rounds of sampling and of training, ours and the reference's in turns: the references take minutes. */
const ROUNDS = 1

const script = fileURLToPath(new URL("../../../bench/model_baseline.py", import.meta.url))

/** Seconds and tokens of one repetition. */
interface Run {
  readonly seconds: number
  readonly tokens: number
}

interface Question {
  readonly question: string
  readonly answer: string
}

/** A sequence as the references read it. */
interface PlainSequence {
  readonly prompt: readonly number[]
  readonly response: readonly number[]
}

/** Sums and differences of two or three numbers of one or two digits, as reasoning-gym's chain_sum asks for them. */
export function chainSumTask(): Task {
  const draw = (random: RandomStream): Problem => {
    const number = (): number => (random.below(2) === 0 ? random.between(1, 9) : random.between(10, 99))
    let value = number()
    let formula = String(value)
    for (let left = random.between(1, 2); left > 0; left--) {
      const [next, plus] = [number(), random.below(2) === 0]
      value += plus ? next : -next
      formula += ` ${plus ? "+" : "-"} ${next}`
    }
    const prompt = `State the final answer to the following arithmetic problem: ${formula} =`
    return { id: `chain-sum/${formula}`, prompt, gold: String(value), solution: String(value), unique: false }
  }
  return drawnTask({
    name: "chain-sum",
    seed: SEED,
    heldOutSize: 1,
    verifier: createVerifier("integer"),
    alphabet: "0123456789+-= ",
    maxPromptCharacters: 90,
    maxResponseCharacters: MAX_TOKENS,
    draw,
  })
}

function questionsOf(task: Task, first: number, count: number): Question[] {
  return Array.from({ length: count }, (_, i) => {
    const { prompt, gold } = task.trainProblem(SEED, first + i)
    return { question: String(prompt), answer: String(gold) }
  })
}

function benchConfig({ model, threads, precision }: ModelBenchRequest, skip: "auto" | "never"): ConfigInput {
  return {
    seed: SEED,
    model: { path: model },
    task: { name: "chain-sum" },
    rollout: { promptsPerStep: PROMPTS, groupSize: GROUP, maxResponseTokens: MAX_TOKENS, temperature: 1, precision },
    objective: { name: "grpo" },
    pipo: { enabled: false },
    optimizer: { learningRate: 1e-5, warmupSteps: 0 },
    train: { steps: STEPS, skipWithoutAdvantage: skip },
    evaluation: { every: STEPS, size: 1, greedy: true, expected: false, stepSize: 0, keepBest: false },
    checkpoint: { every: STEPS, keep: 1 },
    engine: { threads: threads ?? "auto" },
  }
}

/** What a reference printed last, or why it printed nothing. */
async function runReference(python: string, ...words: readonly string[]): Promise<unknown> {
  const env = {
    ...process.env,
    // The best for PyTorch on Linux: freed memory stays with the process.
    MALLOC_MMAP_THRESHOLD_: "4294967296",
    MALLOC_TRIM_THRESHOLD_: "17179869184",
    MALLOC_TOP_PAD_: "268435456",
  }
  const { stdout } = await promisify(execFile)(python, [script, ...words], { env, maxBuffer: 64 * 1024 ** 2 })
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!)
}

/** PyTorch programs that do the same work; undefined in place of one that is not there, after a note that says so. */
class References {
  readonly #python: string
  readonly #folder: string
  readonly #model: string
  readonly #threads: number
  readonly #missing: ReadonlySet<string>

  private constructor(python: string, folder: string, model: string, threads: number, missing: ReadonlySet<string>) {
    this.#python = python
    this.#folder = folder
    this.#model = model
    this.#threads = threads
    this.#missing = missing
  }

  static async open(
    { model, python, threads, onNote }: ModelBenchRequest & { readonly threads: number },
    folder: string,
  ): Promise<References | undefined> {
    if (python === undefined) return undefined
    let versions: Readonly<Record<string, string | null>>
    try {
      versions = (await runReference(python, "versions")) as typeof versions
    } catch (error) {
      onNote(
        `bench: expected ${python} to be a Python 3, got: ` +
        `${error instanceof Error ? error.message : String(error)} Ours is measured alone.`,
      )
      return undefined
    }
    const lacking = (names: readonly string[]): string[] => names.filter((name) => versions[name] === null)
    const missing = new Set<string>()
    const without = (work: readonly string[], names: readonly string[]): void => {
      const absent = lacking(names)
      if (absent.length === 0) return
      for (const name of work) missing.add(name)
      onNote(
        `bench: expected a Python with ${names.join(", ")} for the reference of ` +
        `${work.join(" and ")}, got ${python} without ${absent.join(", ")}. ${python} -m pip ` +
        `install ${absent.join(" ")} adds them; ours is measured all the same.`,
      )
    }
    without(["sample", "train"], ["torch", "transformers"])
    without(["step"], ["torch", "transformers", "trl", "datasets", "accelerate"])
    if (missing.size === 3) return undefined
    onNote(
      `references: ${Object.entries(versions)
        .map(([name, version]) => `${name} ${version ?? "-"}`)
        .join(", ")}`,
    )
    // Weights dequantised, and a tokenizer.json: what transformers opens whatever the model is for us.
    const converted = join(folder, "reference-model")
    await exportModel({
      source: { directory: model, training: undefined },
      format: "hf",
      out: converted,
      name: "bench",
      dtype: "f32",
      versions: {},
    })
    return new References(python, folder, converted, threads, missing)
  }

  async run(
    what: "sample" | "train" | "step",
    questions: readonly Question[],
    sequences: readonly PlainSequence[] = [],
  ): Promise<Run | undefined> {
    if (this.#missing.has(what)) return undefined
    const work = join(this.#folder, "work.json")
    writeFileSync(
      work,
      JSON.stringify({
        threads: this.#threads,
        prompts: PROMPTS,
        group: GROUP,
        maxTokens: MAX_TOKENS,
        steps: STEPS,
        microBatch: REFERENCE_MICRO_BATCH,
        questions,
        sequences,
      }),
    )
    return (await runReference(this.#python, what, this.#model, work)) as Run
  }
}

const speed = (runs: readonly Run[]): number => sum(runs, ({ tokens }) => tokens) / sum(runs, ({ seconds }) => seconds)

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function timedWork(ours: readonly Run[], reference: readonly Run[]): TimedWork {
  const tokensPerSecond = speed(ours)
  const other = reference.length === 0 ? null : speed(reference)
  return {
    seconds: median(ours.map(({ seconds }) => seconds)),
    tokensPerSecond,
    reference: other,
    ratio: other === null ? null : tokensPerSecond / other,
  }
}

/** Sampling, and training on what was sampled: the sequences of a step, all of them, each counted with its prompt. */
async function samplingAndTraining(
  request: ModelBenchRequest,
  references: References | undefined,
): Promise<Record<"sample" | "train", TimedWork>> {
  const task = chainSumTask()
  const config: ResolvedConfig = parseConfig(benchConfig(request, "never"), checksFor(task))
  const objective = createObjective("grpo", {})
  const [sampled, trained, sampledByReference, trainedByReference]: Run[][] = [[], [], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const questions = questionsOf(task, round * PROMPTS, PROMPTS)
    const sequences: PlainSequence[] = []
    const { engine, tokenizer, eosTokens } = await openPolicy(config, task)
    try {
      const options = { temperature: 1, maxTokens: MAX_TOKENS, stopTokens: eosTokens, precision: request.precision }
      const requests = questions.map(({ question }, i): SampleRequest => ({
        promptTokens: encodePrompt(
          { id: String(i), prompt: question, gold: "", unique: false },
          tokenizer,
          config.rollout,
        ),
        seeds: Array.from({ length: GROUP }, (_, j) => (round * PROMPTS + i) * GROUP + j),
        options,
      }))
      const train = async (batch: readonly TrainSequence[]): Promise<void> => {
        await engine.forwardBackward(batch, objective)
        await engine.optimStep({
          learningRate: 1e-6,
          beta1: 0.9,
          beta2: 0.999,
          eps: 1e-8,
          weightDecay: 0,
          gradientClip: 1,
        })
      }
      // Graphs are compiled when they are first run.
      const [warm] = await engine.sample([{ ...requests[0]!, seeds: [0], options: { ...options, maxTokens: 2 } }])
      await train([trainSequence(requests[0]!.promptTokens, warm![0]!.tokens, 1)])

      let started = performance.now()
      const responses = await engine.sample(requests)
      const seconds = (performance.now() - started) / 1000
      sampled!.push({ seconds, tokens: sum(responses.flat(), ({ tokens }) => tokens.length) })
      requests.forEach(({ promptTokens }, i) => {
        for (const { tokens } of responses[i]!) sequences.push({ prompt: promptTokens, response: tokens })
      })
      const batch = sequences.map(({ prompt, response }, i) => trainSequence(prompt, response, i % 2 === 0 ? 1 : -1))
      started = performance.now()
      await train(batch)
      trained!.push({
        seconds: (performance.now() - started) / 1000,
        tokens: sum(sequences, ({ prompt, response }) => prompt.length + response.length),
      })
      request.onNote(`sample: ${describe(sampled!)}; train: ${describe(trained!)}`)
    } finally {
      await engine.close()
    }
    const sampling = await references?.run("sample", questions)
    if (sampling !== undefined) request.onNote(`sample in transformers: ${describe([sampling])}`)
    const training = await references?.run("train", questions, sequences)
    if (training !== undefined) request.onNote(`train in transformers: ${describe([training])}`)
    if (sampling !== undefined) sampledByReference!.push(sampling)
    if (training !== undefined) trainedByReference!.push(training)
  }
  return { sample: timedWork(sampled!, sampledByReference!), train: timedWork(trained!, trainedByReference!) }
}

function describe(runs: readonly Run[]): string {
  return `${Math.round(speed(runs))} tokens/s (${median(runs.map(({ seconds }) => seconds)).toFixed(1)} s)`
}

function trainSequence(
  promptTokens: readonly number[],
  responseTokens: readonly number[],
  advantage: number,
): TrainSequence {
  const fill = (value: number): Float32Array => new Float32Array(responseTokens.length).fill(value)
  const weights = fill(1 / (PROMPTS * GROUP * responseTokens.length))
  return {
    promptTokens,
    responseTokens,
    behaviourLogprobs: fill(-1),
    advantages: fill(advantage),
    mask: fill(1),
    weights,
  }
}

/** Whole steps of the trainer, sampled tokens over seconds. */
async function steps(
  request: ModelBenchRequest,
  skip: "auto" | "never",
  folder: string,
): Promise<{ readonly runs: Run[]; readonly signalShare: number }> {
  const lines: MetricsLine[] = []
  const runDirectory = join(folder, `run-${skip}`)
  await trainRun({
    config: benchConfig(request, skip),
    task: chainSumTask(),
    runDirectory,
    observer: { onStep: (line) => lines.push(line) },
  })
  rmSync(runDirectory, { recursive: true, force: true })
  const runs = lines.map(({ time, sampledTokens }) => ({ seconds: time.seconds, tokens: sampledTokens ?? 0 }))
  const shares = lines.map(({ zeroVarianceShare }) =>
    typeof zeroVarianceShare === "number" ? 1 - zeroVarianceShare : 1,
  )
  request.onNote(`${skip === "never" ? "step, every response trained" : "step"}: ${describe(runs)}`)
  return { runs, signalShare: sum(shares, (share) => share) / shares.length }
}

export async function measureModel(
  request: ModelBenchRequest & { readonly threads: number },
): Promise<ModelBenchReport> {
  const folder = mkdtempSync(join(tmpdir(), "pirl-bench-"))
  try {
    const references = await References.open(request, folder)
    const { sample, train } = await samplingAndTraining(request, references)
    const step = await steps(request, "auto", folder)
    const all = await steps(request, "never", folder)
    const theirs = await references?.run("step", questionsOf(chainSumTask(), 0, 20 * PROMPTS))
    if (theirs !== undefined) request.onNote(`step in TRL: ${describe([theirs])} for ${STEPS} steps`)
    const reference = theirs === undefined ? [] : [theirs]
    return {
      sample,
      train,
      step: timedWork(step.runs, reference),
      stepAllSignal: timedWork(all.runs, reference),
      signalShare: step.signalShare,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
