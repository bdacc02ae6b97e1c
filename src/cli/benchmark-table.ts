/** Benchmark reports as a table for people. */
import type { BenchmarkReport, ReportGroup } from "../evaluation/benchmark-report.ts"
import type { Estimate } from "../evaluation/statistics.ts"
import { formatShare, formatTable } from "./format.ts"

/** `71.2 % [67.3, 75.0]`; `-` when there is none. */
function formatEstimate(estimate: Estimate | null | undefined): string {
  if (estimate === null || estimate === undefined) return "-"
  const bound = (value: number): string => (100 * value).toFixed(1)
  return `${formatShare(estimate.value)} [${bound(estimate.low)}, ${bound(estimate.high)}]`
}

function groupRows(name: string, groups: Readonly<Record<string, ReportGroup>> | undefined): string[][] {
  return Object.entries(groups ?? {}).map(([value, { problems, average }]) => [
    `  ${name} ${value}`,
    String(problems),
    formatEstimate(average),
  ])
}

/** What a person must know beside the numbers: responses that are missing or could not be judged. */
function remarks({ benchmark, missing, verifierFailures, unparsableGolds }: BenchmarkReport): string[] {
  const said: readonly (readonly [number, string])[] = [
    [missing, "responses are missing: the same command asks for them"],
    [verifierFailures, "responses could not be judged and are left out"],
    [unparsableGolds, "responses are to problems whose gold answer could not be read"],
  ]
  return said.filter(([count]) => count > 0).map(([count, what]) => `${benchmark}: ${count} ${what}`)
}

/** One line per benchmark, with its levels and types below it. Intervals are 95 %, over problems. */
export function benchmarkTable(reports: readonly BenchmarkReport[]): string {
  const n = reports[0]?.n ?? 1
  const several = n > 1
  const head = [
    "benchmark",
    "problems",
    several ? `avg@${n}` : "pass@1",
    ...(several ? [`pass@${n}`, `maj@${n}`] : []),
    "truncated",
    "no answer",
    "tokens",
  ]
  const rows = reports.flatMap((report) => [
    [
      report.benchmark,
      String(report.problems),
      formatEstimate(report.average),
      ...(several ? [formatEstimate(report.passAt[n]), formatEstimate(report.majorityAt[n])] : []),
      formatShare(report.truncationRate),
      formatShare(report.noAnswerRate),
      report.meanTokens === null ? "-" : report.meanTokens.toFixed(0),
    ],
    ...groupRows("level", report.byLevel),
    ...groupRows("type", report.byType),
  ])
  return `${formatTable([head, ...rows])}${reports
    .flatMap(remarks)
    .map((line) => `${line}\n`)
    .join("")}`
}
