/** Filtered pages of responses, newest first: columns decide what can be decided without the texts, then parts of the files are searched. */
import type { FileHandle } from "node:fs/promises"
import type { Completion, CompletionPage, CompletionsQuery } from "../api.ts"
import { parseObject } from "./column-log.ts"
import type { CompletionIndex, IndexedFile } from "./completion-index.ts"
import { readBytes } from "./completion-index.ts"
import { jsonBytes, nameHash } from "./completion-segment.ts"
import type { Segment } from "./completion-segment.ts"
import { asText, completionOf, groupMemberOf, listCharacters, type GroupMember } from "./completion-view.ts"
import { openLog } from "./line-tail.ts"

/** A page is answered after this time of searching with what there is. */
const budgetMs = 200
/** Most responses of a group that are shown. */
const mostOfGroup = 256

/** A place in the logs: it is compared, never opened. */
interface Place {
  readonly file: string
  readonly offset: number
}

/** `steps-000000-000999.jsonl:1234`, without the ending. */
function keyOf({ file, offset }: Place): string {
  return `${file.replace(/\.jsonl$/, "")}:${offset}`
}

/** The place of a key or cursor; undefined when it is neither. */
function parseKey(key: string): Place | undefined {
  const match = /^([\w.-]{1,100}):(\d{1,15})$/.exec(key)
  return match === null ? undefined : { file: `${match[1]!}.jsonl`, offset: Number(match[2]) }
}

/** Tells the rows of a segment that pass the filters on columns. */
type RowTest = (segment: Segment, row: number) => boolean

interface Filter {
  readonly test: RowTest
  readonly mayHold: (segment: Segment) => boolean
  readonly isTrivial: boolean
}

function filterOf(query: CompletionsQuery, index: CompletionIndex): Filter {
  const { fromStep = -Infinity, toStep = Infinity, minReward, maxReward, problem, status } = query
  const hash = problem === undefined ? undefined : nameHash(jsonBytes(problem))
  // Looked up anew every time: the index gets to know further statuses while the search goes on.
  const isStatus = (code: number): boolean => status === undefined || code === index.statuses.names.indexOf(status) + 1
  const low = minReward ?? -Infinity
  const high = maxReward ?? Infinity
  const byReward = minReward !== undefined || maxReward !== undefined
  return {
    isTrivial: query.fromStep === undefined && query.toStep === undefined && !byReward && problem === undefined && status === undefined,
    mayHold: ({ minStep, maxStep }) => maxStep >= fromStep && minStep <= toStep && (status === undefined || index.statuses.names.includes(status)),
    test: ({ step, reward, problem: problems, status: codes }, row) =>
      step[row]! >= fromStep &&
      step[row]! <= toStep &&
      (hash === undefined || problems[row] === hash) &&
      isStatus(codes[row]!) &&
      (!byReward || (reward[row]! >= low && reward[row]! <= high)),
  }
}

/** A page of responses; the index is grown on the way when it does not reach far enough. */
export async function searchCompletions(index: CompletionIndex, query: CompletionsQuery): Promise<CompletionPage> {
  await index.refresh()
  const deadline = performance.now() + budgetMs
  const search = new Search(index, query, deadline)
  let outcome = await search.run()
  while (outcome === "end of index" && performance.now() < deadline) {
    await index.advance()
    outcome = await search.run()
  }
  index.continueInBackground()
  return {
    completions: search.found,
    cursor: outcome === "end" ? null : search.cursor,
    searchedAll: outcome === "end" || outcome === "full",
    total: query.text === undefined || query.text === "" ? countRows(index, query) : null,
    indexed: index.rows,
    indexedShare: index.share,
    statuses: index.statuses.names,
  }
}

