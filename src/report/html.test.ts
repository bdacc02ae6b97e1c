import { assert, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import { escapeText, html, table } from "./html.ts"

const back: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" }

describe("HTML", () => {
  test("keeps every text a text: nothing of it is markup, and nothing is lost", () => {
    assert(
      property(string({ unit: "grapheme" }), (text) => {
        const escaped = escapeText(text)
        expect(escaped).not.toMatch(/[<>"']/)
        expect(escaped.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => back[entity]!)).toBe(text)
      }),
    )
  })

  test("shows control characters, which no file of XML may hold, as a mark", () => {
    expect(escapeText("a\u0000\u001b[31m\n\tb")).toBe("a\ufffd\ufffd[31m\n\tb")
    for (let code = 0; code < 32; code++) expect(escapeText(String.fromCharCode(code))).toBe([9, 10, 13].includes(code) ? String.fromCharCode(code) : "\ufffd")
    expect(escapeText("\ufffe\uffff\u00e9\u{1f600}")).toBe("\ufffd\ufffd\u00e9\u{1f600}")
  })

  test("escapes the parts of a template and leaves markup and numbers as they are", () => {
    expect(html`<p>${"<b>"}${html`<b>${1.5}</b>`}${undefined}${["&", html`<i></i>`]}</p>`.markup).toBe("<p>&lt;b&gt;<b>1.5</b>&amp;<i></i></p>")
  })

  test("names rows and columns of a table for a screen reader", () => {
    expect(table([["arm", "n"], ["<base>", 3]]).markup.replaceAll("\n", "")).toBe(
      '<div class="scroll"><table><thead><tr><th scope="col">arm</th><th scope="col">n</th></tr></thead><tbody><tr><th scope="row">&lt;base&gt;</th><td>3</td></tr></tbody></table></div>',
    )
  })
})
