/**
 * `pirl eval MODEL --bench ...`: published benchmarks, answered by a run, a model folder or an endpoint.
 */
import { basename, join, resolve } from "node:path"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import type { Problem } from "../data/task.ts"
import { VERIFIER_TIMEOUT_MS } from "../trainer/run-parts.ts"
import { ConfigError } from "../errors.ts"
import type { EngineError } from "../errors.ts"
import { readBenchmark } from "../evaluation/benchmark-problems.ts"
import type { BenchmarkSet } from "../evaluation/benchmark-problems.ts"
import { benchmarkByName } from "../evaluation/benchmarks.ts"
import type { BenchmarkReport } from "../evaluation/benchmark-report.ts"
import { Endpoint, isEndpointUrl } from "../evaluation/endpoint.ts"
import { endpointResponder } from "../evaluation/endpoint-responder.ts"
import { evaluateBenchmark } from "../evaluation/evaluate-benchmark.ts"
import type { BenchmarkProgress } from "../evaluation/evaluate-benchmark.ts"
import type { Responder } from "../evaluation/responder.ts"
import { claimFolder } from "../evaluation/response-log.ts"
import { writeFileAtomic } from "../runs/index.ts"
import { benchmarkTable } from "./benchmark-table.ts"
import { progressStream } from "./command.ts"
import type { CliContext, CommandArguments, OptionSpec } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { findModel } from "./find-model.ts"
import { formatShare } from "./format.ts"
import { listenForInterrupt } from "./interrupt.ts"
import { configFor } from "./model-config.ts"
import type { ModelSource } from "../trainer/model-source.ts"

/** What benchmarks need of the layers below. */
export interface BenchmarkBackend {
  readonly checks: readonly ConfigCheck[]
  /** The model as one that answers problems. Absent: benchmarks are answered by endpoints alone. */
  openModel?(
    model: ModelSource,
    config: ResolvedConfig,
    problems: readonly Problem[],
    sampling: ModelSampling,
  ): Promise<OpenModel>
}

/** How a model answers benchmarks, beside what its config says. */
export interface ModelSampling {
  readonly temperature: number
  readonly topP: number
}

/** A model that was loaded and must be closed. */
export interface OpenModel {
  readonly responder: Responder
  close(): Promise<void>
}

/** Options of the command for benchmarks. */
export const benchmarkOptions: readonly OptionSpec[] = [
  {
    name: "bench",
    kind: "text",
    placeholder: "LIST",
    help: "Benchmarks to measure, with commas between them, e.g. math-500,aime25",
  },
  {
    name: "bench-dir",
    kind: "text",
    placeholder: "DIR",
    help: "Folder with their files (default PIRL_BENCH_DIR, else ./benchmarks)",
  },
  { name: "n", kind: "integer", placeholder: "N", help: "Responses per problem (default 1)" },
  { name: "limit", kind: "integer", placeholder: "N", help: "Only the first N problems of each benchmark" },
  { name: "temperature", kind: "number", help: "Of sampling; 0 is greedy (default 0 for one response, else 0.6)" },
  { name: "top-p", kind: "number", help: "Smallest set of tokens of this probability (default 1)" },
  {
    name: "max-tokens",
    kind: "integer",
    placeholder: "N",
    help: "Longest response (default: the run's own, else 4096)",
  },
  { name: "seed", kind: "integer", placeholder: "N", help: "Of sampling and of the intervals (default 0)" },
  {
    name: "out",
    kind: "text",
    placeholder: "DIR",
    help: "Folder for every response and the summary (default evaluations/<model>)",
  },
  { name: "api-model", kind: "text", placeholder: "NAME", help: "Model of the endpoint (default: its only one)" },
  {
    name: "api-key-env",
    kind: "text",
    placeholder: "VARIABLE",
    help: "Environment variable that holds the endpoint's key",
  },
  { name: "api-kind", kind: "text", placeholder: "KIND", help: "chat or completions (default chat)" },
  { name: "api-extra", kind: "text", placeholder: "JSON", help: "Further fields of each request; null takes one away" },
  { name: "concurrency", kind: "integer", placeholder: "N", help: "Requests at once (default 16)" },
  { name: "retries", kind: "integer", placeholder: "N", help: "Further attempts at a request that failed (default 5)" },
  { name: "request-timeout", kind: "number", placeholder: "SECONDS", help: "Deadline of one request (default 600)" },
]

