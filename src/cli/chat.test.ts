import { EventEmitter } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough, Readable } from "node:stream"
import { setImmediate, setTimeout } from "node:timers/promises"
import { afterAll, describe, expect, test, vi } from "vitest"
import { createByteTokenizer } from "../model/tokenizer-create.ts"
import { createTokenizer } from "../model/tokenizer.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { Conversation } from "../rollout/conversation.ts"
import { scriptedEngine } from "../rollout/scripted-engine.test-helper.ts"
import { chatCommand, type ChatRequest } from "./chat.ts"
import { captured, type CapturedContext } from "./cli.test-helper.ts"
import { runCli } from "./cli.ts"
import type { InputStream } from "./command.ts"

const model = mkdtempSync(join(tmpdir(), "pirl-chat-"))
writeFileSync(join(model, "config.json"), "{}")
afterAll(() => rmSync(model, { recursive: true, force: true }))

const plain = createByteTokenizer()
const chat = createTokenizer(
  new Map([
    ...plain.files,
    ["chat_template.jinja", Buffer.from("{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}{% endfor %}[a]")],
  ]),
  "chat",
)

interface Talk {
  readonly context: CapturedContext
  readonly code: Promise<number>
  readonly prompts: readonly string[]
  readonly requests: readonly ChatRequest[]
  readonly signals: EventEmitter
  readonly killed: readonly string[]
  readonly closed: () => boolean
}

interface TalkOptions {
  readonly tokenizer?: Tokenizer
  /** Of the terminal; none when absent. */
  readonly columns?: number
  /** Before each token. */
  readonly delay?: () => Promise<unknown>
  readonly contextLength?: number
}

/** `pirl chat` with a model that gives these replies. */
function talk(
  input: InputStream,
  replies: readonly string[],
  argv: readonly string[] = [],
  { tokenizer = chat, columns, delay = () => setImmediate(), contextLength = 1000 }: TalkOptions = {},
): Talk {
  const { engine, prompts } = scriptedEngine(tokenizer, replies, {
    contextLength,
    delay: async () => void (await delay()),
  })
  const requests: ChatRequest[] = []
  const killed: string[] = []
  let closed = false
  const signals = new EventEmitter()
  const command = chatCommand(
    {
      checks: [],
      open: (request) => {
        requests.push(request)
        const { config, maxTokens } = request
        const sampling = { maxTokens, stopTokens: tokenizer.eosTokens }
        const conversation = new Conversation({
          engine,
          tokenizer,
          sampling,
          promptFormat: config.rollout,
          seed: config.seed,
        })
        const close = (): Promise<void> => ((closed = true), Promise.resolve())
        return Promise.resolve({
          conversation,
          temperature: 0.5,
          topP: 1,
          contextLength,
          parameterCount: 1200,
          streams: true,
          close,
        })
      },
    },
    signals,
    (signal) => void killed.push(signal),
  )
  const context = captured(columns, {}, input)
  const code = runCli(["chat", model, ...argv], context, [
    { name: "chat", summary: "", load: () => Promise.resolve(command) },
  ])
  return { context, code, prompts, requests, signals, killed, closed: () => closed }
}

function piped(...lines: readonly string[]): InputStream {
  return Readable.from(lines.map((line) => `${line}\n`))
}

/** Something to type on. */
function keyboard(): PassThrough & InputStream {
  return Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
}

/** Tokens that leave time for a key. */
const slowly = (): Promise<unknown> => setTimeout(20)
/** On a machine that is busy with other tests. */
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000 })

const ctrlC = "\u0003"
const ctrlD = "\u0004"

