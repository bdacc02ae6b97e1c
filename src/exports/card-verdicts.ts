/** What the log of a run says of its updates, for its card: verdicts, measurements, or nothing. */
import type { MetricsLine, RunSummary } from "../runs/index.ts"

/** Standard errors beyond which a measured improvement is told from 0. */
const decisive = 2

/** Rows of a card; none where nothing judged the updates. */
export function verdictRows(
  metrics: readonly MetricsLine[],
  verdicts: RunSummary["verdicts"],
): (readonly [string, string])[] {
  return [...gateRow(verdicts), ...measuredRow(metrics)]
}

function gateRow({ improved, regressed, undecided, unjudged }: RunSummary["verdicts"]): (readonly [string, string])[] {
  if (improved + regressed + undecided === 0) return []
  const without = unjudged === 0 ? "" : `, ${unjudged} steps without a verdict`
  return [["verdicts on updates", `${improved} improved, ${regressed} regressed, ${undecided} undecided${without}`]]
}

/** Of runs that measure each update on the responses of the next step. */
function measuredRow(metrics: readonly MetricsLine[]): (readonly [string, string])[] {
  const distances = metrics.flatMap(({ improvement, improvementStandardError: error }) =>
    typeof improvement === "number" && typeof error === "number" && error > 0 ? [improvement / error] : [],
  )
  if (distances.length === 0) return []
  const better = distances.filter((distance) => distance > decisive).length
  const worse = distances.filter((distance) => distance < -decisive).length
  const leftOut = metrics.filter(({ stepCut }) => stepCut === 1 || stepCut === true).length
  const text = `${better} better, ${worse} worse, ${distances.length - better - worse} within two standard errors`
  return [["measured updates", leftOut === 0 ? text : `${text}; ${leftOut} steps left without an update`]]
}