const DEFAULT_MAX_TOKENS = 4096
const SEVERAL_TEMPERATURE = 0.6
const RETRY_DELAY_MS = 1000

interface BenchmarkRequest {
  readonly n: number
  readonly seed: number
  readonly temperature: number
  readonly topP: number
}

function readRequest(args: CommandArguments): BenchmarkRequest {
  const n = args.number("n") ?? 1
  const temperature = args.number("temperature") ?? (n === 1 ? 0 : SEVERAL_TEMPERATURE)
  const topP = args.number("top-p") ?? 1
  const wrong: readonly (readonly [boolean, string, string, number])[] = [
    [n >= 1, "--n", "1 or more", n],
    [temperature >= 0, "--temperature", "0 or more", temperature],
    [topP > 0 && topP <= 1, "--top-p", "above 0 and up to 1", topP],
    [(args.number("max-tokens") ?? 1) >= 1, "--max-tokens", "1 or more", args.number("max-tokens") ?? 0],
    [(args.number("limit") ?? 1) >= 1, "--limit", "1 or more", args.number("limit") ?? 0],
    [(args.number("concurrency") ?? 1) >= 1, "--concurrency", "1 or more", args.number("concurrency") ?? 0],
    [
      (args.number("request-timeout") ?? 1) > 0,
      "--request-timeout",
      "more than 0",
      args.number("request-timeout") ?? 0,
    ],
  ]
  const issues = wrong
    .filter(([fine]) => !fine)
    .map(([, path, expected, got]) => ({ path, message: `pirl eval: expected ${expected}, got ${got}. Correct it.` }))
  if (issues.length > 0) throw new ConfigError(issues)
  return { n, seed: args.number("seed") ?? 0, temperature, topP }
}

async function readSets(args: CommandArguments, { env }: CliContext): Promise<BenchmarkSet[]> {
  const directory = args.text("bench-dir") ?? env["PIRL_BENCH_DIR"] ?? "benchmarks"
  const names = args
    .text("bench")!
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  // All names are checked before a file is read.
  const wanted = [...new Set(names)].map(benchmarkByName)
  if (wanted.length === 0) benchmarkByName("")
  const sets: BenchmarkSet[] = []
  for (const benchmark of wanted) sets.push(await readBenchmark(benchmark, directory, args.number("limit")))
  return sets
}

function extraFields(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ConfigError([
    { path: "--api-extra", message: `pirl eval: expected a JSON object, got ${text}. Write e.g. '{"min_p": 0.05}'.` },
  ])
}

function keyOf(args: CommandArguments, { env }: CliContext): string | undefined {
  const name = args.text("api-key-env")
  if (name === undefined) return undefined
  const key = env[name]?.trim()
  if (key !== undefined && key !== "") return key
  throw new ConfigError([
    {
      path: "--api-key-env",
      message: `pirl eval: expected a key in the environment variable ${name}, got none. Set it.`,
    },
  ])
}

function endpointKind(text: string = "chat"): "chat" | "completions" {
  if (text === "chat" || text === "completions") return text
  throw new ConfigError([
    {
      path: "--api-kind",
      message: `pirl eval: expected chat or completions, got ${JSON.stringify(text)}. Correct it.`,
    },
  ])
}

/** What answers, and a name for its folder. */
interface Answering extends OpenModel {
  readonly slug: string
}

async function openEndpoint(
  url: string,
  request: BenchmarkRequest,
  args: CommandArguments,
  context: CliContext,
): Promise<Answering> {
  const kind = endpointKind(args.text("api-kind"))
  const connection = { url, kind, key: keyOf(args, context), timeoutMs: (args.number("request-timeout") ?? 600) * 1000 }
  const extra = extraFields(args.text("api-extra"))
  const model = args.text("api-model") ?? (await new Endpoint(connection).onlyModel())
  const responder = endpointResponder({
    ...connection,
    model,
    extra,
    temperature: request.temperature,
    topP: request.topP,
    maxTokens: args.number("max-tokens") ?? DEFAULT_MAX_TOKENS,
    concurrency: args.number("concurrency") ?? 16,
    retries: args.number("retries") ?? 5,
    retryDelayMs: RETRY_DELAY_MS,
  })
  return { responder, close: () => Promise.resolve(), slug: model }
}