describe("lines of a pipe", () => {
  test("are turns of a conversation; answers alone go to the standard output", async () => {
    const { context, code, prompts, closed } = talk(piped("7 + 5?", "", "And 3?"), ["12", "15\n"])
    expect(await code).toBe(0)
    expect(context.stdout()).toBe("12\n15\n")
    expect(context.stderr()).toMatch(
      /^loading .*pirl-chat-.* \.\.\.\nready in \d+s: 1\.20k parameters, context of 1000 tokens, temperature 0\.5\n$/,
    )
    expect(prompts).toEqual(["[u]7 + 5?[a]", "[u]7 + 5?[a]12[u]And 3?[a]"])
    expect(closed()).toBe(true)
  })

  test("obey commands, and a message may begin with a slash", async () => {
    const { context, code, prompts } = talk(
      piped("a", "/reset", "b", "/system Be brief.", "/system", "c", "/wat", "//usr is?", "/help", "/exit", "never"),
      ["1", "2", "3", "4"],
    )
    expect(await code).toBe(0)
    expect(prompts).toEqual(["[u]a[a]", "[u]b[a]", "[s]Be brief.[u]c[a]", "[s]Be brief.[u]c[a]3[u]/usr is?[a]"])
    expect(context.stdout()).toBe("1\n2\n3\n4\n")
    expect(context.stderr()).toMatch(
      /\[begun anew\]\n\[begun anew, with this system message\]\nBe brief\.\n\[no command \/wat; .*\]\n {2}\/reset +Forget/,
    )
  })

  test("get answers that cannot steer the terminal, also where a sequence comes in pieces", async () => {
    const { context, code } = talk(piped("?"), ["a\u001b]0;x\u0007\r\u202eb\u20ac\tc\n"])
    expect(await code).toBe(0)
    expect(context.stdout()).toBe("a\\u001b]0;x\\u0007\\u000d\\u202eb\u20ac\tc\n")
  })

  test("that cannot be answered are told, the others are answered, and the exit code says so", async () => {
    const { context, code } = talk(piped("x".repeat(200), "ok"), ["yes"], [], { contextLength: 100 })
    expect(await code).toBe(2)
    expect(context.stdout()).toBe("yes\n")
    expect(context.stderr()).toContain("pirl: message: expected at most 99 tokens")
  })

  test("hear of what the standard output does not show: cuts, a full context, no answer", async () => {
    const cut = talk(piped("a", "b"), ["123456", ""], ["--max-tokens", "4"])
    expect(await cut.code).toBe(0)
    expect(cut.context.stdout()).toBe("1234\n\n")
    expect(cut.context.stderr()).toContain(
      "[cut after 4 tokens: --max-tokens N allows more]\n[no answer: the model ended at once]\n",
    )
    const full = talk(piped("a".repeat(60), "b".repeat(60)), ["c".repeat(80), "d"], [], { contextLength: 100 })
    await full.code
    expect(full.context.stderr()).toContain(
      "[cut after 34 tokens: the context of 100 tokens is full; /reset begins anew]",
    )
    expect(full.context.stderr()).toContain("[the context of 100 tokens was full: the oldest 2 messages are forgotten]")
  })

  test("are read a little ahead of the answers, however many there are", async () => {
    let read = 0
    function* endless(): Generator<string> {
      for (;;) yield `line ${++read}\n`
    }
    const { context, code, signals } = talk(Readable.from(endless()), ["x", "x", "x"], [], { delay: slowly })
    await until(() => expect(context.stdout()).toMatch(/^x\nx\n/))
    expect(read).toBeLessThan(1000)
    signals.emit("SIGINT", "SIGINT")
    expect(await code).toBe(130)
  })

  test("stop at an interrupt with what came, and the process ends with 130", async () => {
    const input = new PassThrough()
    const { context, code, signals, closed } = talk(input, ["a".repeat(1000), "never"], [], { delay: slowly })
    input.write("tell\nmore\n")
    await until(() => expect(context.stdout()).toContain("aaa"))
    signals.emit("SIGINT", "SIGINT")
    expect(await code).toBe(130)
    expect(context.stdout()).toMatch(/^a{3,999}\n$/)
    expect(context.stderr()).toContain("[stopped]")
    expect([closed(), signals.listenerCount("SIGINT"), signals.listenerCount("SIGTERM")]).toEqual([true, 0, 0])
  })
})

