/** HTML in which every text is escaped: what a run holds never becomes markup. */
import { escapeText } from "../drawing.ts"

/** Markup that is meant as such. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

/** What may stand in a template: markup as it is, texts and numbers escaped, nothing for undefined. */
export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[]

function markupOf(part: HtmlPart): string {
  if (part === undefined) return ""
  if (part instanceof Html) return part.markup
  if (typeof part === "string") return escapeText(part)
  return typeof part === "number" ? String(part) : part.map(markupOf).join("")
}

/** A template of markup: html`<p title="${text}">${text}</p>`. Attributes must be quoted. */
export function html(literals: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  return new Html(literals.map((literal, i) => literal + markupOf(parts[i])).join(""))
}

/** Rows of cells as a table, the first row its head; the first cell of a row names it. */
export function table(cells: readonly (readonly HtmlPart[])[]): Html {
  const [head, ...rows] = cells
  const body = rows.map(([first, ...others]) => html`<tr><th scope="row">${first}</th>${others.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)
  return html`<div class="scroll"><table><thead><tr>${head!.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>\n<tbody>${body}</tbody></table></div>`
}

/** Names and what they are. */
export function facts(rows: readonly (readonly [name: string, value: HtmlPart])[]): Html {
  return html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`
}
