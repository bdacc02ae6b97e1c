import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, double, integer, property, string, uint8Array } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { createRunFolder, readRun, resumeRunFolder } from "../runs/index.ts"
import { crc32c, maskedCrc32c } from "./crc32c.ts"
import { evaluationScalars, metricScalars } from "./scalars.ts"
import { EventFile, tensorBoardMirror, tfRecord, writeTensorBoard } from "./tensorboard.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-tensorboard-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface ReadEvent {
  wallTime: number
  step: number
  fileVersion?: string
  sessionStart?: boolean
  scalars: Record<string, number>
}

/** Bit by bit, without the table of the writer. */
function slowCrc32c(data: Uint8Array): number {
  let crc = 0xffffffffn
  for (const byte of data) {
    crc ^= BigInt(byte)
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n
  }
  return Number(crc ^ 0xffffffffn)
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/** Fields of a protocol buffer: number to raw values. */
function fieldsOf(data: Buffer): Map<number, (bigint | Buffer)[]> {
  const fields = new Map<number, (bigint | Buffer)[]>()
  let at = 0
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n]
    for (;;) {
      const byte = data[at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
      shift += 7n
    }
  }
  while (at < data.length) {
    const tag = Number(varint())
    const take = (count: number): Buffer => data.subarray(at, (at += count))
    const value = [() => varint(), () => take(8), () => take(Number(varint())), undefined, undefined, () => take(4)][tag & 7]!()
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

function readEvents(file: string): ReadEvent[] {
  const bytes = readFileSync(file)
  const events: ReadEvent[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 12) break
    const length = Number(bytes.readBigUInt64LE(at))
    if (bytes.length - at < 16 + length) break
    expect(unmask(bytes.readUInt32LE(at + 8))).toBe(slowCrc32c(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(slowCrc32c(data))
    at += 16 + length
    const fields = fieldsOf(data)
    const entries: [tag: string, value: number][] = []
    for (const value of fieldsOf((fields.get(5)?.[0] as Buffer) ?? Buffer.alloc(0)).get(1) ?? []) {
      const entry = fieldsOf(value as Buffer)
      entries.push([(entry.get(1)![0] as Buffer).toString("utf8"), (entry.get(2)![0] as Buffer).readFloatLE()])
    }
    const version = fields.get(3)?.[0] as Buffer | undefined
    events.push({
      wallTime: (fields.get(1)![0] as Buffer).readDoubleLE(),
      step: Number(fields.get(2)?.[0] ?? 0n),
      ...(version === undefined ? {} : { fileVersion: version.toString("utf8") }),
      ...(fields.has(7) ? { sessionStart: fieldsOf(fields.get(7)![0] as Buffer).get(1)![0] === 1n } : {}),
      // Not by assignment: a tag may be __proto__.
      scalars: Object.fromEntries(entries),
    })
  }
  return events
}

/** What a reader keeps: files in the order of their names, a session's start voids what came before from its step on. */
function curve(directory: string, tag: string): [step: number, value: number][] {
  let points: [number, number][] = []
  for (const name of readdirSync(directory).sort()) {
    for (const { step, sessionStart, scalars } of readEvents(join(directory, name))) {
      if (sessionStart) points = points.filter(([other]) => other < step)
      if (scalars[tag] !== undefined) points.push([step, scalars[tag]])
    }
  }
  return points
}

const at = "2026-01-01T00:00:00.500Z"
const options = { configYaml: "seed: 1\n", keepCheckpoints: 5 }

describe("checksums", () => {
  test("are those of the published examples", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283)
    // RFC 3720, B.4: 32 bytes of zeros, and of ones.
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  })

  test("agree with a bitwise computation, and unmasking undoes masking", () => {
    assert(
      property(uint8Array({ maxLength: 200 }), (data) => {
        expect(crc32c(data)).toBe(slowCrc32c(data))
        expect(unmask(maskedCrc32c(data))).toBe(crc32c(data))
      }),
    )
  })

  test("of a record notice a changed byte", () => {
    const record = tfRecord(Buffer.from("abc"))
    record[13]! ^= 1
    expect(unmask(record.readUInt32LE(15))).not.toBe(slowCrc32c(record.subarray(12, 15)))
  })
})

describe("an event file", () => {
  test("holds any scalar that is put in", () => {
    let number = 0
    assert(
      property(integer({ min: 0, max: 2 ** 40 }), string({ unit: "grapheme", maxLength: 40 }), double({ noNaN: true }), (step, tag, value) => {
        const file = new EventFile(join(root, `any-${number++}`), 1.5)
        file.add(step, [[tag, value]], 2.25)
        file.close()
        const [head, event] = readEvents(file.path)
        expect(head).toEqual({ wallTime: 1.5, step: 0, fileVersion: "brain.Event:2", scalars: {} })
        expect(event).toEqual({ wallTime: 2.25, step, scalars: { [tag]: Math.fround(value) } })
      }),
      { numRuns: 30, examples: [[1, "__proto__", 0.5]] },
    )
  })

  test("stands behind those before it, however close they were opened", () => {
    const directory = join(root, "order")
    const files = [1, 2, 3].map(() => new EventFile(directory, 1_700_000_000.5))
    files.forEach((file) => file.close())
    expect(files.map(({ path }) => path).sort()).toEqual(files.map(({ path }) => path))
  })
})

describe("a run in TensorBoard", () => {
  test("has every number of its lines under its name, with the time of the line", () => {
    const directory = join(root, "run")
    const folder = createRunFolder(directory, options)
    folder.logMetrics({ step: 3, mu: 0.5, xi: null, verdict: "regressed", successRateHistogram: [1, 2], loss: Number.NaN, time: { at, seconds: 4 } })
    folder.logEvaluation({ step: 3, size: 10, greedyAccuracy: 0.25, greedyCorrect: "01", time: { at, seconds: 1 } })
    folder.close()
    const out = join(root, "run-events")
    writeTensorBoard(out, readRun(directory))
    const events = readEvents(join(out, readdirSync(out)[0]!))
    expect(events.slice(1)).toEqual([
      {
        wallTime: Date.parse(at) / 1000,
        step: 3,
        scalars: { "train/mu": 0.5, "train/successRateHistogram/0": 1, "train/successRateHistogram/1": 2, "train/verdict": -1, "time/seconds": 4 },
      },
      { wallTime: Date.parse(at) / 1000, step: 3, scalars: { "evaluation/size": 10, "evaluation/greedyAccuracy": 0.25 } },
    ])
  })

  test("that is resumed has every step once, also when its process died within a record", async () => {
    const directory = join(root, "resumed")
    const first = createRunFolder(directory, options)
    first.mirrorTo(tensorBoardMirror(directory, undefined))
    for (let step = 1; step <= 4; step++) {
      first.logMetrics({ step, mu: step, time: { at, seconds: 1 } })
      if (step === 2) await first.checkpoints.write(2, () => {})
    }
    first.close()
    const events = join(directory, "tensorboard")
    appendFileSync(join(events, readdirSync(events)[0]!), tfRecord(Buffer.alloc(50)).subarray(0, 30))
    const { folder, from } = resumeRunFolder(directory, options)
    folder.mirrorTo(tensorBoardMirror(directory, from.checkpoint!.step + 1))
    for (let step = 3; step <= 5; step++) folder.logMetrics({ step, mu: 10 * step, time: { at, seconds: 1 } })
    folder.close()
    expect(curve(events, "train/mu")).toEqual([
      [1, 1],
      [2, 2],
      [3, 30],
      [4, 40],
      [5, 50],
    ])
  })
})

test("scalars leave out what is no number, and give a verdict one", () => {
  expect(metricScalars({ step: 1, mu: 1, verdict: "improved", gate: "open", time: { at, seconds: 2 } })).toEqual([
    ["train/mu", 1],
    ["train/verdict", 1],
    ["time/seconds", 2],
  ])
  expect(evaluationScalars({ step: 1, size: 2, expectedAccuracy: 0.5, time: { at } })).toEqual([
    ["evaluation/size", 2],
    ["evaluation/expectedAccuracy", 0.5],
  ])
})