describe("a terminal", () => {
  test("has a prompt; Ctrl-C stops an answer, empties a line, and ends at the prompt with 130", async () => {
    const keys = keyboard()
    const { context, code, prompts } = talk(keys, ["a".repeat(1000), "12"], [], { columns: 80, delay: slowly })
    await until(() => expect(context.stderr()).toContain("> "))
    keys.write("tell\r")
    await until(() => expect(context.stdout()).toContain("aaa"))
    keys.write(ctrlC)
    await until(() => expect(context.stderr()).toContain("[stopped]"))
    keys.write(`half${ctrlC}7 + 5?\r`)
    await until(() => expect(context.stdout()).toContain("12\n"))
    await until(() => expect(context.stderr().match(/> /g)!.length).toBeGreaterThan(2))
    keys.write(ctrlC)
    expect(await code).toBe(130)
    expect(prompts.at(-1)).toMatch(/^\[u\]tell\[a\]a+\[u\]7 \+ 5\?\[a\]$/)
  })

  test("ends with Ctrl-D and 0, also after a refused message; typing during an answer does not show", async () => {
    const keys = keyboard()
    let tokens = 0
    let goOn: () => void = () => undefined
    const typed = new Promise<void>((resolve) => (goOn = resolve))
    const delay = (): Promise<void> => (tokens++ < 5 ? Promise.resolve() : typed)
    const { context, code, prompts } = talk(keys, ["a".repeat(30), "b"], [], { columns: 80, contextLength: 500, delay })
    keys.write(`${"x".repeat(600)}\r`)
    await until(() => expect(context.stderr()).toContain("expected at most 499 tokens"))
    keys.write("one\r")
    await until(() => expect(context.stdout()).toContain("aaa"))
    const before = context.stderr()
    keys.write("two\r")
    await setImmediate()
    goOn()
    await until(() => expect(context.stdout()).toContain("b\n"))
    expect(context.stderr().slice(before.length)).toMatch(/^\n> two\n\n/)
    expect(prompts).toHaveLength(2)
    keys.write(ctrlD)
    expect(await code).toBe(0)
  })

  test("a second Ctrl-C while the engine does not stop ends the process", async () => {
    const keys = keyboard()
    let release: () => void = () => undefined
    const stuck = new Promise<void>((resolve) => (release = resolve))
    const { context, code, killed, signals } = talk(keys, ["a"], [], { columns: 80, delay: () => stuck })
    await until(() => expect(context.stderr()).toContain("> "))
    keys.write("tell\r")
    await setImmediate()
    keys.write(ctrlC)
    await setImmediate()
    expect(killed).toEqual([])
    keys.write(ctrlC)
    await until(() => expect(killed).toEqual(["SIGINT"]))
    expect(signals.listenerCount("SIGINT")).toBe(0)
    release()
    await code
  })
})

describe("options", () => {
  test("reach the model; --system and --raw are settings over the run's", async () => {
    const { code, requests, prompts } = talk(
      piped("hi"),
      ["x"],
      ["--system", "yes: no", "--temperature", "0", "--top-p", "0.9", "--max-tokens", "7", "--seed", "5"],
    )
    expect(await code).toBe(0)
    expect(requests[0]).toMatchObject({
      temperature: 0,
      topP: 0.9,
      maxTokens: 7,
      config: { seed: 5, rollout: { systemPrompt: "yes: no" } },
    })
    expect(prompts).toEqual(["[s]yes: no[u]hi[a]"])
    const raw = talk(piped("7+5=", "3+3="), ["12", "6"], ["--raw"])
    expect(await raw.code).toBe(0)
    expect(raw.prompts).toEqual(["7+5=", "3+3="])
    expect(raw.context.stderr()).toContain("As bare text (rollout.chatTemplate: false) each line is a prompt by itself")
  })

  test("a model without a chat template is told, and has no system message", async () => {
    const { context, code, prompts } = talk(piped("7+5=", "/system A"), ["12"], [], { tokenizer: plain })
    expect(await code).toBe(0)
    expect(context.stderr()).toContain("The model has no chat template: each line is a prompt by itself")
    expect(context.stderr()).toContain("[bare text has no place for a system message]")
    expect(prompts).toEqual(["7+5="])
  })

  test("that are wrong are told together, before anything is loaded", async () => {
    const { context, code, requests } = talk(
      piped("hi"),
      [],
      ["--temperature", "-1", "--top-p", "0", "--max-tokens", "0"],
    )
    expect(await code).toBe(2)
    expect(context.stderr()).toMatch(
      /--temperature of 0 or more, got -1[\s\S]*--top-p above 0 and up to 1, got 0[\s\S]*--max-tokens of 1 or more, got 0/,
    )
    expect(requests).toHaveLength(0)
    const both = talk(piped("hi"), [], ["--raw", "--system", "A"])
    expect(await both.code).toBe(2)
    expect(both.context.stderr()).toContain("pirl chat: expected --system or --raw, got both")
  })
})
