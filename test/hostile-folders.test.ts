/**
 * Model folders and data files that a stranger made to hang, fill or crash whoever opens them. Every one ends in
 * bounded time with an error of ours that names the file; those that may succeed are named at the end.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { DuckDBInstance } from "@duckdb/node-api"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { PirlError } from "../src/errors.ts"
import { makeCacheFolder } from "../src/hub/cache-folder.ts"
import { parseModelConfig } from "../src/model/config.ts"
import { openModel } from "../src/model/open-model.ts"
import { parameterSpecs } from "../src/model/weights.ts"
import { compiledProgram } from "./helpers/compiled.ts"
import { startPirl } from "./helpers/pirl.ts"
import { Workspace, tinyConfig } from "./helpers/tiny-run.ts"

const workspace = new Workspace()
afterAll(() => workspace.remove())

const sound = fileURLToPath(new URL("fixtures/parity/qwen3-with-tokenizer", import.meta.url))
/** Generous: the machine may be busy. Without limits these take hours. */
const PATIENCE_MS = 10_000
const isPosix = process.platform !== "win32"

type Json = Record<string, unknown>

function readJson(path: string): Json {
  return JSON.parse(readFileSync(path, "utf8")) as Json
}

function change(folder: string, file: string, how: (json: Json) => void): void {
  const json = readJson(join(folder, file))
  how(json)
  writeFileSync(join(folder, file), JSON.stringify(json))
}

const config = (key: string, value: unknown) => (folder: string) =>
  change(folder, "config.json", (json) => void (json[key] = value))

/** Sets what stands under some keys of tokenizer.json. */
const tokenizer = (path: readonly string[], value: unknown) => (folder: string) =>
  change(folder, "tokenizer.json", (json) => {
    const place = path.slice(0, -1).reduce((inside, key) => inside[key] as Json, json)
    place[path.at(-1)!] = value
  })

const template = (text: string) => (folder: string) => writeFileSync(join(folder, "chat_template.jinja"), text)

/** A file that is a pipe which nobody writes to. */
const pipe = (file: string) => (folder: string) => {
  rmSync(join(folder, file), { force: true })
  execFileSync("mkfifo", [join(folder, file)])
}

/** An empty file of a terabyte, which takes no room. */
function sparse(path: string, bytes: number = 2 ** 40): void {
  writeFileSync(path, "")
  truncateSync(path, bytes)
}

/** The header of a safetensors file, with its length before it. */
function header(json: Json): Buffer {
  const text = Buffer.from(JSON.stringify(json))
  return Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(text.length)).buffer), text])
}

/** Config and weights that fit together, half a terabyte of them. */
function immense(folder: string): void {
  change(folder, "config.json", (json) => Object.assign(json, { vocab_size: 2 ** 21, hidden_size: 2 ** 16 }))
  const specs = parameterSpecs(parseModelConfig(readJson(join(folder, "config.json")), "config.json"))
  let end = 0
  const entries = specs.map(({ name, shape }) => {
    const begin = end
    end += shape.reduce((product, size) => product * size, 4)
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }]
  })
  const bytes = header(Object.fromEntries(entries))
  writeFileSync(join(folder, "model.safetensors"), bytes)
  truncateSync(join(folder, "model.safetensors"), bytes.length + end)
}

const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false })
/** A template of a post-processor that has the text twice. */
const text = { Sequence: { id: "A", type_id: 0 } }
const twice = { type: "TemplateProcessing", single: [text, text], pair: [], special_tokens: {} }
const times = (count: number, step: unknown): unknown[] => Array.from({ length: count }, () => step)
const replace = (content: string) => ({ type: "Replace", pattern: { String: "a" }, content })

