import { existsSync, chmodSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { loadConfigFile, parseConfig } from "../config/index.ts"
import { ConfigError, EngineError } from "../errors.ts"
import { createRunFolder } from "../runs/index.ts"
import { runCli } from "./cli.ts"
import { asNobody, canBeNobody } from "../../test/helpers/nobody.ts"
import { captured } from "./cli.test-helper.ts"
import { CommandArguments, parseArguments } from "./command.ts"
import type { Command } from "./command.ts"
import type { CommandEntry } from "./command-table.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-cli-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function command(run: Command["run"]): Command {
  return {
    name: "fake",
    summary: "A command",
    positionals: "FILE",
    positionalCount: { min: 1, max: 1 },
    options: [
      { name: "set", kind: "text", multiple: true, help: "A setting" },
      { name: "steps", kind: "integer", placeholder: "N", help: "A number" },
      { name: "json", kind: "flag", help: "A flag" },
    ],
    description: "Does nothing.",
    examples: [["pirl fake x", "Nothing"]],
    run,
  }
}

function tableOf(run: Command["run"]): CommandEntry[] {
  return [{ name: "fake", summary: "A command", load: () => Promise.resolve(command(run)) }]
}

describe("the program", () => {
  test("tells its version from package.json", async () => {
    const context = captured()
    expect(await runCli(["--version"], context)).toBe(0)
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string }
    expect(context.stdout()).toBe(`${version}\n`)
  })

  test("lists its commands on --help, and as an error when called without arguments", async () => {
    const context = captured()
    expect(await runCli(["--help"], context)).toBe(0)
    expect(context.stdout()).toMatch(/^ {2}init +\S/m)
    expect(await runCli([], context)).toBe(2)
    expect(context.stderr()).toContain("Usage: pirl COMMAND")
  })

  test("names the nearest command for an unknown one, and exits with 2", async () => {
    const context = captured()
    expect(await runCli(["inti"], context)).toBe(2)
    expect(context.stderr()).toBe('pirl: expected a command, got "inti". Did you mean `pirl init`?\n')
    expect(context.stdout()).toBe("")
  })

  test("shows a command's options and examples on --help without running it", async () => {
    const table = tableOf(() => Promise.reject(new Error("ran")))
    for (const argv of [["fake", "--help"], ["fake", "-h"], ["help", "fake"]]) {
      const context = captured()
      expect(await runCli(argv, context, table)).toBe(0)
      expect(context.stdout()).toContain("Usage: pirl fake FILE [options]")
      expect(context.stdout()).toMatch(/--steps N +A number/)
      expect(context.stdout()).toMatch(/--set VALUE +A setting \(repeatable\)/)
      expect(context.stdout()).toContain("pirl fake x\n      Nothing")
    }
  })

  test("prints errors without a stack, unless asked for it", async () => {
    const table = tableOf(() => Promise.reject(new EngineError("engine: out of memory.", { cause: new Error("deep") })))
    const plain = captured()
    expect(await runCli(["fake", "x"], plain, table)).toBe(1)
    expect(plain.stderr()).toBe("pirl: engine: out of memory.\n")
    const debug = captured(undefined, { PIRL_DEBUG: "1" })
    expect(await runCli(["fake", "x"], debug, table)).toBe(1)
    expect(debug.stderr()).toMatch(/\n {4}at .*\n[\s\S]*caused by: Error: deep/)
  })

  test("an error of the file system is no bug of ours: its path and what to do are said", async () => {
    const context = captured()
    const write = (): Promise<number> => Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" }))
    expect(await runCli(["fake", "x"], context, tableOf(write))).toBe(1)
    expect(context.stderr()).toBe("pirl: the system refused: ENOSPC: no space left on device, write. The disk is full: make room, then run the command again.\n")
    const inFile = captured()
    expect(await runCli(["init", join(folder, "x.yaml", "y.yaml")], inFile)).toBe(2)
    expect(inFile.stderr()).not.toContain("bug")
  })

  test("says its name once, also where the message begins with the command", async () => {
    const context = captured()
    expect(await runCli(["query", "one"], context)).toBe(2)
    expect(context.stderr()).toMatch(/^pirl query: expected RUN/)
  })

  test.each([
    ["text", (): unknown => "x".repeat(2 ** 30), /Invalid string length/],
    ["list", (): unknown => Object.assign([], { length: -1 }), /Invalid array length/],
  ])("calls a %s that is too large no bug", async (_name, make, reason) => {
    const context = captured()
    expect(await runCli(["fake", "x"], context, tableOf(() => Promise.resolve().then(() => Number(make()))))).toBe(1)
    expect(context.stderr()).toMatch(reason)
    expect(context.stderr()).toMatch(/^pirl: expected files and settings that fit into memory/)
    expect(context.stderr()).not.toContain("bug")
  })

  test("calls an error that is none of ours a bug", async () => {
    const context = captured()
    expect(await runCli(["fake", "x"], context, tableOf(() => Promise.reject(new TypeError("x is not"))))).toBe(1)
    expect(context.stderr()).toContain("pirl: x is not\nThis is a bug of pirl.")
  })
})

