/** One benchmark from problems to report: asks for the responses that are missing, judges, keeps, counts. */
import { DataError, EngineError } from "../errors.ts"
import { deriveSeed, hashTextInteger } from "../random.ts"
import { verifierInput, verifyResponse } from "../rollout/verify.ts"
import type { BenchmarkProblem, BenchmarkSet } from "./benchmark-problems.ts"
import { reportBenchmark } from "./benchmark-report.ts"
import type { BenchmarkReport } from "./benchmark-report.ts"
import type { ModelResponse, Responder, ResponseRequest } from "./responder.ts"
import { ResponseLog } from "./response-log.ts"
import type { ResponseLine } from "./response-log.ts"

export interface BenchmarkRunOptions {
  /** Where responses are kept; `claimFolder` has been asked. */
  readonly directory: string
  /** Responses per problem. */
  readonly n: number
  readonly seed: number
  readonly verifierTimeoutMs: number
  /** Hears after every response that came or failed. */
  readonly onProgress?: (progress: BenchmarkProgress) => void
  readonly signal?: AbortSignal
}

export interface BenchmarkProgress {
  readonly benchmark: string
  /** Responses there are, those of an earlier run included. */
  readonly done: number
  readonly wanted: number
  readonly correct: number
  /** Reason of the last request that failed for good, with the number of them. */
  readonly failed: number
  readonly lastFailure: string | undefined
}

export interface BenchmarkOutcome {
  /** Of all responses there are, also when more were wanted. */
  readonly report: BenchmarkReport
  /** Why it ended before all were there: the responder could not go on. */
  readonly stopped: EngineError | undefined
}

/** Seed of an attempt: a function of the evaluation's seed, the benchmark, the problem and the attempt alone. */
export function attemptSeed(seed: number, benchmark: string, problem: string, attempt: number): number {
  return hashTextInteger(deriveSeed(seed, benchmark), `${attempt}:${problem}`)
}

function lineOf(
  set: BenchmarkSet,
  { problem, level, type }: BenchmarkProblem,
  attempt: number,
  response: ModelResponse,
  verdict: Awaited<ReturnType<typeof verifyResponse>>,
): ResponseLine {
  return {
    benchmark: set.benchmark.name,
    problem: problem.id,
    attempt,
    ...(level === undefined ? {} : { level }),
    ...(type === undefined ? {} : { type }),
    prompt: problem.prompt,
    completion: response.text,
    ...(response.reasoning === undefined ? {} : { reasoning: response.reasoning }),
    gold: problem.gold,
    status: verdict.status,
    reward: verdict.reward,
    extracted: verdict.extracted ?? null,
    reason: verdict.reason,
    stopReason: response.stopReason,
    tokens: response.tokens ?? null,
    time: { at: new Date().toISOString(), ...(response.seconds === undefined ? {} : { seconds: response.seconds }) },
  }
}

/** A log that was written for another version of the file would mix two benchmarks. */
function checkSame(log: ResponseLog, { problem }: BenchmarkProblem, line: ResponseLine): void {
  if (line.gold === problem.gold && JSON.stringify(line.prompt) === JSON.stringify(problem.prompt)) return
  throw new DataError(
    `${log.path}: expected responses to the problems of this file, got others for problem ${problem.id}. Use the same file, or another --out.`,
  )
}

/**
 * Evaluates one benchmark. Responses that the log has are not asked for again; each new one is judged and on disk before
 * the next is counted.
 * @throws DataError    when the log belongs to other problems
 */
export async function evaluateBenchmark(
  set: BenchmarkSet,
  responder: Responder,
  options: BenchmarkRunOptions,
): Promise<BenchmarkOutcome> {
  const { directory, n, seed, verifierTimeoutMs, onProgress, signal } = options
  const { name } = set.benchmark
  const log = new ResponseLog(directory, name)
  try {
    const items = new Map(set.problems.map((item) => [item.problem, item]))
    const missing: ResponseRequest[] = []
    let correct = 0
    for (const item of set.problems) {
      for (let attempt = 0; attempt < n; attempt++) {
        const line = log.find(item.problem.id, attempt)
        if (line === undefined) {
          missing.push({ problem: item.problem, attempt, seed: attemptSeed(seed, name, item.problem.id, attempt) })
          continue
        }
        checkSame(log, item, line)
        correct += Number(line.status === "correct")
      }
    }
    const wanted = set.problems.length * n
    let done = wanted - missing.length
    let failed = 0
    let lastFailure: string | undefined
    const tell = (): void => onProgress?.({ benchmark: name, done, wanted, correct, failed, lastFailure })
    tell()
    let stopped: EngineError | undefined
    if (missing.length > 0) {
      const receiver = {
        async onResponses(
          responses: readonly { readonly request: ResponseRequest; readonly response: ModelResponse }[],
        ): Promise<void> {
          const lines = await Promise.all(
            responses.map(async ({ request: { problem, attempt }, response }) => {
              return lineOf(
                set,
                items.get(problem)!,
                attempt,
                response,
                await verifyResponse(set.verifier, verifierInput(problem, response.text), verifierTimeoutMs),
              )
            }),
          )
          log.append(lines)
          done += lines.length
          correct += lines.filter(({ status }) => status === "correct").length
          tell()
        },
        onFailure(_request: ResponseRequest, reason: string): void {
          failed += 1
          lastFailure = reason
          tell()
        },
      }
      try {
        await responder.respond(missing, receiver, signal)
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        stopped = error
      }
    }
    const linesOf = ({ problem }: BenchmarkProblem): ResponseLine[] =>
      Array.from({ length: n }, (_, attempt) => log.find(problem.id, attempt)).filter((line) => line !== undefined)
    return { report: await reportBenchmark(set, linesOf, { n, seed, timeoutMs: verifierTimeoutMs }), stopped }
  } finally {
    log.close()
  }
}
