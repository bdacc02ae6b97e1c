import { describe, expect, test } from "vitest"
import { html, table } from "./html.ts"

describe("HTML", () => {
  test("escapes the parts of a template and leaves markup and numbers as they are", () => {
    expect(html`<p>${"<b>"}${html`<b>${1.5}</b>`}${undefined}${["&", html`<i></i>`]}</p>`.markup).toBe("<p>&lt;b&gt;<b>1.5</b>&amp;<i></i></p>")
  })

  test("names rows and columns of a table for a screen reader", () => {
    expect(table([["arm", "n"], ["<base>", 3]]).markup.replaceAll("\n", "")).toBe(
      '<div class="scroll"><table><thead><tr><th scope="col">arm</th><th scope="col">n</th></tr></thead><tbody><tr><th scope="row">&lt;base&gt;</th><td>3</td></tr></tbody></table></div>',
    )
  })
})