describe("errors", () => {
  const refusing = (...messages: string[]): CommandEntry[] =>
    tableOf(() => Promise.reject(new ConfigError(messages.map((message) => ({ path: "", message })))))

  test.each([
    [["pirl fake: expected a."], "pirl fake: expected a.\n"],
    [["pirl: expected a."], "pirl: expected a.\n"],
    [["expected a."], "pirl: expected a.\n"],
    [
      ["pirl fake: expected a.", "pirl fake: expected b."],
      "pirl fake: 2 problems, nothing was started:\n  expected a.\n  expected b.\n",
    ],
  ])("%j name the program once", async (messages, text) => {
    const context = captured()
    expect(await runCli(["fake", "x"], context, refusing(...messages))).toBe(2)
    expect(context.stderr()).toBe(text)
  })

  test("have their stacks with --verbose", async () => {
    const context = captured()
    expect(await runCli(["fake", "x", "--verbose"], context, refusing("expected a."))).toBe(2)
    expect(context.stderr()).toContain("\n    at ")
  })
})

describe("--quiet and --verbose", () => {
  test("are options of every command, and a choice", async () => {
    const said: (string | undefined)[] = []
    const table = tableOf((_, { verbosity }) => {
      said.push(verbosity)
      return Promise.resolve(0)
    })
    for (const argv of [["x"], ["x", "--quiet"], ["--verbose", "x"]])
      expect(await runCli(["fake", ...argv], captured(), table)).toBe(0)
    expect(said).toEqual([undefined, "quiet", "verbose"])
    const context = captured()
    expect(await runCli(["fake", "x", "--quiet", "--verbose"], context, table)).toBe(2)
    expect(context.stderr()).toContain("expected --quiet or --verbose, got both. Leave one out.")
  })
})

describe("arguments", () => {
  const fake = command(() => Promise.resolve(0))

  test("are read as flags, texts and numbers", () => {
    const args = parseArguments(fake, ["file", "--set", "a=1", "--json", "--set=b=2", "--steps", "12"])
    expect(args).toBeInstanceOf(CommandArguments)
    expect(args.positionals).toEqual(["file"])
    expect(args.texts("set")).toEqual(["a=1", "b=2"])
    expect([args.number("steps"), args.flag("json"), args.flag("steps")]).toEqual([12, true, true])
    expect(parseArguments(fake, ["file"]).number("steps")).toBeUndefined()
  })

  test("that are wrong are all reported", () => {
    const argv = ["a", "b", "--stepz", "--steps", "1.5", "--json=yes", "--set"]
    const run = (): CommandArguments => parseArguments(fake, argv)
    expect(run).toThrow("pirl fake: expected a known option, got --stepz. Did you mean --steps?")
    expect(run).toThrow('expected --steps with an integer, got "1.5"')
    expect(run).toThrow('expected --json without a value, got "yes"')
    expect(run).toThrow("expected --set VALUE, got no value")
    expect(run).toThrow('expected FILE, got "a" "b"')
  })
})

describe("pirl init", () => {
  test("writes a config that can be trained as it is, once", async () => {
    const file = join(folder, "first.yaml")
    expect(await runCli(["init", file], captured())).toBe(0)
    expect(parseConfig(loadConfigFile(file).value).task.name).toBe("add2")
    const again = captured()
    expect(await runCli(["init", file], again)).toBe(2)
    expect(again.stderr()).toContain("add --force")
    expect(await runCli(["init", file, "--force"], captured())).toBe(0)
  })

  test("writes the JSON Schema that its first line names, and says which files it wrote", async () => {
    const file = join(folder, "second.yaml")
    const context = captured()
    expect(await runCli(["init", file], context)).toBe(0)
    expect(context.stdout()).toBe(
      `Wrote ${file} and ${join(folder, "second.schema.json")}. Train it with: pirl train ${file}\n`,
    )
    const schemaName = /^# yaml-language-server: \$schema=\.\/(.*)\n/.exec(readFileSync(file, "utf8"))![1]!
    const schema = JSON.parse(readFileSync(join(folder, schemaName), "utf8")) as { properties: Record<string, unknown> }
    expect(Object.keys(schema.properties)).toContain("pipo")
    expect(await runCli(["init", join(folder, "third.yaml"), "--no-schema"], captured())).toBe(0)
    expect(existsSync(join(folder, "third.schema.json"))).toBe(false)
    expect(readFileSync(join(folder, "third.yaml"), "utf8")).not.toContain("$schema")
    expect(parseConfig(loadConfigFile(file).value).task.name).toBe("add2")
  })

  test("into a folder that is not there is refused", async () => {
    const context = captured()
    expect(await runCli(["init", join(folder, "none", "a.yaml")], context)).toBe(2)
    expect(context.stderr()).toContain("got ENOENT")
  })
})