/** Responses that pass the filters on columns. */
function countRows(index: CompletionIndex, query: CompletionsQuery): number {
  const filter = filterOf(query, index)
  if (filter.isTrivial) return index.rows
  let count = 0
  for (const { segments } of index.files) {
    for (const segment of segments) {
      if (!filter.mayHold(segment)) continue
      for (let row = 0; row < segment.rows; row++) if (filter.test(segment, row)) count += 1
    }
  }
  return count
}

type SearchOutcome = "full" | "time" | "end of index" | "end"

/** A walk through the index from the newest response on, which can go on where it stopped. */
class Search {
  readonly found: Completion[] = []
  readonly #index: CompletionIndex
  readonly #query: CompletionsQuery
  readonly #deadline: number
  readonly #filter: Filter
  readonly #needle: Needle | undefined
  #last: Place | undefined

  constructor(index: CompletionIndex, query: CompletionsQuery, deadline: number) {
    this.#index = index
    this.#query = query
    this.#deadline = deadline
    this.#filter = filterOf(query, index)
    this.#needle = query.text === undefined || query.text === "" ? undefined : new Needle(query.text)
    this.#last = query.cursor === undefined ? undefined : parseKey(query.cursor)
  }

  get cursor(): string | null {
    return this.#last === undefined ? null : keyOf(this.#last)
  }

