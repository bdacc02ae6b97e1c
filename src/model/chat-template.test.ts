import { describe, expect, test } from "vitest"
import { DataError } from "../errors.ts"
import { renderChatTemplate, selectChatTemplate } from "./chat-template.ts"

const messages = [{ role: "user", content: "2+2" }]

describe("renderChatTemplate", () => {
  test("templates see messages, special tokens, the generation switch and further variables", () => {
    const template =
      "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}>{{ mood }}{% endif %}"
    expect(renderChatTemplate(template, { messages, bosToken: "<s>", eosToken: "</s>", addGenerationPrompt: true, extra: { mood: "calm" } })).toBe(
      "<s>[user] 2+2</s>>calm",
    )
    expect(renderChatTemplate(template, { messages, eosToken: "</s>" })).toBe("[user] 2+2</s>")
  })

  test("further variables cannot replace the messages", () => {
    expect(renderChatTemplate("{{ messages[0].content }}", { messages, extra: { messages: [] } })).toBe("2+2")
  })

  test("lines that hold only a block leave no trace, as in transformers", () => {
    expect(renderChatTemplate("a\n  {% if true %}\nb\n  {% endif %}\nc", { messages })).toBe("a\nb\nc")
  })

  test("broken Jinja and a template that refuses are DataErrors with the reason", () => {
    expect(() => renderChatTemplate("{% if %}", { messages })).toThrow(DataError)
    expect(() => renderChatTemplate("{{ raise_exception('roles must alternate') }}", { messages })).toThrow(/roles must alternate/)
  })
})

describe("selectChatTemplate", () => {
  test("a text is itself, nothing is nothing, and of named ones default is taken", () => {
    expect(selectChatTemplate("x", "f")).toBe("x")
    expect(selectChatTemplate(null, "f")).toBeUndefined()
    expect(selectChatTemplate([{ name: "tool_use", template: "t" }, { name: "default", template: "d" }], "f")).toBe("d")
    expect(selectChatTemplate([{ name: "only", template: "o" }], "f")).toBe("o")
  })

  test("several without a default, and anything else, are refused", () => {
    const list = [{ name: "a", template: "1" }, { name: "b", template: "2" }]
    expect(() => selectChatTemplate(list, "f")).toThrow(/f: chat_template: .*got templates named a, b/)
    expect(() => selectChatTemplate(5, "f")).toThrow(/got 5/)
  })
})
