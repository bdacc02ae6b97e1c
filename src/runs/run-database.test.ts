import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { RunDatabase, nameRuns } from "./run-database.ts"
import { createRunFolder } from "./run-folder.ts"

const root = mkdtempSync(join(tmpdir(), "pirl-query-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const time = { at: "2026-01-01T00:00:00.000Z", seconds: 2 }

function newRun(name: string, steps: number): string {
  const directory = join(root, name)
  const folder = createRunFolder(directory, { configYaml: "seed: 1\n", keepCheckpoints: 1 })
  for (let step = 1; step <= steps; step++) {
    folder.logMetrics({ step, mu: step / 10, xi: step === 1 ? null : 0.5, time, ...(step === steps ? { late: 2.5 } : {}) })
    folder.logCompletions(step, [
      { step, problem: "p", completion: `line\n${step}`, reward: step % 2 },
      { step, problem: "q", prompt: [{ role: "user", content: "hi" }], completion: "2", reward: 0.5 },
    ])
  }
  folder.logEvaluation({ step: steps, size: 10, greedyAccuracy: 0.5, time })
  folder.close()
  return directory
}

async function ask(directories: readonly string[], sql: string): Promise<{ columns: readonly string[]; rows: unknown[] }> {
  const database = await RunDatabase.open(nameRuns(directories))
  try {
    const { columns, batches } = await database.query(sql)
    const rows: unknown[] = []
    for await (const batch of batches) rows.push(...batch)
    return { columns, rows }
  } finally {
    database.close()
  }
}

async function rows(directories: readonly string[], sql: string): Promise<unknown[]> {
  return (await ask(directories, sql)).rows
}

const first = newRun("first", 3)
const second = newRun("second", 2)

describe("the tables of a run", () => {
  test("hold its lines, in order, with a column that names the run", async () => {
    expect(await rows([first], "select run, step, mu, xi, late, time.seconds from metrics")).toEqual([
      ["first", 1, 0.1, null, null, 2],
      ["first", 2, 0.2, 0.5, null, 2],
      ["first", 3, 0.3, 0.5, 2.5, 2],
    ])
    expect(await rows([first], "select kind, message from events")).toEqual([["start", "the run starts"]])
    expect(await rows([first], "select completion from completions where problem = 'p' and step = 2")).toEqual([["line\n2"]])
  })

  test("show a chat prompt as its JSON", async () => {
    expect(await rows([first], "select distinct prompt from completions where problem = 'q'")).toEqual([['[{"role":"user","content":"hi"}]']])
  })

  test("of several runs are one, told apart by name", async () => {
    expect(await rows([first, second], "select run, count(*), sum(step) from metrics group by run order by run")).toEqual([
      ["first", 3, 6],
      ["second", 2, 3],
    ])
  })

  test("of runs with the same last name carry as much of the path as tells them apart", () => {
    const names = nameRuns(["x/runs/a/seed-1", "x/runs/b/seed-1/", "x/other"]).map(({ name }) => name)
    expect(names).toEqual(["a/seed-1", "b/seed-1", "other"])
  })

  test("are named by their folder, however the path to it is written", () => {
    const [here, below] = [basename(process.cwd()), basename(dirname(process.cwd()))]
    expect(nameRuns([".", "..", "src/../a-run-elsewhere/./"]).map(({ name }) => name)).toEqual([here, below, "a-run-elsewhere"])
  })

  test("leave out a line that is being written, and take it once it is whole", async () => {
    const run = newRun("writing", 2)
    const file = join(run, "metrics.jsonl")
    appendFileSync(file, '{"step":3,"mu":0.')
    expect(await rows([run, first], "select run, count(*) from metrics group by run order by run")).toEqual([
      ["first", 3],
      ["writing", 2],
    ])
    appendFileSync(file, '9,"time":{"at":"2026-01-01T00:00:00.000Z","seconds":1}}\n')
    expect(await rows([run], "select mu from metrics where step = 3")).toEqual([[0.9]])
  })

  test("are empty, with the known columns, where a run has no such file", async () => {
    const bare = join(root, "bare")
    mkdirSync(bare)
    writeFileSync(join(bare, "config.yaml"), "")
    expect(await ask([bare], "select step, mu, xi, time.seconds from metrics")).toEqual({ columns: ["step", "mu", "xi", "seconds"], rows: [] })
    expect(await rows([bare, first], "select count(*) from completions")).toEqual([[6]])
    expect(await rows([bare], "select count(*) from evaluations")).toEqual([[0]])
  })

  test("of a run written before a metric existed have null there", async () => {
    const old = join(root, "old")
    mkdirSync(old)
    writeFileSync(join(old, "config.yaml"), "")
    writeFileSync(join(old, "metrics.jsonl"), '{"step":1,"mu":1}\n')
    expect(await rows([old, first], "select run, xi, late from metrics where step = 1 order by run")).toEqual([
      ["first", null, null],
      ["old", null, null],
    ])
  })

  test("are found in a folder with quotes and wildcards in its name", async () => {
    const run = newRun("it's [a] *?", 2)
    expect(await rows([run], "select count(*) from metrics")).toEqual([[2]])
  })

  test("are refused with the place when a line in the middle is damaged", async () => {
    const run = newRun("damaged", 2)
    const file = join(run, "metrics.jsonl")
    writeFileSync(file, `{"step":1,garbage\n${readFileSync(file, "utf8")}`)
    await expect(rows([run], "select mu from metrics")).rejects.toThrow(`one JSON object per line, got: ${file}:1: "{\\"step\\":1,garbage". Restore`)
    writeFileSync(file, `{"step":1}\n{"step":2}\n{"step":\n{"step":3}\n`)
    await expect(rows([run], "select mu from metrics")).rejects.toThrow(`got: ${file}:3: `)
    appendFileSync(file, '{"step":4,"mu"')
    await expect(rows([run], "select mu from metrics")).rejects.toThrow(`got: ${file}:3: `)
  })

  test("name the line with half of a character, which DuckDB refuses and JavaScript takes", async () => {
    const run = newRun("lone-surrogate", 2)
    const file = join(run, "completions", "steps-000000-000999.jsonl")
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").length
    appendFileSync(file, `{"step":2,"problem":"p","completion":"\\ud83d","reward":0}\n`)
    await expect(rows([run], "select * from completions")).rejects.toThrow(`${file}:${lines + 1}: half of a character`)
  })

  test("take whatever text a run logs, halves of characters too", async () => {
    const folder = createRunFolder(join(root, "halves"), { configYaml: "seed: 1\n", keepCheckpoints: 1 })
    const texts = ["a\ud83d", "\ude00", "\\ud83d", "\u{1f600}"]
    folder.logCompletions(1, texts.map((completion) => ({ step: 1, problem: "p", completion, reward: 0 })))
    folder.close()
    expect(await rows([folder.directory], "select completion from completions")).toEqual([["a\ufffd"], ["\ufffd"], ["\\ud83d"], ["\u{1f600}"]])
  })

  test("are never cut short: damage behind more rows than fit in a buffer is an error too", async () => {
    const run = newRun("damaged-late", 1)
    const lines = Array.from({ length: 150_000 }, (_, i) => `{"step":${i + 1},"problem":"p","completion":"${i}","reward":0}\n`)
    writeFileSync(join(run, "completions", "steps-000000-000999.jsonl"), `${lines.join("")}{garbage\n${lines[0]}`)
    await expect(rows([run], "select completion from completions")).rejects.toThrow(/one JSON object per line, got: .*steps-000000-000999\.jsonl:150001: "\{garbage"/)
  })

  test.each([5, 40])("hold a completion of %d megabytes", async (megabytes) => {
    const run = newRun(`long-${megabytes}`, 1)
    appendFileSync(
      join(run, "completions", "steps-000000-000999.jsonl"),
      `${JSON.stringify({ step: 1, problem: "long", completion: "x".repeat(megabytes * 1_000_000), reward: 0 })}\n`,
    )
    expect(await rows([run], "select length(completion) from completions where problem = 'long'")).toEqual([[megabytes * 1_000_000]])
  })
})

describe("a query", () => {
  test.each(["select * from nope", "select nope from metrics", "selec 1", "select 1; select 2", "", "set threads = 1", "create table x (i int)", "insert into metrics values (1)"])(
    "%j is refused with the tables and their columns",
    async (sql) => {
      const refusal = rows([first], sql)
      await expect(refusal).rejects.toBeInstanceOf(DataError)
      await expect(refusal).rejects.toThrow(/^SQL: expected a query that can be run, got: .+\ntable metrics: run, step, mu,.*\ntable evaluations: .*\ntable events: .*\ntable completions: /s)
    },
  )

  test("that names an unknown table gets DuckDB's own message", async () => {
    await expect(rows([first], "select * from metric")).rejects.toThrow('Did you mean "metrics"?')
  })

  const secret = join(root, "secret.csv")
  writeFileSync(secret, "password\nhunter2\n")
  const out = join(root, "out.csv")
  test.each([
    `select * from read_csv('${secret}')`,
    `select * from read_text('${secret}')`,
    `select * from read_blob('${secret}')`,
    `select * from sniff_csv('${secret}')`,
    `select * from '${secret}'`,
    `select * from glob('${root}/*')`,
    `select * from read_json('${first}/../secret.csv')`,
    `select * from query('select * from read_text(''${secret}'')')`,
    "select * from read_csv('http://127.0.0.1:1/x')",
    "select * from duckdb_secrets()",
  ])("cannot read outside the logs: %s", async (sql) => {
    await expect(rows([first], sql)).rejects.toThrow(/SQL: expected a query/)
  })

  test.each([
    `copy (select 1) to '${out}'`,
    `copy metrics to '${join(first, "metrics.jsonl")}' (use_tmp_file false)`,
    `export database '${join(root, "export")}'`,
    `attach '${join(root, "x.db")}'`,
    `explain analyze copy (select 1) to '${out}'`,
    "set enable_external_access = true",
    "install httpfs",
    "load httpfs",
    "pragma database_list; select 1",
  ])("cannot write, nor lift the ban: %s", async (sql) => {
    const before = readdirSync(root)
    const log = readFileSync(join(first, "metrics.jsonl"), "utf8")
    await expect(rows([first], sql)).rejects.toThrow(/SQL: expected a query/)
    expect(readdirSync(root)).toEqual(before)
    expect(readFileSync(join(first, "metrics.jsonl"), "utf8")).toBe(log)
    expect(existsSync(out)).toBe(false)
  })

  test("that is empty is said to be", async () => {
    await expect(rows([first], " \n")).rejects.toThrow("got: nothing; write a select\ntable metrics")
  })

  test("with a value that cannot be converted is wrong, and not the log", async () => {
    await expect(rows([first], "select cast(kind as int) from events")).rejects.toThrow(/^SQL: expected a query that can be run, got: .*start.*\ntable metrics: /s)
    await expect(rows([first], "select cast('x' as int)")).rejects.toThrow(/^SQL: expected a query that can be run/)
  })

  test("gives integers beyond the exact range as text", async () => {
    expect(await rows([first], "select 9007199254740993::bigint, sum(step) from metrics")).toEqual([["9007199254740993", 6]])
  })
})
