/** Run folders that nobody trained. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface FakeRun {
  readonly config?: string
  readonly metrics?: readonly object[]
  readonly evaluations?: readonly object[]
  readonly events?: readonly object[]
  readonly completions?: readonly object[]
  /** Behind the last line of metrics.jsonl. */
  readonly rest?: string
}

function lines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("")
}

/** Writes a run folder; logs that are not given do not exist. @returns the folder */
export function fakeRun(directory: string, { config = "seed: 7\ntask:\n  name: add2\ntrain:\n  steps: 4\n", metrics, evaluations, events, completions, rest = "" }: FakeRun): string {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "config.yaml"), config)
  if (metrics !== undefined) writeFileSync(join(directory, "metrics.jsonl"), lines(metrics) + rest)
  if (evaluations !== undefined) writeFileSync(join(directory, "evaluations.jsonl"), lines(evaluations))
  if (events !== undefined) writeFileSync(join(directory, "events.jsonl"), lines(events))
  if (completions !== undefined) {
    mkdirSync(join(directory, "completions"))
    writeFileSync(join(directory, "completions", "steps-000000-000999.jsonl"), lines(completions))
  }
  return directory
}

/** Lines of steps 1 to `count`: rewards that rise, a gate that reinforces and suppresses in turn from step 2 on. */
export function steps(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    step: i + 1,
    mu: 0.25 + (0.5 * i) / count,
    xi: i === 0 ? 0 : i % 2 === 1 ? 1 : -1,
    verdict: i === 0 ? "undecided" : i % 2 === 1 ? "improved" : "regressed",
    gate: i === 0 ? "skipped" : i % 2 === 1 ? "reinforce" : "suppress",
    expectedAccuracy: 0.3 + (0.5 * i) / count,
    entropy: 1 / (i + 1),
    responseLength: 4,
    time: { at: "2026-01-02T03:04:05.000Z", seconds: 2, sampleSeconds: 0.5, trainSeconds: 1 },
  }))
}

const empty = /^(?:meta|br|!doctype)$/

/** Elements that are opened and not closed, or closed in the wrong order; none in well-formed markup. */
export function unbalanced(markup: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  const content = markup.replace(/<style>.*?<\/style>/gs, "")
  for (const [, closing, name, selfClosing] of content.matchAll(/<(\/?)([a-z!][a-z0-9]*)(?:\s+[a-zA-Z-]+(?:="[^"<]*")?)*\s*(\/?)>/g)) {
    if (selfClosing === "/" || empty.test(name!)) continue
    if (closing === "") open.push(name!)
    else if (open.pop() !== name) wrong.push(name!)
  }
  return [...open, ...wrong]
}