describe("pirl runs", () => {
  test("lists runs with state, steps and accuracy", async () => {
    const root = mkdtempSync(join(folder, "runs-"))
    const options = { configYaml: "task: {name: add2}\ntrain: {steps: 40}\n", keepCheckpoints: 1 }
    const run = createRunFolder(join(root, "first"), options)
    const time = { at: "", seconds: 1 }
    run.logEvaluation({ step: 0, size: 10, greedyAccuracy: 0.25, time })
    run.logMetrics({ step: 1, mu: 0.5, time })
    run.logEvaluation({ step: 1, size: 10, greedyAccuracy: 0.5, time })
    const context = captured()
    expect(await runCli(["runs", root], context)).toBe(0)
    expect(context.stdout()).toMatch(
      /^first +running +1\/40 +add2 +0\.500 +greedy +25\.0 % +50\.0 % +50\.0 % +\+25\.0 +\ds$/m,
    )
    run.close()
    const json = captured()
    expect(await runCli(["runs", root, "--json"], json)).toBe(0)
    expect(JSON.parse(json.stdout())).toMatchObject({ name: "first", state: "stopped", step: 1, steps: 40, reward: 0.5, final: 0.5 })
  })

  test("says of a run in the hands of a silent machine who holds it and how to take it over", async () => {
    const root = mkdtempSync(join(folder, "silent-"))
    const directory = join(root, "far")
    createRunFolder(directory, { configYaml: "seed: 1\n", keepCheckpoints: 1 }).close()
    const lock = join(directory, "lock.json")
    writeFileSync(lock, JSON.stringify({ pid: 7, startTime: null, host: "node-3", since: "2026-01-01T00:00:00.000Z" }))
    const old = new Date(Date.now() - 3 * 3_600_000)
    for (const path of [lock, join(directory, "metrics.jsonl")]) utimesSync(path, old, old)
    const context = captured()
    expect(await runCli(["runs", root], context)).toBe(0)
    expect(context.stdout()).toMatch(/^far +silent /m)
    expect(context.stdout()).toContain(`far: held by process 7 on node-3 since 2026-01-01T00:00:00.000Z, last sign of life 3 h ago. Only if that process is gone for certain, remove ${lock} and resume the run.\n`)
    const json = captured()
    await runCli(["runs", root, "--json"], json)
    expect(JSON.parse(json.stdout())).toMatchObject({ state: "silent", holder: expect.stringContaining("node-3") as string })
  })

  test("reports a damaged run and lists the others", async () => {
    const root = mkdtempSync(join(folder, "damaged-"))
    const options = { configYaml: "seed: 1\n", keepCheckpoints: 1 }
    for (const name of ["bad", "good"]) createRunFolder(join(root, name), options).close()
    writeFileSync(join(root, "bad", "metrics.jsonl"), "nonsense\n{}\n")
    const context = captured()
    expect(await runCli(["runs", root], context)).toBe(1)
    expect(context.stdout()).toContain("good")
    expect(context.stderr()).toContain("metrics.jsonl:1")
  })

  test("lists a run whose config is no YAML, whose lines are of an older version or whose reward is none, and says what is damaged", async () => {
    const root = mkdtempSync(join(folder, "older-"))
    for (const name of ["no-yaml", "older", "odd"]) createRunFolder(join(root, name), { configYaml: "seed: 1\n", keepCheckpoints: 1 }).close()
    writeFileSync(join(root, "no-yaml", "config.yaml"), "a: [1\n  b: }")
    writeFileSync(join(root, "older", "metrics.jsonl"), '{"step":3,"mu":0.25}\n')
    writeFileSync(join(root, "odd", "metrics.jsonl"), '{"step":4,"mu":"much","time":{}}\n')
    const context = captured()
    expect(await runCli(["runs", root], context)).toBe(1)
    expect(context.stdout()).toMatch(/^no-yaml +stopped +0\/\?/m)
    expect(context.stdout()).toMatch(/^older +stopped +3\/\? +- +0\.250/m)
    expect(context.stdout()).toMatch(/^odd +stopped +4\/\? +- +- /m)
    expect(context.stderr()).toMatch(/^pirl: .*config\.yaml: expected YAML, got: Implicit keys .*\. Correct that line\.\n$/)
  })

  test.skipIf(!canBeNobody)("a folder that may not be read is said, and the runs beside it are listed", async () => {
    const root = mkdtempSync(join(folder, "closed-"))
    for (const name of ["closed/one", "open"]) createRunFolder(join(root, name), { configYaml: "seed: 1\n", keepCheckpoints: 1 }).close()
    await runCli(["runs", root], captured())
    for (const path of [folder, root]) chmodSync(path, 0o755)
    chmodSync(join(root, "closed"), 0)
    const context = captured()
    expect(await asNobody(() => runCli(["runs", root], context))).toBe(1)
    expect(context.stdout()).toMatch(/^open +stopped/m)
    expect(context.stderr()).toMatch(/^pirl: folder .*closed: expected one that can be read, got EACCES\./)
  })

  test.each([["nowhere", "which is not there"], ["file", "which is a file"]])("of %s is refused: a slip of the hand is no empty folder", async (name, got) => {
    writeFileSync(join(folder, "file"), "")
    for (const command of ["runs", "watch"]) {
      const context = captured()
      expect(await runCli([command, join(folder, name)], context)).toBe(2)
      expect(context.stderr()).toMatch(new RegExp(`^pirl ${command}: expected a folder.*, got .*${name}, ${got}\\. Check the path\\.\\n$`))
    }
  })
})

