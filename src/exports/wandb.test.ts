import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { array, assert, integer, property } from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { createRunFolder, readRun } from "../runs/index.ts"
import { transactionLog, wandbRunId, writeWandb } from "./wandb.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-wandb-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** CRC-32 of zlib, bit by bit. */
function slowCrc32(data: Uint8Array): number {
  let crc = 0xffffffffn
  for (const byte of data) {
    crc ^= BigInt(byte)
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0xedb88320n : crc >> 1n
  }
  return Number(crc ^ 0xffffffffn)
}

/** Records of a log in blocks of 32 KiB: pieces are joined, rests of blocks skipped. */
function readLog(log: Buffer, checked = true): Buffer[] {
  expect([...log.subarray(0, 7)]).toEqual([...Buffer.from(":W&B"), 0xe1, 0xbe, 0])
  const records: Buffer[] = []
  let open: Buffer[] | undefined
  for (let at = 7; at < log.length; ) {
    const left = 32_768 - (at % 32_768)
    if (left < 7) {
      expect([...log.subarray(at, at + left)].every((byte) => byte === 0)).toBe(true)
      at += left
      continue
    }
    const [crc, length, kind] = [log.readUInt32LE(at), log.readUInt16LE(at + 4), log[at + 6]!]
    expect(length).toBeLessThanOrEqual(left - 7)
    const data = log.subarray(at + 7, at + 7 + length)
    if (checked) expect(crc).toBe(slowCrc32(Buffer.concat([Buffer.from([kind]), data])))
    at += 7 + length
    // 1 full, 2 first, 3 middle, 4 last.
    expect(open === undefined).toBe(kind === 1 || kind === 2)
    open = [...(open ?? []), data]
    if (kind === 1 || kind === 4) {
      records.push(Buffer.concat(open))
      open = undefined
    }
  }
  expect(open).toBeUndefined()
  return records
}

/** Text and message fields of a protocol buffer, by number. */
function fieldsOf(data: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>()
  let at = 0
  const varint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = data[at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }
  while (at < data.length) {
    const tag = varint()
    let value: number | Buffer = varint()
    if (tag % 8 === 2) value = data.subarray(at, (at += value))
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

/** Items of a history, summary or config: field 1 is the key, 16 the value as JSON. */
function itemsOf(record: Buffer): Record<string, unknown> {
  return Object.fromEntries(
    fieldsOf(record)
      .get(1)!
      .map((entry) => fieldsOf(entry as Buffer))
      .map((item) => [item.get(1)![0]!.toString(), JSON.parse(item.get(16)![0]!.toString()) as unknown]),
  )
}

describe("the transaction log", () => {
  test("gives every record back, whatever their sizes", () => {
    assert(
      property(array(integer({ min: 1, max: 80_000 }), { maxLength: 6 }), (sizes) => {
        const records = sizes.map((size, i) => Buffer.alloc(size, i + 1))
        expect(readLog(transactionLog(records), false).map((record) => [record.length, record[0]])).toEqual(sizes.map((size, i) => [size, i + 1]))
      }),
      { numRuns: 50 },
    )
  })

  test.each([32_768 - 7 - 7, 32_768 - 7 - 8, 32_768 - 7 - 13, 32_768 - 7 - 14, 32_768 - 7 - 15])("has checksums that hold beside the end of a block: %d bytes", (size) => {
    const records = [Buffer.alloc(size, 1), Buffer.alloc(20, 2)]
    expect(readLog(transactionLog(records)).map(({ length }) => length)).toEqual([size, 20])
  })
})

function finishedRun(name: string): string {
  const directory = join(root, name)
  const folder = createRunFolder(directory, { configYaml: "seed: 7\nmodel: {preset: nano}\n", keepCheckpoints: 1 })
  const time = { at: "2026-01-01T00:00:10.000Z", seconds: 1 }
  folder.logEvaluation({ step: 0, size: 10, greedyAccuracy: 0.25, time })
  folder.logMetrics({ step: 1, mu: 0.5, time })
  folder.logMetrics({ step: 2, mu: 0.75, time })
  folder.logEvaluation({ step: 2, size: 10, greedyAccuracy: 0.5, time })
  folder.close()
  return directory
}

test("an offline run has the config, one history line per step with its evaluation, the summary and an exit", () => {
  const run = readRun(finishedRun("run"))
  const folder = writeWandb(join(root, "out"), run, { project: "sums", name: "first" })
  const id = wandbRunId(run)
  expect(folder).toMatch(new RegExp(`offline-run-\\d{8}_\\d{6}-${id}$`))
  expect(readdirSync(folder).sort()).toEqual(["files", `run-${id}.wandb`])
  const records = readLog(readFileSync(join(folder, `run-${id}.wandb`))).map(fieldsOf)
  expect(records.map((record) => record.get(1)![0])).toEqual(records.map((_, i) => i + 1))
  const [header, start, ...rest] = records
  expect(header!.has(21)).toBe(true)
  const started = fieldsOf(start!.get(17)![0] as Buffer)
  expect([1, 3, 8].map((field) => started.get(field)![0]!.toString())).toEqual([id, "sums", "first"])
  expect(itemsOf(started.get(4)![0] as Buffer)).toEqual({ seed: 7, model: { preset: "nano" } })
  const history = rest.filter((record) => record.has(2)).map((record) => itemsOf(record.get(2)![0] as Buffer))
  expect(history.map((line) => [line["_step"], line["train/mu"], line["evaluation/greedyAccuracy"]])).toEqual([
    [0, undefined, 0.25],
    [1, 0.5, undefined],
    [2, 0.75, 0.5],
  ])
  expect(history[0]!["_timestamp"]).toBe(Date.parse("2026-01-01T00:00:10.000Z") / 1000)
  expect(itemsOf(rest.find((record) => record.has(3))!.get(3)![0] as Buffer)).toMatchObject({ "train/mu": 0.75, state: "stopped", summary: { steps: 2, final: 0.5 } })
  expect(rest.at(-1)!.has(18)).toBe(true)
})

test("a run keeps its id however often it is exported, and another has another", () => {
  const directory = finishedRun("again")
  expect(wandbRunId(readRun(directory))).toBe(wandbRunId(readRun(directory)))
  expect(wandbRunId(readRun(finishedRun("other")))).not.toBe(wandbRunId(readRun(directory)))
})

test("a run of an older version, without times, is exported; one whose config is no YAML is named", () => {
  const directory = finishedRun("older")
  writeFileSync(join(directory, "events.jsonl"), '{"kind":"start","message":"the run starts"}\n')
  writeFileSync(join(directory, "metrics.jsonl"), '{"step":1,"mu":0.5}\n')
  const folder = writeWandb(join(root, "older-out"), readRun(directory), { project: "sums", name: "older" })
  expect(readdirSync(folder)).toHaveLength(2)
  writeFileSync(join(directory, "config.yaml"), "a: [1\n  b: }")
  expect(() => writeWandb(join(root, "no-yaml"), readRun(directory), { project: "sums", name: "older" })).toThrow(/older.config\.yaml: expected YAML, got: Implicit keys/)
})
