import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as fc from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { JsonlLog, cutJsonlAfter, findDamagedLine, readJsonl } from "./jsonl-log.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-jsonl-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function fresh(text?: string): string {
  const path = join(folder, `log-${files++}.jsonl`)
  if (text !== undefined) writeFileSync(path, text)
  return path
}

describe("a log", () => {
  test("holds its lines in order, over several openings", () => {
    const path = fresh()
    for (const step of [1, 2]) {
      const log = new JsonlLog(path)
      log.append({ step }, { step, text: "ä\n" })
      log.close()
    }
    expect(readJsonl(path)).toEqual({
      records: [{ step: 1 }, { step: 1, text: "ä\n" }, { step: 2 }, { step: 2, text: "ä\n" }],
      halfWritten: false,
    })
  })

  test("is read up to a half-written last line, and the next line is not glued to it", () => {
    const path = fresh('{"step":1}\n{"step":2,"mu":0.')
    expect(readJsonl(path)).toEqual({ records: [{ step: 1 }], halfWritten: true })
    const log = new JsonlLog(path)
    log.append({ step: 2 })
    log.close()
    expect(readFileSync(path, "utf8")).toBe('{"step":1}\n{"step":2}\n')
  })

  test("finds its last line end behind a very long half-written line", () => {
    const path = fresh(`{"step":1}\n${"x".repeat(200_000)}`)
    new JsonlLog(path).close()
    expect(readFileSync(path, "utf8")).toBe('{"step":1}\n')
  })

  test("that is one half-written line becomes empty", () => {
    const path = fresh('{"step"')
    new JsonlLog(path).close()
    expect(readFileSync(path, "utf8")).toBe("")
  })

  test("damaged in the middle is refused with file and line", () => {
    const path = fresh('{"step":1}\nnonsense\n{"step":3}\n')
    expect(() => readJsonl(path)).toThrow(DataError)
    expect(() => readJsonl(path)).toThrow(`${path}:2`)
  })

  test("that cannot be read is an error of the data that names it", () => {
    const path = join(folder, "folder.jsonl")
    mkdirSync(path)
    expect(() => readJsonl(path)).toThrow(DataError)
    expect(() => readJsonl(path)).toThrow(`${path}: expected a file that can be read, got EISDIR`)
  })

  test("holds whole characters alone, and every other text as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "\ud83d", "\ude00", "\\ud83d", "\\"), fc.string({ unit: "binary" }), (before, middle, after) => {
        const text = `${before}${middle}${after}`
        const path = fresh()
        const log = new JsonlLog(path)
        log.append({ text, list: [{ text }], n: 0.1 })
        log.close()
        const expected = Buffer.from(text).toString()
        expect(readJsonl(path).records).toEqual([{ text: expected, list: [{ text: expected }], n: 0.1 }])
        expect(findDamagedLine(path)).toBeUndefined()
      }),
      { numRuns: 20 },
    )
  })

  test("is searched for damage line by line, however long a line is and whatever the last one is", () => {
    const long = JSON.stringify({ text: "\u{1f600}".repeat(900_000) })
    const path = fresh(`${long}\n\n{"step":1}\n`)
    expect(findDamagedLine(path)).toEqual({ line: 2, reason: '""' })
    writeFileSync(path, `${long}\n${long}\n{"step":1}\n[1]\n`)
    expect(findDamagedLine(path)).toEqual({ line: 4, reason: '"[1]"' })
    writeFileSync(path, `${long}\n${long}\n{"step":1}\n{"st`)
    expect(findDamagedLine(path)).toBeUndefined()
    expect(findDamagedLine(join(folder, "none.jsonl"))).toBeUndefined()
  })

  test("that is not there has no lines", () => {
    expect(readJsonl(join(folder, "none.jsonl")).records).toEqual([])
  })
})

describe("cutting", () => {
  test("takes the lines after a step and a half-written one, and says so", () => {
    const path = fresh('{"step":1,"mu":1.50}\n{"kind":"resume"}\n{"step":2}\n{"step":3}\n{"step":4}\n')
    appendFileSync(path, '{"step":5')
    expect(cutJsonlAfter(path, 2)).toMatchObject({ lines: 2, halfWritten: true })
    expect(readFileSync(path, "utf8")).toBe('{"step":1,"mu":1.50}\n{"kind":"resume"}\n{"step":2}\n')
  })

  test("changes nothing when nothing lies after the step", () => {
    const path = fresh('{"step":1}\n{"step":2}\n')
    expect(cutJsonlAfter(path, 2)).toBeUndefined()
    expect(readFileSync(path, "utf8")).toBe('{"step":1}\n{"step":2}\n')
  })
})
