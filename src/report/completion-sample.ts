/** A few responses of a run for its report: from the first step that was kept and from the last, read from the ends of the logs alone. */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { Completion } from "../dashboard/api.ts"
import { readBytes } from "../dashboard/server/completion-index.ts"
import { completionOf } from "../dashboard/server/completion-view.ts"
import { openLog } from "../dashboard/server/line-tail.ts"

/** Characters of a response that are shown. */
const characters = 3000
/** Responses of one group. */
const mostOfGroup = 16
const firstBytes = 1 << 20
/** Where not even one group fits into this, the log is given up. */
const mostBytes = 64 << 20

/** Responses to one prompt in one step. */
export interface CompletionGroup {
  readonly step: number
  readonly group: number | null
  readonly responses: readonly Completion[]
}

/** One group of the first step with responses, and one of the last; one of them in a run of one step, none where nothing was kept. */
export async function sampleGroups(directory: string): Promise<CompletionGroup[]> {
  const folder = join(directory, "completions")
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".jsonl")).sort()
  if (names.length === 0) return []
  const first = groupAt(await linesAt(join(folder, names[0]!), "start"), 0)
  const last = await lastGroup(names.map((name) => join(folder, name)))
  return [first, last].flatMap((group, i) => (group === undefined || (i === 1 && group.step === first?.step) ? [] : [group]))
}

/** The newest file may not have a whole line yet. */
async function lastGroup(paths: readonly string[]): Promise<CompletionGroup | undefined> {
  for (const path of [...paths].reverse()) {
    const lines = await linesAt(path, "end")
    const last = lines.at(-1)
    const group = last === undefined ? undefined : groupAt(lines, lines.findIndex((line) => isSameGroup(line, last)))
    if (group !== undefined) return group
  }
  return undefined
}

/** Whole lines at one end of a file that hold at least one whole group, unless that would take too many bytes. */
async function linesAt(path: string, end: "start" | "end"): Promise<Completion[]> {
  const file = await openLog(path)
  if (file === undefined) return []
  try {
    const { size } = await file.stat()
    for (let length = firstBytes; ; length *= 4) {
      const from = end === "start" ? 0 : Math.max(0, size - length)
      const bytes = await readBytes(file, from, Math.min(size, from + length))
      const isAll = bytes.length >= size
      const lines = completionsIn(bytes, from > 0)
      const hasGroup = lines.length > 0 && !isSameGroup(lines[0]!, lines.at(-1)!)
      if (isAll || hasGroup || length >= mostBytes) return lines
    }
  } finally {
    await file.close()
  }
}

function completionsIn(bytes: Buffer, isCutAbove: boolean): Completion[] {
  const found: Completion[] = []
  let start = isCutAbove ? bytes.indexOf(10) + 1 : 0
  for (let end = bytes.indexOf(10, start); end >= 0; start = end + 1, end = bytes.indexOf(10, start)) {
    const line = bytes.subarray(start, end)
    const completion = completionOf(line, { key: "", characters, parsesLong: true })
    if (completion !== undefined) found.push(completion)
  }
  return found
}

function isSameGroup(one: Completion, other: Completion): boolean {
  return one.step === other.step && one.group === other.group && one.problem === other.problem
}

function groupAt(lines: readonly Completion[], index: number): CompletionGroup | undefined {
  const first = lines[index]
  if (first === undefined) return undefined
  return { step: first.step, group: first.group, responses: lines.filter((line) => isSameGroup(line, first)).slice(0, mostOfGroup) }
}