  async run(): Promise<SearchOutcome> {
    for (const file of this.#index.files) {
      if (this.#last !== undefined && file.name > this.#last.file) continue
      const outcome = await this.#searchFile(file)
      if (outcome !== undefined) return outcome
      if (file.known > 0) break
    }
    return this.#index.isComplete ? "end" : "end of index"
  }

  async #searchFile(file: IndexedFile): Promise<SearchOutcome | undefined> {
    const handle = await openLog(file.path)
    if (handle === undefined) return undefined
    try {
      for (let i = file.segments.length - 1; i >= 0; i--) {
        const segment = file.segments[i]!
        const before = this.#last?.file === file.name ? this.#last.offset : Infinity
        if (segment.start >= before) continue
        if (!(await this.#searchSegment(handle, file, segment, before))) return "full"
        this.#last = { file: file.name, offset: segment.start }
        if (performance.now() > this.#deadline) return "time"
      }
      return undefined
    } finally {
      await handle.close()
    }
  }

  /** False when the page is full. */
  async #searchSegment(handle: FileHandle, file: IndexedFile, segment: Segment, before: number): Promise<boolean> {
    if (!this.#filter.mayHold(segment)) return true
    const rows = rowsBefore(segment, before, this.#filter)
    if (rows.length === 0) return true
    const wanted = this.#needle === undefined ? rows : await this.#needle.candidates(handle, segment, rows)
    for (const row of wanted) {
      const offset = segment.start + segment.offsets[row]!
      const bytes = await readBytes(handle, offset, segment.start + segment.offsets[row + 1]! - 1)
      if (this.#needle !== undefined && !this.#needle.isIn(bytes)) continue
      const key = keyOf({ file: file.name, offset })
      const completion = completionOf(bytes, { key, characters: listCharacters, parsesLong: false })
      if (completion === undefined) continue
      this.found.push(completion)
      this.#last = { file: file.name, offset }
      if (this.found.length >= this.#query.limit) return false
    }
    return true
  }
}

/** Rows of a segment that begin before a place and pass the filter, newest first. */
function rowsBefore(segment: Segment, before: number, filter: Filter): number[] {
  const rows: number[] = []
  for (let row = segment.rows - 1; row >= 0; row--) {
    if (segment.start + segment.offsets[row]! < before && filter.test(segment, row)) rows.push(row)
  }
  return rows
}

/** A text that is searched for. */
class Needle {
  readonly #text: string
  /** As it stands in the log, bytes as characters. */
  readonly #raw: string

  constructor(text: string) {
    this.#text = lower(text)
    this.#raw = lower(jsonBytes(text).toString("latin1"))
  }

  /** Rows whose line holds the text somewhere, out of the given ones (newest first). */
  async candidates(handle: FileHandle, segment: Segment, rows: readonly number[]): Promise<number[]> {
    const last = segment.offsets[rows[0]! + 1]!
    const first = segment.offsets[rows.at(-1)!]!
    // A few rows are read one by one.
    if (rows.length < 64 && rows.length * 8 < segment.rows) return [...rows]
    const haystack = lower((await readBytes(handle, segment.start + first, segment.start + last)).toString("latin1"))
    const hits = new Set<number>()
    let row = rows.at(-1)!
    for (let at = haystack.indexOf(this.#raw); at >= 0; ) {
      while (row < segment.rows - 1 && segment.offsets[row + 1]! - first <= at) row += 1
      hits.add(row)
      at = haystack.indexOf(this.#raw, segment.offsets[row + 1]! - first)
    }
    return rows.filter((candidate) => hits.has(candidate))
  }

  /** Whether the text is in what a person reads of the line. */
  isIn(bytes: Buffer): boolean {
    if (!lower(bytes.toString("latin1")).includes(this.#raw)) return false
    const line = parseObject(bytes.toString("utf8"))
    if (line === undefined) return false
    return ["completion", "prompt", "gold", "extracted", "reason", "problem"].some((name) => {
      const value = line[name]
      return value !== undefined && value !== null && lower(asText(value)).includes(this.#text)
    })
  }
}

/** Upper case as lower case. In the bytes of the log that is so for A to Z alone: those of other letters only match as they are. */
function lower(text: string): string {
  return text.toLowerCase()
}

/** All responses of a prompt in a step, in the order in which they were sampled. */
export async function readGroup(index: CompletionIndex, step: number, group: number | null): Promise<GroupMember[]> {
  await index.refresh()
  while (!reaches(index, step) && (await index.advance()));
  const found: GroupMember[] = []
  for (const file of [...index.files].reverse()) {
    const segments = file.segments.filter(({ minStep, maxStep }) => minStep <= step && step <= maxStep)
    if (segments.length === 0) continue
    const handle = await openLog(file.path)
    if (handle === undefined) continue
    try {
      for (const segment of segments) {
        for (let row = 0; row < segment.rows && found.length < mostOfGroup; row++) {
          if (segment.step[row] !== step || segment.group[row] !== (group ?? -1)) continue
          const offset = segment.start + segment.offsets[row]!
          const bytes = await readBytes(handle, offset, segment.start + segment.offsets[row + 1]! - 1)
          const member = groupMemberOf(bytes, keyOf({ file: file.name, offset }))
          if (member !== undefined) found.push(member)
        }
      }
    } finally {
      await handle.close()
    }
  }
  return found
}

/** Steps rise towards the end of the logs: once an earlier step is indexed, all of this one are. */
function reaches(index: CompletionIndex, step: number): boolean {
  const oldest = index.files.findLast(({ segments }) => segments.length > 0)?.segments[0]
  return oldest !== undefined && oldest.minStep < step
}

/** The text of one response, whole; undefined when no response is at that place. */
export async function readWholeCompletion(index: CompletionIndex, key: string): Promise<string | undefined> {
  const place = parseKey(key)
  const file = index.files.find(({ name }) => name === place?.file)
  if (place === undefined || file === undefined) return undefined
  const segment = file.segments.find(({ start, end }) => start <= place.offset && place.offset < end)
  const row = segment === undefined ? -1 : segment.offsets.indexOf(place.offset - segment.start)
  if (segment === undefined || row < 0 || row >= segment.rows) return undefined
  const handle = await openLog(file.path)
  if (handle === undefined) return undefined
  try {
    const bytes = await readBytes(handle, place.offset, segment.start + segment.offsets[row + 1]! - 1)
    const line = parseObject(bytes.toString("utf8"))
    return line === undefined ? undefined : asText(line["completion"] ?? "")
  } finally {
    await handle.close()
  }
}
