import { describe, expect, test } from "vitest"
import type { Problem } from "../data/task.ts"
import { ConfigError, DataError } from "../errors.ts"
import { createByteTokenizer } from "../model/tokenizer-create.ts"
import { createTokenizer } from "../model/tokenizer.ts"
import type { Tokenizer } from "../model/tokenizer.ts"
import { describePromptFormat, encodePrompt, type PromptFormat } from "./prompt-encoder.ts"

const plain = createByteTokenizer()

function withTemplate(template: string): Tokenizer {
  return createTokenizer(new Map([...plain.files, ["chat_template.jinja", Buffer.from(template)]]), "chat tokenizer")
}

const chat = withTemplate(
  "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{{ mood }}{% endif %}",
)
const text = "7 + 5?"
const messages = [{ role: "user", content: text }]

function seen(prompt: Problem["prompt"], tokenizer: Tokenizer, format?: PromptFormat): string {
  return tokenizer.decode(encodePrompt({ id: "p", prompt, gold: "" }, tokenizer, format))
}

describe("a text", () => {
  test("goes through the chat template as one user message when there is one, and is bare text otherwise", () => {
    expect(seen(text, chat)).toBe("[user]7 + 5?[assistant]")
    expect(seen(text, chat, { chatTemplate: "auto" })).toBe("[user]7 + 5?[assistant]")
    expect(seen(text, plain)).toBe(text)
  })

  test("is bare text where the format says so, with the tokenizer's own special tokens", () => {
    expect(seen(text, chat, { chatTemplate: false })).toBe(text)
    expect(encodePrompt({ id: "p", prompt: text, gold: "" }, chat, { chatTemplate: false })).toEqual(plain.encode(text))
  })

  test("gets the system message of the format, and the template its variables", () => {
    expect(seen(text, chat, { systemPrompt: "Be brief.", templateVariables: { mood: "calm" } })).toBe(
      "[system]Be brief.[user]7 + 5?[assistant]calm",
    )
  })
})

describe("messages", () => {
  test("go through the template also where texts do not, and keep a system message of their own", () => {
    expect(seen(messages, chat, { chatTemplate: false })).toBe("[user]7 + 5?[assistant]")
    expect(seen(messages, chat, { systemPrompt: "A" })).toBe("[system]A[user]7 + 5?[assistant]")
    expect(seen([{ role: "system", content: "B" }, ...messages], chat, { systemPrompt: "A" })).toBe(
      "[system]B[user]7 + 5?[assistant]",
    )
  })

  test("stand one after the other where there is no template", () => {
    expect(seen([{ role: "system", content: "B" }, ...messages], plain)).toBe("B\n\n7 + 5?")
  })
})

describe("a user's mistake", () => {
  test("a format that needs a template where there is none names its setting", () => {
    const wrong = (format: PromptFormat): unknown => {
      try {
        return seen(text, plain, format)
      } catch (error) {
        return error
      }
    }
    expect(wrong({ chatTemplate: true })).toMatchObject({ issues: [{ path: "rollout.chatTemplate" }] })
    expect(wrong({ systemPrompt: "A" })).toMatchObject({ issues: [{ path: "rollout.systemPrompt" }] })
    expect(wrong({ chatTemplate: true })).toBeInstanceOf(ConfigError)
  })

  test.each(["{{ raise_exception('System role not supported') }}", "{{ no_such_function(messages) }}", "{% if %}"])(
    "the template %s fails with its reason and a way round it",
    (template) => {
      const broken = withTemplate(template)
      expect(() => seen(text, broken)).toThrow(DataError)
      expect(() => seen(text, broken)).toThrow(
        /^chat tokenizer\/(?:chat_template\.jinja|tokenizer_config\.json): chat template: expected .*, got: .*--raw.*rollout\.chatTemplate: false/s,
      )
      expect(seen(text, broken, { chatTemplate: false })).toBe(text)
    },
  )

  test("a template that renders nothing is no prompt", () => {
    expect(() => seen(text, withTemplate("{{ '' }}"))).toThrow("problem p: expected a prompt of at least one token")
  })
})

test("the format is told in words, each way once", () => {
  expect(describePromptFormat([text, text], chat)).toBe("the model's chat template (one user message)")
  expect(describePromptFormat([text, messages], chat, { systemPrompt: "A" })).toBe(
    "the model's chat template (rollout.systemPrompt and one user message); the model's chat template (rollout.systemPrompt and messages of the task)",
  )
  expect(describePromptFormat([[{ role: "system", content: "B" }, ...messages]], chat, { systemPrompt: "A" })).toBe(
    "the model's chat template (messages of the task)",
  )
  expect(describePromptFormat([text], chat, { chatTemplate: false })).toBe("bare text (rollout.chatTemplate: false)")
  expect(describePromptFormat([text, messages], plain)).toBe(
    "bare text (the model has no chat template); messages one after the other (the model has no chat template)",
  )
})
