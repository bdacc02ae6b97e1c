/** The problems of a benchmark, from its file. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { asText, valueOf } from "../data/columns.ts"
import { readProblems } from "../data/dataset-problems.ts"
import { dataEndingsText, dataFileEndings } from "../data/data-endings.ts"
import { renderPrompt } from "../data/prompt-template.ts"
import type { Problem } from "../data/task.ts"
import { ConfigError } from "../errors.ts"
import { createVerifier } from "../verifiers/registry.ts"
import type { Verifier } from "../verifiers/verifier.ts"
import type { Benchmark } from "./benchmarks.ts"

/** A problem with what its results are broken down by. */
export interface BenchmarkProblem {
  readonly problem: Problem
  readonly level: string | undefined
  readonly type: string | undefined
}

/** A benchmark, read. */
export interface BenchmarkSet {
  readonly benchmark: Benchmark
  readonly verifier: Verifier
  readonly problems: readonly BenchmarkProblem[]
}

/** Columns that are looked for, in this order. */
const LEVEL_COLUMNS = ["level", "extra_info.level", "difficulty"]
const TYPE_COLUMNS = ["type", "subject", "extra_info.type", "extra_info.subject"]
const ID_COLUMNS = ["problem_idx", "extra_info.index", "unique_id", "id"]

function firstValue(problem: Problem, columns: readonly string[]): string | undefined {
  const value = columns
    .map((column) => valueOf(problem.row ?? {}, column))
    .find((one) => one !== undefined && one !== null)
  return value === undefined ? undefined : asText(value)
}

/** Ids of the file where every problem has one of its own, else row numbers from 0. */
function idsOf(problems: readonly Problem[]): string[] {
  const own = problems.map((problem) => firstValue(problem, ID_COLUMNS))
  const unique = own.every((id) => id !== undefined) && new Set(own).size === own.length
  return problems.map((_, i) => (unique ? own[i]! : String(i)))
}

/**
 * The file of a benchmark in a folder: `<name>.parquet`, `.jsonl`, `.csv`, ...
 * @throws ConfigError  when there is none
 */
export function benchmarkFile({ name }: Benchmark, directory: string): string {
  const file = dataFileEndings
    .map((ending) => join(directory, `${name}${ending}`))
    .find((candidate) => existsSync(candidate))
  if (file !== undefined) return file
  const message =
    `benchmark ${name}: expected ${name}.parquet (or with another ending: ${dataEndingsText}) in ${directory}, ` +
    "got no such file. Put it there, or name its folder with --bench-dir or PIRL_BENCH_DIR."
  throw new ConfigError([{ path: "--bench", message }])
}

/**
 * Reads a benchmark.
 * @param limit  number of problems, from the first; all when undefined
 * @throws ConfigError  when there is no file
 * @throws DataError    when it is cut short, or a row lacks question or answer
 */
export async function readBenchmark(benchmark: Benchmark, directory: string, limit?: number): Promise<BenchmarkSet> {
  const file = benchmarkFile(benchmark, directory)
  const { problems } = await readProblems([file], "--bench", { name: benchmark.name })
  const ids = idsOf(problems.map(({ problem }) => problem))
  return {
    benchmark,
    verifier: createVerifier(benchmark.verifier, "--bench"),
    problems: problems.slice(0, limit).map(({ problem }, i) => ({
      problem: { ...problem, id: ids[i], source: benchmark.name, prompt: withTemplate(benchmark, problem.prompt) },
      level: firstValue(problem, LEVEL_COLUMNS),
      type: firstValue(problem, TYPE_COLUMNS),
    })),
  }
}

/** A plain question as the user's message of a chat; chats are taken as published. */
function withTemplate({ template }: Benchmark, prompt: Problem["prompt"]): Problem["prompt"] {
  return typeof prompt === "string"
    ? renderPrompt(typeof template === "string" ? { user: template } : template, prompt, () => "")
    : prompt
}