/** Name, what is done to a sound folder, and what the error names. */
const folders: readonly (readonly [string, (folder: string) => void, RegExp])[] = [
  [
    "ten million layers",
    config("num_hidden_layers", 10_000_000),
    /config\.json: num_hidden_layers: .*at most 1024, got/,
  ],
  [
    "layers that the files lack",
    (f) => change(f, "config.json", (json) => Object.assign(json, { num_hidden_layers: 1000, layer_types: null })),
    /missing: model\.layers\.2\.[\s\S]*and \d+ more/,
  ],
  ["two thousand million tokens", config("vocab_size", 2 ** 31), /config\.json: vocab_size: .*at most/],
  ["heads a million wide", config("head_dim", 1_000_000), /config\.json: head_dim: .*at most/],
  ["an endless context", config("max_position_embeddings", 10 ** 15), /max_position_embeddings: .*at most/],
  ["a rotary base beyond numbers", config("rope_parameters", { rope_theta: 1e300 }), /rope_theta: .*at most/],
  ["a config of lists in lists", (f) => writeFileSync(join(f, "config.json"), "[".repeat(5e6)), /config\.json: .*JSON/],
  ["weights beyond all memory", immense, /expected a model that fits into .* of memory, got \d+ parameters/],
  [
    "a header of 2^60 bytes",
    (f) => writeFileSync(join(f, "model.safetensors"), Buffer.from("00000000000000100000", "hex")),
    /model\.safetensors: expected a header of at most/,
  ],
  [
    "a tokenizer of a terabyte",
    (f) => sparse(join(f, "tokenizer.json")),
    /tokenizer\.json: expected a file of at most \d+ bytes/,
  ],
  ["a token with the id 10^12", tokenizer(["model", "vocab", "x!"], 1e12), /tokenizer\.json: model\.vocab: .*at most/],
  [
    "an added token of a megabyte",
    tokenizer(["added_tokens", "0", "content"], "a".repeat(1e6)),
    /tokenizer\.json: added_tokens: .*at most 1000 characters/,
  ],
  [
    "replacements that multiply",
    tokenizer(["normalizer"], { type: "Sequence", normalizers: times(40, replace("aaaa")) }),
    /tokenizer\.json: normalizer: .*times the length/,
  ],
  [
    "a post-processor that doubles",
    tokenizer(["post_processor"], { type: "Sequence", processors: times(30, twice) }),
    /tokenizer\.json: post_processor: .*times the text/,
  ],
  [
    "a pattern that backtracks",
    tokenizer(["pre_tokenizer", "pretokenizers", "0"], split("(a+)+$")),
    /tokenizer\.json: expected tokens of .* within \d+ ms, got none/,
  ],
  [
    "a decoder that backtracks",
    tokenizer(["decoder"], {
      type: "Sequence",
      decoders: [{ type: "Fuse" }, { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" }],
    }),
    /tokenizer\.json: expected tokens of .* within \d+ ms, got none/,
  ],
  [
    "a template with a long range",
    template("{% for i in range(10**12) %}x{% endfor %}"),
    /chat_template\.jinja: .*range of at most/,
  ],
  [
    "a template of loops in loops",
    template("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"),
    /chat_template\.jinja: .*steps, got more/,
  ],
  [
    "a template that waits for a word",
    template(
      "{% if 'trigger' in messages[0].content %}{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}{% endif %}",
    ),
    /chat_template\.jinja: .*steps, got more/,
  ],
  [
    "a template that calls itself",
    template("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}"),
    /chat_template\.jinja: .*steps, got more/,
  ],
  [
    "a text that doubles",
    template("{% set n = namespace(s='xxxx') %}{% for i in range(90) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}"),
    /chat_template\.jinja: .*values of at most/,
  ],
  [
    "a list that holds itself twice",
    template(
      "{% set n = namespace(s=['x']) %}{% for i in range(90) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s | tojson }}",
    ),
    /chat_template\.jinja: .*values of at most/,
  ],
  ["a text times 10^12", template("{{ 'x' * 10**12 }}"), /chat_template\.jinja: chat template: expected/],
  ["a wide indentation", template("{{ 'x\ny' | indent(10**9) }}"), /chat_template\.jinja: .*characters, got more/],
  [
    "a search that takes the product",
    template(
      "{% set n = namespace(s='aaaa') %}{% for i in range(19) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ (n.s[1:] ~ 'b' ~ n.s) in (n.s ~ n.s) }}",
    ),
    /chat_template\.jinja: .*(?:steps|values)/,
  ],
  ["a template of blanks", template(`${" ".repeat(900_000)}x`), /chat_template\.jinja: .*valid Jinja template within/],
  [
    "shards outside of the folder",
    (f) => {
      rmSync(join(f, "model.safetensors"))
      writeFileSync(
        join(f, "model.safetensors.index.json"),
        JSON.stringify({ weight_map: { x: "../../secret.safetensors" } }),
      )
    },
    /index\.json: expected names of safetensors files in weight_map, got/,
  ],
  ...(isPosix
    ? ([
        ["a config that is a pipe", pipe("config.json"), /config\.json: expected a file, got a named pipe/],
        ["weights that are a pipe", pipe("model.safetensors"), /model\.safetensors: expected a file, got a named pipe/],
        ["a manifest that is a pipe", pipe("checksums.json"), /checksums\.json: expected a file, got a named pipe/],
        [
          "a tokenizer without end",
          (f: string) => {
            rmSync(join(f, "tokenizer.json"))
            symlinkSync("/dev/zero", join(f, "tokenizer.json"))
          },
          /tokenizer\.json: expected a file, got a device/,
        ],
      ] as const)
    : []),
]

/** Opens a model and does with it what a run does with a prompt. */
async function use(path: string): Promise<void> {
  const { tokenizer: words } = await openModel(path)
  const prompt = words.renderChat([{ role: "user", content: `trigger ${"a".repeat(40)}!` }], {
    addGenerationPrompt: true,
  })
  const aloud = words.encode("a".repeat(40))
  words.encode(`${"a".repeat(40)}!`)
  words.decode([...aloud, ...words.encode(prompt)])
}

async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  return undefined
}

function copyOf(): string {
  const folder = workspace.fresh("model")
  cpSync(sound, folder, { recursive: true })
  return folder
}

async function expectRefusal(work: () => Promise<unknown>, names: RegExp): Promise<void> {
  const began = performance.now()
  const error = await errorOf(work)
  expect(error).toBeInstanceOf(PirlError)
  const { message } = error as PirlError
  expect(message).toMatch(names)
  // A list of problems is cut; one line is no wall of text.
  expect(message.length).toBeLessThan(6000)
  expect(performance.now() - began).toBeLessThan(PATIENCE_MS)
}

describe("a model folder with", () => {
  test.each(folders)(
    "%s is refused by name",
    async (_name, make, names) => {
      const folder = copyOf()
      make(folder)
      await expectRefusal(() => use(folder), names)
    },
    2 * PATIENCE_MS,
  )

  test(
    "one of these may succeed: unknown keys of megabytes, weights behind a link, and a loop of a thousand",
    async () => {
      const folder = copyOf()
      config("notes", "x".repeat(4e6))(folder)
      const elsewhere = `${workspace.fresh("weights")}.safetensors`
      cpSync(join(folder, "model.safetensors"), elsewhere)
      rmSync(join(folder, "model.safetensors"))
      symlinkSync(elsewhere, join(folder, "model.safetensors"))
      template("{% for i in range(1000) %}{{ messages[0].content }}{% endfor %}")(folder)
      expect(await errorOf(() => use(folder))).toBeUndefined()
    },
    2 * PATIENCE_MS,
  )
})

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: bigint): Buffer => Buffer.from(BigUint64Array.of(value).buffer)
const named = (value: string): Buffer => Buffer.concat([u64(BigInt(value.length)), Buffer.from(value)])
const start = (tensors: bigint, keys: bigint): Buffer =>
  Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors), u64(keys)])

