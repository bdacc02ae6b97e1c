/**
 * Event files of TensorBoard: records of protocol buffers with checksums, scalars only.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { PirlError } from "../errors.ts"
import { ProtobufWriter } from "../graph/onnx/protobuf.ts"
import type { RunMirror, RunRecord } from "../runs/index.ts"
import { maskedCrc32c } from "./crc32c.ts"
import { evaluationScalars, metricScalars, secondsOf, type Scalar } from "./scalars.ts"

/** Status START of a session: readers forget what they had read from its step on. */
const SESSION_START = 1

/**
 * A record: uint64 length, its masked CRC, the data, its masked CRC; all little-endian.
 * Source: TFRecord in TensorFlow's documentation.
 */
export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(16 + data.length)
  record.writeBigUInt64LE(BigInt(data.length), 0)
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8)
  record.set(data, 12)
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length)
  return record
}

function event(seconds: number, step: number): ProtobufWriter {
  const writer = new ProtobufWriter().double(1, seconds)
  return step === 0 ? writer : writer.integer(2, step)
}

/** An event file. Every record is whole in the file when the call returns. */
export class EventFile {
  readonly path: string
  readonly #descriptor: number
  #seconds: number

  /**
   * Opens a new file behind those that are in the folder: TensorBoard reads them in the order of their names.
   * @param seconds   time of the first record, since 1970
   * @param restart   first step that is written again; what earlier files say from it on is void
   */
  constructor(directory: string, seconds: number, restart?: number) {
    mkdirSync(directory, { recursive: true })
    this.path = join(directory, `events.out.tfevents.${nextStamp(directory, seconds)}.${hostname()}.pirl`)
    this.#descriptor = openSync(this.path, "wx")
    this.#seconds = seconds
    this.#write(event(seconds, 0).string(3, "brain.Event:2"))
    if (restart !== undefined) this.#write(event(seconds, restart).message(7, new ProtobufWriter().integer(1, SESSION_START)))
  }

  /** Appends scalars of one step. @param seconds  since 1970; that of the last record when undefined */
  add(step: number, scalars: readonly Scalar[], seconds: number | undefined): void {
    if (scalars.length === 0) return
    this.#seconds = seconds ?? this.#seconds
    const summary = new ProtobufWriter()
    for (const [tag, value] of scalars) summary.message(1, new ProtobufWriter().string(1, tag).float(2, value))
    this.#write(event(this.#seconds, step).message(5, summary))
  }

  #write(message: ProtobufWriter): void {
    const record = tfRecord(message.finish())
    try {
      for (let written = 0; written < record.length; ) written += writeSync(this.#descriptor, record, written)
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
      throw new PirlError(`tensorboard ${this.path}: expected to append a record, got ${reason}. Make room on the disk.`, { cause })
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** Ten digits of seconds, later than those of every event file in the folder. */
function nextStamp(directory: string, seconds: number): string {
  const used = readdirSync(directory).map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? -1))
  return String(Math.max(Math.floor(seconds), ...used.map((stamp) => stamp + 1))).padStart(10, "0")
}

/**
 * Writes what a run logs to `DIRECTORY/tensorboard` as well. Every session has a file of its own; that of a resumed run
 * makes what earlier ones say after its checkpoint void.
 * @param restart  first step of a resumed run; undefined for a new one
 */
export function tensorBoardMirror(runDirectory: string, restart: number | undefined): RunMirror {
  const directory = join(runDirectory, "tensorboard")
  const file = new EventFile(directory, Date.now() / 1000, existsSync(directory) ? restart : undefined)
  return {
    metrics: (line) => file.add(line.step, metricScalars(line), secondsOf(line)),
    evaluation: (line) => file.add(line.step, evaluationScalars(line), secondsOf(line)),
    close: () => file.close(),
  }
}

/** Writes one event file of a whole run into a folder. */
export function writeTensorBoard(directory: string, run: RunRecord): void {
  const file = new EventFile(directory, secondsOf(run.events[0] ?? run.metrics[0] ?? {}) ?? 0)
  try {
    for (const line of run.metrics) file.add(line.step, metricScalars(line), secondsOf(line))
    for (const line of run.evaluations) file.add(line.step, evaluationScalars(line), secondsOf(line))
  } finally {
    file.close()
  }
}
