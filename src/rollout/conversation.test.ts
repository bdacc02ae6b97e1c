import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { OnnxEngine } from "../engine/onnx/onnx-engine.ts"
import { DataError } from "../errors.ts"
import { loadModelFolder, saveModelFolder } from "../model/folder.ts"
import { initialiseWeights } from "../model/initialise.ts"
import { presetConfig } from "../model/presets.ts"
import { createByteTokenizer, createCharacterTokenizer } from "../model/tokenizer-create.ts"
import { createTokenizer } from "../model/tokenizer.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { Conversation, type ConversationOptions } from "./conversation.ts"
import { scriptedEngine } from "./scripted-engine.test-helper.ts"

const template = "{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}{% endfor %}[a]"
const plain = createByteTokenizer()
const chat = createTokenizer(
  new Map([...plain.files, ["chat_template.jinja", Buffer.from(template)]]),
  "chat tokenizer",
)

interface Scripted {
  readonly conversation: Conversation
  /** Prompts that the engine was given, as text. */
  readonly prompts: string[]
}

function scripted(
  replies: readonly string[],
  options: Partial<ConversationOptions> = {},
  contextLength = 1000,
  tokenizer: Tokenizer = chat,
): Scripted {
  const { engine, prompts } = scriptedEngine(tokenizer, replies, { contextLength })
  const sampling = { maxTokens: 100, stopTokens: tokenizer.eosTokens }
  return {
    conversation: new Conversation({ engine, tokenizer, sampling, promptFormat: {}, seed: 1, ...options }),
    prompts,
  }
}

describe("a conversation", () => {
  test("puts all that was said to the model, and begins anew", async () => {
    const { conversation, prompts } = scripted(["12", "15", "6"], { promptFormat: { systemPrompt: "Add." } })
    expect(await conversation.answer("7 + 5?")).toEqual({ text: "12", stopReason: "stop", tokens: 3, forgotten: 0 })
    await conversation.answer("And 3?")
    conversation.reset()
    await conversation.answer("1 + 5?")
    expect(prompts).toEqual(["[s]Add.[u]7 + 5?[a]", "[s]Add.[u]7 + 5?[a]12[u]And 3?[a]", "[s]Add.[u]1 + 5?[a]"])
    conversation.reset("Subtract.")
    expect(conversation.systemPrompt).toBe("Subtract.")
    conversation.reset(null)
    expect([conversation.systemPrompt, conversation.messages]).toEqual([undefined, []])
  })

  test("tells an answer in pieces, characters whole, also of an engine that does not stream", async () => {
    for (const streams of [true, false]) {
      const pieces: string[] = []
      const { engine } = scriptedEngine(chat, ["5 \u20ac \u{1f600}"], { contextLength: 100, streams })
      const conversation = new Conversation({
        engine,
        tokenizer: chat,
        sampling: { maxTokens: 50 },
        promptFormat: {},
        seed: 1,
      })
      const { text } = await conversation.answer("?", { onText: (piece) => void pieces.push(piece) })
      expect(text).toBe("5 \u20ac \u{1f600}")
      expect(pieces).toEqual(["5", " ", "\u20ac", " ", "\u{1f600}"])
    }
  })

  test("forgets its oldest exchanges when the context is full, and keeps the system message", async () => {
    const { conversation, prompts } = scripted(
      ["A".repeat(20), "B".repeat(20), "C"],
      { promptFormat: { systemPrompt: "S" }, sampling: { maxTokens: 20, stopTokens: chat.eosTokens } },
      80,
    )
    await conversation.answer("1".repeat(10))
    expect((await conversation.answer("2".repeat(10))).forgotten).toBe(0)
    expect((await conversation.answer("3".repeat(10))).forgotten).toBe(2)
    expect(prompts.at(-1)).toBe(`[s]S[u]${"2".repeat(10)}[a]${"B".repeat(20)}[u]${"3".repeat(10)}[a]`)
    expect(conversation.messages).toHaveLength(4)
  })

  test("lets an answer end with the context, and refuses a message that leaves no room for one", async () => {
    const { conversation } = scripted(["A".repeat(50)], {}, 40)
    expect(await conversation.answer("1".repeat(30))).toMatchObject({ stopReason: "length", tokens: 4 })
    await expect(conversation.answer("1".repeat(40))).rejects.toThrow(DataError)
    await expect(conversation.answer("1".repeat(40))).rejects.toThrow(
      "expected at most 39 tokens, to leave room in the context of 40, got 46. Shorten it.",
    )
    expect(conversation.messages).toHaveLength(2)
  })

  test("keeps of an aborted answer what came, and of a message without an answer nothing", async () => {
    const { conversation, prompts } = scripted(["a long story", "yes", "no"])
    const stop = new AbortController()
    const onText = (piece: string): void => void (piece === "g" && stop.abort())
    expect(await conversation.answer("Tell", { signal: stop.signal, onText })).toEqual({
      text: "a long",
      stopReason: "aborted",
      tokens: 6,
      forgotten: 0,
    })
    expect(await conversation.answer("More", { signal: AbortSignal.abort() })).toMatchObject({
      text: "",
      stopReason: "aborted",
    })
    await conversation.answer("Done?")
    expect(prompts.at(-1)).toBe("[u]Tell[a]a long[u]Done?[a]")
  })

  test("without a chat template, or with bare text asked for, takes each message by itself", async () => {
    for (const [tokenizer, promptFormat] of [
      [plain, {}],
      [chat, { chatTemplate: false }],
    ] as const) {
      const { conversation, prompts } = scripted(["12", "6"], { tokenizer, promptFormat }, 100, tokenizer)
      expect(conversation.remembers).toBe(false)
      await conversation.answer("7+5=")
      await conversation.answer("3+3=")
      expect(prompts).toEqual(["7+5=", "3+3="])
    }
  })

  test("finds a template that fails before the first message", () => {
    const broken = createTokenizer(
      new Map([...plain.files, ["chat_template.jinja", Buffer.from("{{ raise_exception('no') }}")]]),
      "broken",
    )
    expect(() => scripted([], {}, 100, broken).conversation.check()).toThrow(/chat template: .*no.*--raw/)
    expect(() =>
      scripted([], { promptFormat: { chatTemplate: false } }, 100, broken).conversation.check(),
    ).not.toThrow()
    expect(() => scripted([], { promptFormat: { systemPrompt: "A" } }, 100, plain).conversation.check()).toThrow(
      "rollout.systemPrompt",
    )
  })
})

