/**
 * The index over a run's completions/*.jsonl. Files are read from the newest end backwards, part by part, so that the newest
 * responses are known at once; what an indexed file grows by comes first.
 */
import { lstat, readdir } from "node:fs/promises"
import type { FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { StatusNames, indexSegment } from "./completion-segment.ts"
import type { Segment } from "./completion-segment.ts"
import { openLog } from "./line-tail.ts"

const partBytes = 8 << 20
/** A last segment below this size is read again with what was appended, so that growth does not leave crumbs. */
const crumbBytes = 256 << 10

/** A log and the segments of it that are known, in the order of the file. Bytes [0, known) are not indexed yet. */
export interface IndexedFile {
  readonly name: string
  readonly path: string
  inode: number
  segments: Segment[]
  /** Start of the first segment. */
  known: number
  /** End of the last whole line that is known. */
  end: number
}

/** Index of one run. Only one `advance` or `refresh` runs at a time. */
export class CompletionIndex {
  readonly statuses: StatusNames = new StatusNames()
  readonly #folder: string
  #files: IndexedFile[] = []
  #running: Promise<unknown> | undefined
  #background = false

  constructor(runDirectory: string) {
    this.#folder = join(runDirectory, "completions")
  }

  /** The files, newest first. */
  get files(): readonly IndexedFile[] {
    return this.#files
  }

  /** Responses in the index. */
  get rows(): number {
    return this.#files.reduce((sum, { segments }) => sum + segments.reduce((rows, segment) => rows + segment.rows, 0), 0)
  }

  /** Part of the bytes that are indexed. */
  get share(): number {
    const all = this.#files.reduce((sum, { end }) => sum + end, 0)
    return all === 0 ? 1 : 1 - this.#files.reduce((sum, { known }) => sum + known, 0) / all
  }

  get isComplete(): boolean {
    return this.#files.every(({ known }) => known === 0)
  }

  /** Looks for new files and new lines. Lines behind indexed ones are indexed at once; a file of which nothing is waits for `advance`. */
  refresh(): Promise<void> {
    return this.#alone(async () => {
      const names = await listLogs(this.#folder)
      const files = names.map((name) => this.#files.find((file) => file.name === name) ?? newFile(this.#folder, name))
      for (const file of files) await this.#grow(file)
      this.#files = files
    })
  }

  /** Indexes the newest part that is not indexed yet. False when there is none. */
  advance(): Promise<boolean> {
    return this.#alone(async () => {
      const file = this.#files.find(({ known }) => known > 0)
      if (file === undefined) return false
      const handle = await openLog(file.path)
      if (handle === undefined) {
        file.known = 0
        return true
      }
      try {
        await this.#readPart(handle, file)
      } finally {
        await handle.close()
      }
      return true
    })
  }

  /** Goes on indexing in the pauses between requests. */
  continueInBackground(): void {
    if (this.#background) return
    this.#background = true
    const next = (): void => {
      void this.advance().then(
        (more) => (more ? setImmediate(next) : (this.#background = false)),
        () => (this.#background = false),
      )
    }
    setImmediate(next)
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined)
    const running = work().finally(() => (this.#running = undefined))
    this.#running = running
    return running
  }

  async #grow(file: IndexedFile): Promise<void> {
    const handle = await openLog(file.path)
    if (handle === undefined) return
    try {
      const { ino, size } = await handle.stat()
      if (file.inode !== ino || size < file.end) {
        Object.assign(file, { inode: ino, segments: [], known: 0, end: 0 })
      }
      if (size === file.end) return
      const end = await lastLineEnd(handle, file.end, size)
      if (end === file.end) return
      await this.#append(handle, file, end)
    } finally {
      await handle.close()
    }
  }

  /** Takes [file.end, end) in: at once when it follows indexed lines, else to be read when its turn comes. */
  async #append(handle: FileHandle, file: IndexedFile, end: number): Promise<void> {
    if (file.segments.length === 0) {
      Object.assign(file, { known: end, end })
      return
    }
    const last = file.segments.at(-1)!
    const isCrumb = last.end - last.start < crumbBytes
    let start = isCrumb ? last.start : file.end
    const added: Segment[] = []
    while (start < end) {
      const bytes = await readWholeLines(handle, start, end)
      if (bytes.length === 0) break
      added.push(indexSegment(bytes, start, this.statuses))
      start += bytes.length
    }
    file.segments = [...(isCrumb ? file.segments.slice(0, -1) : file.segments), ...added]
    file.end = end
  }

  /** The last part of [0, known), from a line's start on. */
  async #readPart(handle: FileHandle, file: IndexedFile): Promise<void> {
    for (let wanted = partBytes; file.known > 0; wanted *= 2) {
      const from = Math.max(0, file.known - wanted)
      const bytes = await readBytes(handle, from, file.known)
      if (bytes.length < file.known - from) {
        // The file was cut since: the next refresh starts it anew.
        file.known = 0
        return
      }
      const first = from === 0 ? 0 : bytes.indexOf(10) + 1
      if (first === bytes.length && from > 0) continue
      if (from > 0 && first === 0) continue
      file.segments = [indexSegment(bytes.subarray(first), from + first, this.statuses), ...file.segments]
      file.known = from + first
      return
    }
  }
}

function newFile(folder: string, name: string): IndexedFile {
  return { name, path: join(folder, name), inode: 0, segments: [], known: 0, end: 0 }
}

/** Names of the logs, newest first: they begin with their steps. */
async function listLogs(folder: string): Promise<string[]> {
  try {
    // A link in place of the folder is not followed: nothing outside the run is read.
    if (!(await lstat(folder)).isDirectory()) return []
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(".jsonl"))
      .map(({ name }) => name)
      .sort((a, b) => (a < b ? 1 : -1))
  } catch {
    return []
  }
}

/** Bytes [from, to) of a file; fewer when it ends before. */
export async function readBytes(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(to - from)
  let read = 0
  while (read < bytes.length) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return bytes.subarray(0, read)
}

async function readWholeLines(handle: FileHandle, from: number, end: number): Promise<Buffer> {
  for (let wanted = partBytes; ; wanted *= 2) {
    const bytes = await readBytes(handle, from, Math.min(end, from + wanted))
    const whole = bytes.lastIndexOf(10) + 1
    if (whole > 0 || bytes.length < wanted) return bytes.subarray(0, whole === 0 ? bytes.length : whole)
  }
}

/** End of the last whole line within [from, size); `from` when there is none. */
async function lastLineEnd(handle: FileHandle, from: number, size: number): Promise<number> {
  const block = 64 << 10
  for (let end = size; end > from; ) {
    const start = Math.max(from, end - block)
    const at = (await readBytes(handle, start, end)).lastIndexOf(10)
    if (at >= 0) return start + at + 1
    end = start
  }
  return from
}
