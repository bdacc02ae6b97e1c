/**
 * An offline run of Weights & Biases: the transaction log that `wandb sync` uploads, in blocks of LevelDB's log format,
 * with one protocol buffer per record (wandb_internal.proto).
 */
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { crc32 } from "node:zlib"
import { ProtobufWriter } from "../graph/onnx/protobuf.ts"
import { settingsOf, summarizeRun, type RunRecord } from "../runs/index.ts"
import { evaluationScalars, metricScalars, secondsOf, type Scalar } from "./scalars.ts"

const BLOCK = 32_768
const HEADER = 7
/** Kinds of a piece of a record. */
const piece = { full: 1, first: 2, middle: 3, last: 4 } as const

/**
 * Records in blocks of 32 KiB. A piece is uint32 crc32 (zlib's, of kind and data), uint16 length, uint8 kind, data; a rest of
 * a block that cannot hold a header is zero. The file begins with ":W&B", 0xBEE1 and a version.
 * Source: LevelDB's log format; the checksum is Weights & Biases' own choice.
 */
export function transactionLog(records: Iterable<Uint8Array>): Buffer {
  const parts: Buffer[] = [Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0])]
  let position = HEADER
  const push = (part: Buffer): void => {
    parts.push(part)
    position += part.length
  }
  for (const record of records) {
    let offset = 0
    for (let begins = true, ends = false; !ends; ) {
      const left = BLOCK - (position % BLOCK)
      if (left < HEADER) {
        push(Buffer.alloc(left))
        continue
      }
      const length = Math.min(record.length - offset, left - HEADER)
      ends = offset + length === record.length
      const kind = begins ? (ends ? piece.full : piece.first) : ends ? piece.last : piece.middle
      const data = record.subarray(offset, offset + length)
      const header = Buffer.alloc(HEADER)
      header.writeUInt32LE(crc32(data, crc32(Buffer.from([kind]))), 0)
      header.writeUInt16LE(length, 4)
      header.writeUInt8(kind, 6)
      push(Buffer.concat([header, data]))
      offset += length
      begins = false
    }
  }
  return Buffer.concat(parts)
}

/** Field numbers of wandb_internal.Record. */
const field = { history: 2, summary: 3, run: 17, exit: 18, header: 21 } as const

function item(key: string, value: unknown): ProtobufWriter {
  return new ProtobufWriter().string(1, key).string(16, JSON.stringify(value))
}

function timestamp(seconds: number): ProtobufWriter {
  const whole = Math.floor(seconds)
  return new ProtobufWriter().integer(1, whole).integer(2, Math.round((seconds - whole) * 1e9))
}

/** What a run is called there. */
export interface WandbNames {
  readonly project: string
  readonly name: string
}

/** An id that stays the same however often a run is exported: it is then one run there, too. */
export function wandbRunId(run: RunRecord): string {
  // An older version may not have noted the time.
  const first: { readonly time?: { readonly at?: string } } | undefined = run.events[0]
  const start = first?.time?.at ?? ""
  return createHash("sha256").update(`${run.name}\n${start}\n${run.configYaml}`).digest("hex").slice(0, 8)
}

/**
 * Writes `offline-run-<start>-<id>` into a folder.
 * @returns its path
 */
export function writeWandb(directory: string, run: RunRecord, names: WandbNames): string {
  const id = wandbRunId(run)
  const start = secondsOf(run.events[0] ?? run.metrics[0] ?? run.evaluations[0] ?? {}) ?? 0
  const stamp = new Date(1000 * start).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "_")
  const folder = join(directory, `offline-run-${stamp}-${id}`)
  mkdirSync(join(folder, "files"), { recursive: true })
  writeFileSync(join(folder, `run-${id}.wandb`), transactionLog(recordsOf(run, names, id, start)))
  return folder
}

function* recordsOf(run: RunRecord, { project, name }: WandbNames, id: string, start: number): Generator<Uint8Array> {
  let number = 0
  const record = (kind: number, content: ProtobufWriter): Uint8Array => {
    number += 1
    const info = new ProtobufWriter().string(1, id)
    return new ProtobufWriter().integer(1, number).message(kind, content).message(200, info).finish()
  }
  const config = new ProtobufWriter()
  for (const [key, value] of Object.entries(settingsOf(run) ?? {})) config.message(1, item(key, value))

  yield record(field.header, new ProtobufWriter().message(1, new ProtobufWriter().string(1, "pirl").string(2, "0.10.0")))
  yield record(
    field.run,
    new ProtobufWriter().string(1, id).string(3, project).message(4, config).string(8, name).string(13, hostname()).message(17, timestamp(start)),
  )
  let last = start
  for (const [step, { scalars, seconds }] of steps(run)) {
    last = seconds ?? last
    const history = new ProtobufWriter()
    const values: Scalar[] = [...scalars, ["_step", step], ["_timestamp", last], ["_runtime", Math.max(0, last - start)]]
    for (const [tag, value] of values) history.message(1, item(tag, value))
    yield record(field.history, history.message(2, new ProtobufWriter().integer(1, step)))
  }
  const summary = new ProtobufWriter()
  for (const [key, value] of Object.entries(finalValues(run))) summary.message(1, item(key, value))
  yield record(field.summary, summary)
  yield record(field.exit, new ProtobufWriter().integer(1, run.state === "failed" || run.state === "crashed" ? 1 : 0).integer(2, Math.round(last - start)))
}

interface StepScalars {
  readonly scalars: readonly Scalar[]
  readonly seconds: number | undefined
}

/** Metrics and evaluation of a step are one line there; steps only grow. */
function steps(run: RunRecord): [step: number, scalars: StepScalars][] {
  const byStep = new Map<number, StepScalars>()
  const add = (step: number, scalars: readonly Scalar[], seconds: number | undefined): void => {
    byStep.set(step, { scalars: [...(byStep.get(step)?.scalars ?? []), ...scalars], seconds: seconds ?? byStep.get(step)?.seconds })
  }
  for (const line of run.metrics) add(line.step, metricScalars(line), secondsOf(line))
  for (const line of run.evaluations) add(line.step, evaluationScalars(line), secondsOf(line))
  return [...byStep].sort(([a], [b]) => a - b)
}

/** The run's summary beside the last value of every curve. */
function finalValues(run: RunRecord): Record<string, unknown> {
  const curves = Object.fromEntries(steps(run).flatMap(([, { scalars }]) => scalars))
  return { ...curves, summary: run.summary ?? summarizeRun(run.metrics, run.evaluations), state: run.state }
}
