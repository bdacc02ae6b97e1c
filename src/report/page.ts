/** The frame of a report: one file, everything in it, no script. */
import { html, Html, type HtmlPart } from "./html.ts"
import { pageStyle } from "./style.ts"

/** A part of a report with an entry in its list of contents. */
export interface Section {
  /** Letters and hyphens. */
  readonly id: string
  readonly title: string
  readonly content: HtmlPart
}

/** The whole page. The policy in its head lets no script run and nothing be loaded, should any text ever slip through. */
export function page(title: string, lead: HtmlPart, sections: readonly Section[], footer: string): string {
  const contents = sections.map(({ id, title: name }) => html`<a href="#${id}">${name}</a> `)
  const body = sections.map(({ id, title: name, content }) => html`<section id="${id}"><h2>${name}</h2>\n${content}</section>\n`)
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<meta name="generator" content="pirl report"><title>${title}</title>
<style>${new Html(pageStyle)}</style></head>
<body><header><h1>${title}</h1>${lead}<nav aria-label="Contents">${contents}</nav></header>
<main>${body}</main><footer>${footer}</footer></body></html>
`.markup
}