/** Name, content, and what the error names. */
const ggufFiles: readonly (readonly [string, Buffer, RegExp])[] = [
  ["2^60 tensors", start(2n ** 60n, 0n), /number of tensors: expected at most/],
  ["2^60 keys", start(0n, 2n ** 60n), /number of keys: expected at most/],
  [
    "a text of 2^40 bytes",
    Buffer.concat([start(0n, 1n), named("a"), u32(8), u64(2n ** 40n)]),
    /a: length: expected at most/,
  ],
  [
    "a list of 2^50 numbers",
    Buffer.concat([start(0n, 1n), named("a"), u32(9), u32(0), u64(2n ** 50n)]),
    /a: items of all lists: expected at most/,
  ],
  [
    "a list beyond its end",
    Buffer.concat([start(0n, 1n), named("a"), u32(9), u32(8), u64(1_000_000n)]),
    /a: expected a list within the file/,
  ],
  [
    "lists of lists",
    Buffer.concat([start(0n, 1n), named("a"), u32(9), u32(9), u64(1n)]),
    /a: expected a list of values/,
  ],
  [
    "a tensor of 2^60 rows",
    Buffer.concat([start(1n, 0n), named("t"), u32(2), u64(2n ** 60n), u64(8n), u32(0), u64(0n)]),
    /tensor t: expected at most .* elements/,
  ],
]

