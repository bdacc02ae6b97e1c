import { readFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ConfigError, DataError } from "../errors.ts"
import { rejection, testFiles } from "./dataset.test-helper.ts"
import { readRows } from "./rows.ts"
import type { PlacedRow } from "./rows.ts"

const files = testFiles()

async function read(file: string): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = []
  for await (const row of readRows(file, "task.path")) rows.push(row)
  return rows
}

describe("JSONL", () => {
  test("a byte order mark, carriage returns, blank lines and a missing last line feed do no harm", async () => {
    const file = files.write("a.jsonl", '\uFEFF{"a":1}\r\n\r\n  \n{"a":"x\u2028y"}')
    expect(await read(file)).toEqual([
      { row: { a: 1 }, place: "line 1" },
      { row: { a: "x\u2028y" }, place: "line 4" },
    ])
  })

  test("rows come back as they were written, across the reader's chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ text: fc.string({ unit: "grapheme", maxLength: 50 }), n: fc.integer(), long: fc.boolean() }), {
          minLength: 1,
          maxLength: 30,
        }),
        async (rows) => {
          const written = rows.map(({ long, ...row }) => (long ? { ...row, text: row.text + "é😀".repeat(30_000) } : row))
          const file = files.jsonLines("roundtrip.jsonl", written)
          const got = await read(file)
          return JSON.stringify(got.map(({ row }) => row)) === JSON.stringify(written)
        },
      ),
      { numRuns: 15 },
    )
  })

  test.each([
    ['{"a":1}\n{"a":\n', /bad\.jsonl, line 2: expected a JSON object, got text that is not JSON/],
    ['{"a":1}\n\n{"a":1}{"a":2}\n', /line 3/],
    ['{"a":1}\n{"question":"cut sho', /line 2.*cut short/],
    ["[1]\n", /line 1: expected a JSON object, got a list/],
    ['"text"\n', /got a string/],
    ["null\n", /got null/],
    ["", /expected at least one row, got none/],
    ["\n\n", /expected at least one row, got none/],
  ])("%j is a DataError that names the file and the line", async (content, message) => {
    const error = await rejection(read(files.write("bad.jsonl", content)))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(message)
  })

  test("bytes that are not UTF-8 are refused, with the last good line", async () => {
    const file = files.write("latin.jsonl", Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.from([0x22, 0xe9, 0x22, 0x0a])]))
    expect((await rejection(read(file))).message).toMatch(/latin\.jsonl: expected UTF-8/)
  })
})

describe("parquet", () => {
  test("lists, structs, nulls and integers beyond 2^53 arrive whole", async () => {
    const sql = "select 9007199254740993::bigint id, [{'role': 'user', 'content': 'hi'}] prompt, {'a': ['x']} s, null::varchar n"
    expect(await read(await files.parquet("types.parquet", sql))).toEqual([
      {
        row: { id: "9007199254740993", prompt: [{ role: "user", content: "hi" }], s: { a: ["x"] }, n: null },
        place: "row 1",
      },
    ])
  })

  test("rows keep their order over many row groups", async () => {
    const file = await files.parquet("many.parquet", "select i::integer i from range(50000) t(i)")
    const rows = await read(file)
    expect(rows.length).toBe(50_000)
    expect(rows.every(({ row, place }, i) => row["i"] === i && place === `row ${i + 1}`)).toBe(true)
  })

  test("a name with quotes and wildcards is a name", async () => {
    const file = await files.parquet("odd.parquet", "select 1::integer i")
    const odd = files.write("it's [a] *?.parquet", readFileSync(file))
    expect((await read(odd)).length).toBe(1)
  })

  test.each([0, 3, 100, -1, -9])("cut short at byte %d, the file is named", async (end) => {
    const whole = readFileSync(await files.parquet("whole.parquet", "select i, 'text ' || i t from range(500) t(i)"))
    const error = await rejection(read(files.write("cut.parquet", whole.subarray(0, end))))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(/cut\.parquet: expected a readable parquet file/)
    expect(error.message).not.toContain("\n")
  })

  test("damage inside the data is found while reading", async () => {
    const whole = readFileSync(await files.parquet("fine.parquet", "select 'text ' || random() t from range(5000)"))
    const error = await rejection(read(files.write("damaged.parquet", whole.fill(0xff, 30, Math.floor(whole.length / 2)))))
    expect(error.message).toMatch(/damaged\.parquet/)
  })

  test("without rows it is an error", async () => {
    const file = await files.parquet("none.parquet", "select 1 i where false")
    expect((await rejection(read(file))).message).toMatch(/at least one row/)
  })
})

