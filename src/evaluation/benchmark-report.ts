/** From judged responses to the numbers of a benchmark. */
import { deriveSeed } from "../random.ts"
import { mean } from "../statistics.ts"
import { isFailure } from "../verifiers/verifier.ts"
import { votesOf } from "./answer-classes.ts"
import type { BenchmarkProblem, BenchmarkSet } from "./benchmark-problems.ts"
import type { ResponseLine } from "./response-log.ts"
import { attemptCounts, bootstrapMean, majorityAtK, passAtK } from "./statistics.ts"
import type { Estimate, Vote } from "./statistics.ts"

/** Part of a benchmark, by level or type. */
export interface ReportGroup {
  readonly problems: number
  /** Mean over problems of the share of right responses. */
  readonly average: Estimate
}

export interface BenchmarkReport {
  readonly benchmark: string
  /** Problems with at least one judged response. */
  readonly problems: number
  /** Responses per problem that were asked for. */
  readonly n: number
  /** Responses that were judged. */
  readonly responses: number
  /** Responses that did not come; the other numbers are without them. */
  readonly missing: number
  /** avg@n: mean over problems of the share of right responses; equal to the unbiased pass@1. */
  readonly average: Estimate | null
  /** Unbiased pass@k by k, over problems with k judged responses. */
  readonly passAt: Readonly<Record<string, Estimate>>
  /** maj@k by k: the most frequent answer is right, answers compared by the verifier. */
  readonly majorityAt: Readonly<Record<string, Estimate>>
  /** Share of responses that were cut at the limit of tokens. */
  readonly truncationRate: number
  /** Share of judged responses in which the verifier found no answer. */
  readonly noAnswerRate: number
  /** Responses that the verifier could not judge: neither right nor wrong, left out. */
  readonly verifierFailures: number
  /** Responses to problems whose gold answer could not be read; they count as wrong. */
  readonly unparsableGolds: number
  /** Null where no response says its length. */
  readonly meanTokens: number | null
  readonly byLevel?: Readonly<Record<string, ReportGroup>>
  readonly byType?: Readonly<Record<string, ReportGroup>>
}

interface ScoredProblem {
  readonly item: BenchmarkProblem
  readonly lines: readonly ResponseLine[]
  /** [N] */
  readonly votes: readonly Vote[]
  readonly right: number
}

function isJudged({ status, reward, reason }: ResponseLine): boolean {
  return !isFailure({ status, reward, reason })
}

async function scoreProblem(
  { verifier, benchmark }: BenchmarkSet,
  item: BenchmarkProblem,
  lines: readonly ResponseLine[],
  timeoutMs: number,
): Promise<ScoredProblem> {
  const answers = lines.map(({ status, extracted }) => ({ status, extracted: extracted ?? undefined }))
  const votes = await votesOf(answers, { verifier, answerForm: benchmark.answerForm, row: item.problem.row, timeoutMs })
  return { item, lines, votes, right: votes.filter(({ correct }) => correct).length }
}

function estimates(
  ks: readonly number[],
  score: (k: number) => readonly number[],
  seed: number,
): Record<string, Estimate> {
  const found = ks.map((k) => [String(k), bootstrapMean(score(k), seed)] as const)
  return Object.fromEntries(found.filter((entry): entry is readonly [string, Estimate] => entry[1] !== undefined))
}

/** Average by the value of a property; undefined when fewer than two values would be told apart. */
function groups(
  scored: readonly ScoredProblem[],
  valueOf: (item: BenchmarkProblem) => string | undefined,
  seed: number,
): Record<string, ReportGroup> | undefined {
  const values = [...new Set(scored.map(({ item }) => valueOf(item)))].filter((value) => value !== undefined).sort()
  if (values.length < 2) return undefined
  const entries = values.map((value) => {
    const own = scored.filter(({ item }) => valueOf(item) === value)
    return [value, { problems: own.length, average: bootstrapMean(own.map(shareRight), seed)! }] as const
  })
  return Object.fromEntries(entries)
}

const shareRight = ({ right, lines }: ScoredProblem): number => right / lines.length

function meanOrZero(values: readonly number[]): number {
  return values.length === 0 ? 0 : mean(values)
}

/**
 * The report of a benchmark.
 * @param linesOf  responses to a problem that there are, n at most
 * @param seed     of the bootstrap and of the subsets of maj@k
 */
export async function reportBenchmark(
  set: BenchmarkSet,
  linesOf: (item: BenchmarkProblem) => readonly ResponseLine[],
  { n, seed, timeoutMs }: { readonly n: number; readonly seed: number; readonly timeoutMs: number },
): Promise<BenchmarkReport> {
  const all = set.problems.map((item) => ({ item, lines: linesOf(item) }))
  // All problems at once: verifications wait in the pool and not for each other.
  const scored = (
    await Promise.all(all.map(({ item, lines }) => scoreProblem(set, item, lines.filter(isJudged), timeoutMs)))
  ).filter(({ lines }) => lines.length > 0)
  const lines = all.flatMap((one) => one.lines)
  const judged = scored.flatMap((one) => one.lines)
  const tokens = lines.map((line) => line.tokens).filter((count) => count !== null)
  const ks = attemptCounts(n)
  const byLevel = groups(scored, ({ level }) => level, seed)
  const byType = groups(scored, ({ type }) => type, seed)
  return {
    benchmark: set.benchmark.name,
    problems: scored.length,
    n,
    responses: judged.length,
    missing: all.length * n - lines.length,
    average: bootstrapMean(scored.map(shareRight), seed) ?? null,
    passAt: estimates(ks, (k) => scored.map(({ votes, right }) => passAtK(votes.length, right, k)), seed),
    // Subsets of its own for each problem, so that their noise averages out.
    majorityAt:
      n === 1
        ? {}
        : estimates(
            ks.slice(1),
            (k) => scored.map(({ votes, item }) => majorityAtK(votes, k, deriveSeed(seed, item.problem.id))),
            seed,
          ),
    truncationRate: meanOrZero(lines.map(({ stopReason }) => Number(stopReason === "length"))),
    noAnswerRate: meanOrZero(judged.map(({ status }) => Number(status === "no-answer"))),
    verifierFailures: lines.length - judged.length,
    unparsableGolds: judged.filter(({ status }) => status === "unparsable-gold").length,
    meanTokens: tokens.length === 0 ? null : mean(tokens),
    ...(byLevel === undefined ? {} : { byLevel }),
    ...(byType === undefined ? {} : { byType }),
  }
}
