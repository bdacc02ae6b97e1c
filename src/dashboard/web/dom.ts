/** Elements without HTML: every text is set as text, whoever wrote it. */
import { showDirections } from "../../drawing.ts"

type Child = Node | string | undefined

/** Attributes and listeners of an element; `class` and `data-` names as in HTML. */
export type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>

/** An element with attributes, listeners (`onclick`) and children; texts become text nodes. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value)
    else if (value === true) element.setAttribute(name, "")
    else element.setAttribute(name, String(value))
  }
  element.append(...shown(children))
  return element
}

/** Puts other children in the place of an element's own. */
export function fill(element: HTMLElement, ...children: readonly Child[]): void {
  element.replaceChildren(...shown(children))
}

/** What a model wrote may not turn the text on the page around. */
function shown(children: readonly Child[]): (Node | string)[] {
  return children.filter((child) => child !== undefined).map((child) => (typeof child === "string" ? showDirections(child) : child))
}

/** A button with a text. */
export function button(text: string, onclick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return el("button", { type: "button", onclick, ...attributes }, text)
}

/** A select that calls when another of its options is chosen. */
export function choice(onchange: () => void): HTMLSelectElement {
  return el("select", { onchange })
}

/** Gives a select its options and chooses one. Options that are the same stay, so that an open list does not close. */
export function setOptions(select: HTMLSelectElement, options: readonly string[], chosen: string): void {
  const before = [...select.options].map(({ value }) => value)
  if (before.join("\n") !== options.join("\n")) fill(select, ...options.map((value) => el("option", { value }, value)))
  if (select.value !== chosen) select.value = chosen
  select.disabled = options.length === 0
}
