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

  test("lines that end in carriage return and line feed are read as Jinja reads them", () => {
    const template = "a\n  {% if true %}\nb\n  {% endif %}\nc\n"
    const windows = template.replaceAll("\n", "\r\n")
    expect(renderChatTemplate(windows, { messages })).toBe("a\nb\nc")
    expect(renderChatTemplate(windows, { messages })).toBe(renderChatTemplate(template, { messages }))
  })

  test("the clock of a template is the date that it is given, and else today's", () => {
    const template =
      '{%- if not date_string is defined %}{% set date_string = strftime_now("%d %b %Y") %}{% endif %}\n{{ date_string }}|{{ strftime_now("%A, %-d %B %y %H:%M %% %Q") }}'
    const extra = { strftime_now: "2026-03-05" }
    expect(renderChatTemplate(template, { messages, extra })).toBe("05 Mar 2026|Thursday, 5 March 26 00:00 % %Q")
    expect(renderChatTemplate(template, { messages, extra: { ...extra, date_string: "D" } })).toMatch(/^D\|Thursday/)
    expect(renderChatTemplate("{{ strftime_now('%Y') }}", { messages })).toBe(String(new Date().getFullYear()))
    expect(() => renderChatTemplate(template, { messages, extra: { strftime_now: "soon" } })).toThrow(
      /expected a date as strftime_now.*got "soon"/,
    )
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