describe("a model with a chat template in the embedded engine", () => {
  const directory = mkdtempSync(join(tmpdir(), "pirl-conversation-"))
  afterAll(() => rmSync(directory, { recursive: true }))

  test("streams the tokens that it samples when nobody listens, turn by turn, by the seed", async () => {
    const tokenizer = createCharacterTokenizer("abcdefghijklmnopqrstuvwxyz[]? ")
    const config = {
      ...presetConfig("nano", {
        vocabularySize: tokenizer.vocabularySize,
        contextLength: 200,
        eosTokens: tokenizer.eosTokens,
      }),
      initializerRange: 0.3,
    }
    await saveModelFolder(directory, { config, weights: initialiseWeights(config, 5), tokenizer })
    writeFileSync(join(directory, "chat_template.jinja"), template)
    const folder = await loadModelFolder(directory)
    const engine = await OnnxEngine.create({
      config,
      tokenizer: folder.tokenizer,
      weights: { kind: "folder", directory },
      threads: 1,
    })
    try {
      const options = {
        tokenizer: folder.tokenizer,
        sampling: { maxTokens: 20, temperature: 0.8, stopTokens: tokenizer.eosTokens },
        promptFormat: {},
        seed: 3,
      }
      const silent = {
        capabilities: engine.capabilities,
        sample: (...[requests, signal]: Parameters<OnnxEngine["sample"]>) => engine.sample(requests, signal),
      }
      const [streamed, whole] = [
        new Conversation({ ...options, engine }),
        new Conversation({ ...options, engine: silent }),
      ]
      const again = new Conversation({ ...options, engine, seed: 4 })
      for (const message of ["how are you?", "and now?"]) {
        let text = ""
        let pieces = 0
        const answer = await streamed.answer(message, { onText: (piece) => ((text += piece), (pieces += 1)) })
        expect(answer).toEqual(await whole.answer(message))
        expect(text).toBe(answer.text)
        expect(pieces).toBeGreaterThan(1)
        expect((await again.answer(message)).text).not.toBe(answer.text)
      }
      expect(streamed.messages).toEqual(whole.messages)
      expect(streamed.messages).toHaveLength(4)
    } finally {
      await engine.close()
    }
  })
})