describe("pirl query", () => {
  const root = mkdtempSync(join(folder, "query-"))
  for (const name of ["one", "two"]) {
    const run = createRunFolder(join(root, name), { configYaml: "seed: 1\n", keepCheckpoints: 1 })
    run.logMetrics({ step: 1, mu: 1 / 3, time: { at: "2026-01-01T00:00:00.000Z", seconds: 1 } })
    run.logCompletions(1, [{ step: 1, problem: "p", completion: 'a "b",\n\u001b[31m', reward: 1 }])
    run.close()
  }

  async function query(...argv: string[]): Promise<string> {
    const context = captured()
    expect(await runCli(["query", ...argv], context)).toBe(0)
    return context.stdout()
  }

  test("prints a table in which a completion cannot steer the terminal", async () => {
    expect(await query(join(root, "one"), "select step, completion from completions")).toBe(
      'step  completion\n   1  a "b",\\n\\u001b[31m\n(1 row)\n',
    )
  })

  test("prints CSV with quotes doubled, over all runs of a folder", async () => {
    expect(await query(root, "select run, mu, completion, null as n from completions join metrics using (run, step) order by run limit 1", "--csv")).toBe(
      `run,mu,completion,n\none,${1 / 3},"a ""b"",\n\u001b[31m",\n`,
    )
  })

  test("prints one JSON object per row", async () => {
    const lines = (await query(join(root, "one"), join(root, "two"), "select run, time from metrics order by run", "--json")).trim().split("\n")
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { run: "one", time: { at: "2026-01-01T00:00:00.000Z", seconds: 1 } },
      { run: "two", time: { at: "2026-01-01T00:00:00.000Z", seconds: 1 } },
    ])
  })

  test("counts a run once, however often and however its path is given", async () => {
    const again = [root, `${join(root, "one")}/`, relative(".", join(root, "one"))]
    expect(await query(...again, "select run, count(*) from metrics group by run order by run", "--csv")).toBe("run,count_star()\none,1\ntwo,1\n")
  })

  test("that fails on a completion cannot steer the terminal either", async () => {
    const context = captured()
    expect(await runCli(["query", root, "select cast(completion as int) from completions"], context)).toBe(2)
    expect(context.stderr()).toContain("\\u001b[31m")
    expect(context.stderr()).not.toContain("\u001b")
  })

  test("says what a table is short of", async () => {
    expect(await query(root, "select * from range(1500)")).toMatch(/\(1500 rows, the first 1000 shown; --csv and --json give all\)\n$/)
  })

  test("names the tables when the SQL is wrong, and the folder when it holds no run", async () => {
    const wrong = captured()
    expect(await runCli(["query", root, "select nope from metrics"], wrong)).toBe(2)
    expect(wrong.stderr()).toMatch(/Referenced column "nope" not found[^]*table metrics: run, step, mu/)
    const none = captured()
    expect(await runCli(["query", folder, join(root, "nothing"), "select 1"], none)).toBe(2)
    expect(none.stderr()).toContain(`expected a run or a folder of runs, got ${join(root, "nothing")}`)
    const file = captured()
    expect(await runCli(["query", join(root, "one", "metrics.jsonl"), "select 1"], file)).toBe(2)
    expect(file.stderr()).toContain("metrics.jsonl, which is a file. Check the path; the SQL comes last.")
  })
})
