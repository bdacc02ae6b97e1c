/**
 * A part of a completions log as an index: for each line where it begins, and what filters ask for. The texts stay in the file.
 */

/** Status codes shared by all segments of a run. */
export class StatusNames {
  readonly names: string[] = []

  /** 0 is no status; more than 254 different ones count as none. */
  code(name: string | undefined): number {
    if (name === undefined) return 0
    const known = this.names.indexOf(name)
    if (known >= 0) return known + 1
    return this.names.length < 254 ? this.names.push(name) : 0
  }
}

/** Lines [start, end) of a file, which begins and ends at a line's end. */
export interface Segment {
  readonly start: number
  readonly end: number
  readonly rows: number
  /** [rows + 1] starts of the lines relative to `start`, and the end. */
  readonly offsets: Uint32Array
  readonly step: Int32Array
  /** -1 without a group. */
  readonly group: Int32Array
  /** NaN without a reward. */
  readonly reward: Float32Array
  /** Hash of the problem's name. */
  readonly problem: Uint32Array
  readonly status: Uint8Array
  readonly minStep: number
  readonly maxStep: number
}

/** FNV-1a of the bytes of a name as JSON writes it, without the quotes. */
export function nameHash(bytes: Uint8Array, from: number = 0, to: number = bytes.length): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}

/** The bytes of a text as JSON writes it, without the quotes. */
export function jsonBytes(text: string): Buffer {
  return Buffer.from(JSON.stringify(text).slice(1, -1))
}

const key = (name: string): Buffer => Buffer.from(`,"${name}":`)
const [groupKey, problemKey, completionKey, rewardKey, statusKey] = ["group", "problem", "completion", "reward", "status"].map(key) as [Buffer, Buffer, Buffer, Buffer, Buffer]
const stepStart = Buffer.from('{"step":')

/**
 * Indexes whole lines. A quote inside a JSON text is always escaped, so `,"reward":` is a key wherever it stands; the keys come in the
 * order in which the trainer writes them. Other lines are parsed.
 * @param bytes  whole lines, read from `start` of the file
 */
export function indexSegment(bytes: Buffer, start: number, statuses: StatusNames): Segment {
  const lines = countLines(bytes)
  const segment = {
    offsets: new Uint32Array(lines + 1),
    step: new Int32Array(lines),
    group: new Int32Array(lines).fill(-1),
    reward: new Float32Array(lines).fill(Number.NaN),
    problem: new Uint32Array(lines),
    status: new Uint8Array(lines),
  }
  let [rows, minStep, maxStep] = [0, Infinity, -Infinity]
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(10, from)
    if (to < 0) break
    segment.offsets[rows] = from
    const line = bytes.subarray(from, to)
    const fields = readFields(line) ?? parseFields(line)
    segment.step[rows] = fields.step
    segment.group[rows] = fields.group
    segment.reward[rows] = fields.reward
    segment.problem[rows] = fields.problem
    segment.status[rows] = statuses.code(fields.status)
    if (fields.step < minStep) minStep = fields.step
    if (fields.step > maxStep) maxStep = fields.step
    rows += 1
    from = to + 1
  }
  segment.offsets[rows] = bytes.length
  return { start, end: start + bytes.length, rows, ...segment, minStep, maxStep }
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1
  return count
}

interface Fields {
  readonly step: number
  readonly group: number
  readonly reward: number
  readonly problem: number
  readonly status: string | undefined
}

/** Fields of a line as the trainer writes it; undefined when it is not of that form. */
function readFields(line: Buffer): Fields | undefined {
  if (!line.subarray(0, stepStart.length).equals(stepStart)) return undefined
  const step = readInteger(line, stepStart.length)
  let at = stepStart.length
  while (isDigit(line[at])) at += 1
  let group = -1
  if (startsAt(line, groupKey, at)) {
    at += groupKey.length
    group = readInteger(line, at)
    while (isDigit(line[at])) at += 1
  }
  if (!startsAt(line, problemKey, at) || line[at + problemKey.length] !== 34) return undefined
  const nameStart = at + problemKey.length + 1
  const nameEnd = endOfText(line, nameStart)
  const completion = line.indexOf(completionKey, nameEnd)
  const rewardAt = completion < 0 ? -1 : line.indexOf(rewardKey, completion)
  if (rewardAt < 0) return undefined
  const reward = readNumber(line, rewardAt + rewardKey.length)
  const statusAt = line.indexOf(statusKey, rewardAt)
  const from = statusAt + statusKey.length + 1
  const status = statusAt < 0 || line[from - 1] !== 34 ? undefined : line.toString("latin1", from, endOfText(line, from))
  return { step, group, reward, problem: nameHash(line, nameStart, nameEnd), status }
}

function parseFields(line: Buffer): Fields {
  let record: Record<string, unknown> = {}
  try {
    record = (JSON.parse(line.toString("utf8")) ?? {}) as Record<string, unknown>
  } catch {
    // A damaged line has no step, and no filter but "all" finds it.
  }
  const number = (name: string, other: number): number => (typeof record[name] === "number" ? record[name] : other)
  const { problem, status } = record
  return {
    step: number("step", -1),
    group: number("group", -1),
    reward: number("reward", Number.NaN),
    problem: typeof problem === "string" ? nameHash(jsonBytes(problem)) : 0,
    status: typeof status === "string" ? status : undefined,
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}

function startsAt(line: Buffer, text: Buffer, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (line[at + i] !== text[i]) return false
  return true
}

function readInteger(line: Buffer, at: number): number {
  let value = 0
  for (let i = at; isDigit(line[i]); i++) value = value * 10 + line[i]! - 48
  return value
}

/** Rewards are mostly one digit; anything else is read as text. */
function readNumber(line: Buffer, at: number): number {
  let end = at
  while (end < line.length && line[end] !== 44 && line[end] !== 125) end += 1
  if (end === at + 1 && isDigit(line[at])) return line[at]! - 48
  const text = line.toString("latin1", at, end)
  return text === "null" ? Number.NaN : Number(text)
}

/** Place of the quote that ends a JSON text. */
function endOfText(line: Buffer, at: number): number {
  let end = at
  while (end < line.length && line[end] !== 34) end += line[end] === 92 ? 2 : 1
  return end
}