describe(".json", () => {
  const rows = [
    { question: "Q", answer: "12345678901234567890" },
    { question: "R", answer: 2 },
  ]

  test.each([
    ["a list", '\uFEFF [{"question": "Q", "answer": 12345678901234567890},\n {"question": "R", "answer": 2}]'],
    [
      "an object around a list",
      '{"version": 1, "data": [{"question":"Q","answer":12345678901234567890},{"question":"R","answer":2}]}',
    ],
    ["JSON lines", '{"question": "Q", "answer": 12345678901234567890}\n{"question": "R", "answer": 2}\n'],
  ])("%s is read, and integers keep their digits", async (_, text) => {
    expect((await read(files.write("rows.json", text))).map(({ row }) => row)).toEqual(rows)
  })

  test("an object that is no list is one row", async () => {
    expect(await read(files.write("one.json", '{"question": "Q", "choices": ["a", "b"]}'))).toEqual([
      { row: { question: "Q", choices: ["a", "b"] }, place: "row 1" },
    ])
  })

  test.each([
    ['{"question": {"0": "Q"}, "answer": {"0": 1}}', /got a table by columns \(question, answer\)\..*orient="records"/],
    ['{"question": ["Q"], "answer": [1]}', /table by columns/],
    ['[{"a": 1}, 5]', /row 2: expected a JSON object, got a number/],
    ['[{"a": 1},', /expected JSON, got text that is not .*cut short/],
    ["[]", /at least one row/],
  ])("%s is refused", async (text, message) => {
    const error = await rejection(read(files.write("bad.json", text)))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(message)
  })
})

describe("gzip", () => {
  test.each([
    ["p.jsonl.gz", '{"a":"1"}\n{"a":"2"}\n'],
    ["p.JSON.GZ", '[{"a":"1"},{"a":"2"}]'],
    ["p.csv.gz", "a\n1\n2\n"],
    ["p.tsv.gz", "a\n1\n2\n"],
  ])("%s is read", async (name, text) => {
    expect((await read(files.write(name, gzipSync(text)))).map(({ row }) => row)).toEqual([{ a: "1" }, { a: "2" }])
  })

  test.each([
    [gzipSync('{"a":1}\n'.repeat(100_000)).subarray(0, 200)],
    [Buffer.from('{"a":1}\n')],
  ])("what is cut short or no gzip is a DataError that names the file", async (bytes) => {
    const error = await rejection(read(files.write("cut.jsonl.gz", bytes)))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(/cut\.jsonl\.gz: expected text packed with gzip/)
  })
})

test.each([
  ["data-00000-of-00001.arrow", /Arrow files are not read\. Write it as parquet: datasets\.load_from_disk/],
  ["a.jsonl.zst", /Zstandard is not read\. Unpack it/],
  ["a.csv.zip", /Archives are not read/],
  ["a.xlsx", /Save it as CSV/],
])("%s is refused by name", async (name, message) => {
  const error = await rejection(read(files.write(name, "x")))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toMatch(message)
})

describe("CSV", () => {
  test("fields are text, quotes and line breaks are kept, empty fields are null", async () => {
    const file = files.write("a.csv", 'question,answer\n"say ""hi"",\nplease",007\n,1.50\n')
    expect((await read(file)).map(({ row }) => row)).toEqual([
      { question: 'say "hi",\nplease', answer: "007" },
      { question: null, answer: "1.50" },
    ])
  })

  test("TSV has tabs", async () => {
    expect((await read(files.write("a.tsv", "q\ta\nx,y\t2\n")))[0].row).toEqual({ q: "x,y", a: "2" })
  })

  test.each([
    ["a,b\n1,2\n3\n", /broken\.csv/],
    ['a,b\n1,2\n"open,3\n', /broken\.csv/],
    ["a,b\n1,2,3\n", /broken\.csv/],
    ["a,b\n", /at least one row/],
    ["", /broken\.csv/],
  ])("%j is a DataError that names the file", async (content, message) => {
    const error = await rejection(read(files.write("broken.csv", content)))
    expect(error).toBeInstanceOf(DataError)
    expect(error.message).toMatch(message)
  })
})

test("a missing file, a folder and an unknown ending are config errors at the path", async () => {
  for (const [file, message] of [
    ["/nowhere/a.jsonl", /task\.path: .*expected a file at \/nowhere\/a\.jsonl, got nothing/],
    [files.write("x.txt", "a"), /ends in \.parquet, \.jsonl, .*or of these texts with \.gz, got .*x\.txt\. Convert it/],
  ] as const) {
    const error = await rejection(read(file))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(message)
  }
})