async function openLocal(
  backend: BenchmarkBackend,
  path: string,
  request: BenchmarkRequest,
  sets: readonly BenchmarkSet[],
  args: CommandArguments,
  context: CliContext,
): Promise<Answering> {
  if (backend.openModel === undefined) {
    throw new ConfigError([
      {
        path: "MODEL",
        message: `pirl eval: expected the address of an endpoint, got ${path}. This build answers benchmarks by endpoints alone.`,
      },
    ])
  }
  const model = await findModel(path, args.number("checkpoint"), context)
  const longest = args.number("max-tokens") ?? (model.config === undefined ? DEFAULT_MAX_TOKENS : undefined)
  const settings =
    longest === undefined ? args.texts("set") : [`rollout.maxResponseTokens=${longest}`, ...args.texts("set")]
  const config = configFor(model, { task: undefined, sets: settings, taskNeeded: false }, backend.checks)
  const problems = sets.flatMap((set) => set.problems.map(({ problem }) => problem))
  const opened = await backend.openModel(model, config, problems, request)
  const name = basename(resolve(path))
  return { ...opened, slug: model.step === undefined ? name : `${name}-step-${model.step}` }
}

/** Tells how far it is: on a terminal in place, elsewhere each tenth. Reasons of failed requests are said once each. */
function progressWriter(context: CliContext): { tell(progress: BenchmarkProgress): void; end(): void } {
  const err = progressStream(context)
  const said = new Set<string>()
  let shown = ""
  const clear = (): void => void (shown === "" || err.write("\r\u001B[2K"))
  return {
    tell({ benchmark, done, wanted, correct, failed, lastFailure }) {
      const share = done === 0 ? "" : `  correct ${formatShare(correct / done)}`
      const text = `${benchmark}: ${done}/${wanted}${share}${failed === 0 ? "" : `  failed ${failed}`}`
      const live = err.isTTY === true
      if (lastFailure !== undefined && !said.has(lastFailure)) {
        said.add(lastFailure)
        clear()
        context.err.write(`${benchmark}: no response: ${lastFailure}\n`)
      }
      const tenth = done === wanted || Math.floor((10 * done) / wanted) > Math.floor((10 * (done - 1)) / wanted)
      if (!live && tenth) err.write(`${text}\n`)
      if (!live) return
      clear()
      err.write(text)
      shown = text
    },
    end() {
      if (shown !== "") err.write("\n")
      shown = ""
    },
  }
}

/** Runs the benchmarks one after the other; what is done is shown and kept whatever happens to the rest. */
export async function runBenchmarks(
  backend: BenchmarkBackend,
  args: CommandArguments,
  context: CliContext,
): Promise<number> {
  const request = readRequest(args)
  const sets = await readSets(args, context)
  const [path] = args.positionals
  const { responder, close, slug } = isEndpointUrl(path)
    ? await openEndpoint(path, request, args, context)
    : await openLocal(backend, path, request, sets, args, context)
  const directory = args.text("out") ?? join("evaluations", slug.replaceAll(/[^\w.-]+/g, "_"))
  const stop = new AbortController()
  const interrupt = listenForInterrupt(() => {
    context.err.write("\nstopping; what was answered is kept\n")
    stop.abort()
  }, { onDeadline: () => undefined })
  const progress = progressWriter(context)
  const reports: BenchmarkReport[] = []
  let failure: EngineError | undefined
  try {
    claimFolder(directory, { ...responder.settings, seed: request.seed })
    for (const set of sets) {
      if (stop.signal.aborted || failure !== undefined) break
      const { n, seed } = request
      const { report, stopped } = await evaluateBenchmark(set, responder, {
        directory,
        n,
        seed,
        verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
        onProgress: progress.tell,
        signal: stop.signal,
      })
      progress.end()
      reports.push(report)
      failure = stopped
    }
  } finally {
    interrupt.dispose()
    await close()
  }
  const { model } = responder.settings
  const summary = {
    model,
    directory,
    settings: { ...responder.settings, seed: request.seed, n: request.n },
    benchmarks: reports,
  }
  writeFileAtomic(join(directory, "summary.json"), `${JSON.stringify(summary, undefined, 2)}\n`)
  context.out.write(
    args.flag("json") ? `${JSON.stringify(summary)}\n` : `${benchmarkTable(reports)}responses in ${directory}\n`,
  )
  if (failure !== undefined)
    context.err.write(
      `pirl: ${failure.message}\nWhat was answered is kept in ${directory}; the same command goes on from there.\n`,
    )
  if (interrupt.requested) return interrupt.exitCode
  const complete = reports.length === sets.length && reports.every(({ missing }) => missing === 0)
  return failure === undefined && complete ? exitCodes.ok : exitCodes.failure
}