describe("a GGUF file with", () => {
  test.each(ggufFiles)("%s is refused by name", async (_name, content, names) => {
    const path = `${workspace.fresh("model")}.gguf`
    writeFileSync(path, Buffer.concat([content, Buffer.alloc(64)]))
    await expectRefusal(() => use(path), names)
  })
})

/** A run of the program, its time and its peak of memory (Linux), with half a gigabyte for objects. */
async function train(
  changes: Parameters<typeof tinyConfig>[0],
): Promise<{ stderr: string; code: number | null; mebibytes: number; ms: number }> {
  const directory = workspace.fresh("run")
  const began = performance.now()
  const run = startPirl(["train", workspace.config(tinyConfig(changes)), "--run-dir", directory], {
    env: { NODE_OPTIONS: "--max-old-space-size=512" },
  })
  let mebibytes = 0
  const watch = setInterval(() => {
    const status = existsSync(`/proc/${run.pid}/status`) ? readFileSync(`/proc/${run.pid}/status`, "utf8") : ""
    mebibytes = Math.max(mebibytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
  }, 20)
  const { stderr, code } = await run.ended
  clearInterval(watch)
  return { stderr, code, mebibytes, ms: performance.now() - began }
}

const data = (path: string): Json => ({ name: "dataset", path, heldOutSize: 1, modulus: undefined, verifier: "exact" })

/** A gzip file of many times the same text, of which a few kilobytes make gigabytes. */
function packed(path: string, line: string, times: number): string {
  const member = gzipSync(line.repeat(Math.ceil(8_000_000 / line.length)))
  writeFileSync(path, Buffer.concat(Array<Buffer>(times).fill(member)))
  return path
}

async function bomb(): Promise<string> {
  const path = `${workspace.fresh("bomb")}.parquet`
  const database = await DuckDBInstance.create(":memory:")
  const connection = await database.connect()
  await connection.run(
    `copy (select repeat('x', 1000000) as question, 'a' as answer from range(1500)) to '${path}' (format parquet, compression zstd)`,
  )
  connection.closeSync()
  expect(readFileSync(path).length).toBeLessThan(2000)
  return path
}

const line = `${JSON.stringify({ question: "q".repeat(1000), answer: "1" })}\n`

/** Name, the file, and what the error names. */
const dataFiles: readonly (readonly [string, () => string | Promise<string>, RegExp])[] = [
  [
    "a parquet file of 1.5 kB that unpacks to 1.5 GB",
    bomb,
    /\.parquet, rows 1 to 2048: expected at most \d+ bytes of text in 2048 rows, got 1500001500/,
  ],
  [
    "a terabyte without a line",
    () => {
      const path = `${workspace.fresh("sparse")}.jsonl`
      sparse(path)
      return path
    },
    /\.jsonl, line 1: expected a line of at most 67108864 characters/,
  ],
  [
    "a packed line of 400 MB",
    () => packed(`${workspace.fresh("line")}.jsonl.gz`, "x", 50),
    /\.jsonl\.gz, line 1: expected a line of at most/,
  ],
  [
    "packed rows of 800 MB",
    () => packed(`${workspace.fresh("rows")}.jsonl.gz`, line, 100),
    /\.jsonl\.gz, line \d+: expected rows that fit into/,
  ],
  [
    "a packed document of 400 MB",
    () => packed(`${workspace.fresh("document")}.json.gz`, "[],", 50),
    /\.json\.gz: expected a JSON text of at most/,
  ],
  [
    "a CSV field without an end",
    () => {
      const path = `${workspace.fresh("field")}.csv`
      writeFileSync(path, `question,answer\n"${"x".repeat(20_000_000)}`)
      return path
    },
    /\.csv: .*a line longer than is read/,
  ],
  [
    "a folder in the place of a file",
    () => {
      const folder = workspace.fresh("folder")
      mkdirSync(join(folder, "train.jsonl"), { recursive: true })
      return join(folder, "train.jsonl")
    },
    /train\.jsonl/,
  ],
  ...(isPosix
    ? ([
        [
          "a folder with a pipe",
          () => {
            const folder = workspace.fresh("pipes")
            mkdirSync(folder)
            execFileSync("mkfifo", [join(folder, "pipe")])
            symlinkSync(join(folder, "pipe"), join(folder, "train.jsonl"))
            return folder
          },
          /train\.jsonl, got something else there/,
        ],
        [
          "a folder with a link to a device",
          () => {
            const folder = workspace.fresh("device")
            mkdirSync(folder)
            symlinkSync("/dev/zero", join(folder, "train.jsonl"))
            return folder
          },
          /train\.jsonl, got something else there/,
        ],
      ] as const)
    : []),
]

describe("pirl train on", () => {
  // Not a part of the time of the first.
  beforeAll(() => void compiledProgram(), 6 * PATIENCE_MS)

  test.each(dataFiles)(
    "%s ends with a message",
    async (_name, make, names) => {
      const { stderr, code, mebibytes, ms } = await train({ task: data(await make()) })
      expect(stderr).toMatch(names)
      expect(stderr).not.toMatch(/bug of pirl|\n\s+at /)
      expect(code).toBe(2)
      expect(mebibytes).toBeLessThan(1500)
      expect(ms).toBeLessThan(2 * PATIENCE_MS)
    },
    4 * PATIENCE_MS,
  )

  test(
    "a folder whose template loops ends with a message",
    async () => {
      const folder = copyOf()
      template("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")(folder)
      const rows = `${workspace.fresh("rows")}.jsonl`
      writeFileSync(rows, [1, 2, 3, 4].map((i) => JSON.stringify({ question: `${i}?`, answer: `${i}` })).join("\n"))
      const { stderr, code } = await train({
        model: { preset: undefined, path: folder },
        task: data(rows),
        warmStart: null,
      })
      expect(stderr).toMatch(/chat_template\.jinja: chat template: expected at most \d+ steps, got more/)
      expect(code).toBe(2)
    },
    4 * PATIENCE_MS,
  )

  test(
    "data without end stops at SIGTERM while it is read, and the run can go on",
    async () => {
      const directory = workspace.fresh("run")
      const rows = packed(`${workspace.fresh("rows")}.jsonl.gz`, line, 2000)
      const task = { ...data(rows), filter: [{ column: "answer", in: ["2"] }] }
      const run = startPirl(["train", workspace.config(tinyConfig({ task })), "--run-dir", directory])
      while (!existsSync(directory)) await new Promise((resolve) => setTimeout(resolve, 20))
      await new Promise((resolve) => setTimeout(resolve, 500))
      const began = performance.now()
      run.kill("SIGTERM")
      expect((await run.ended).signal).toBe("SIGTERM")
      expect(performance.now() - began).toBeLessThan(5000)
      expect(existsSync(join(directory, "config.yaml"))).toBe(true)
    },
    4 * PATIENCE_MS,
  )
})

test.runIf(existsSync("/proc/self"))("a cache in /proc is refused at once", () => {
  expect(() => makeCacheFolder("/proc/x/hub/models--a--b/blobs")).toThrow(
    /HF_HOME: expected a folder that can be made, got \/proc/,
  )
})
