/** The row of tabs: pointer, arrow keys within it, and a digit from anywhere. */
import { button, el } from "./dom.ts"

/** Tab after a key in the row; undefined for other keys. */
export function tabAfterKey<T>(tabs: readonly T[], current: T, key: string): T | undefined {
  const at = tabs.indexOf(current)
  const steps: Readonly<Record<string, number>> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }
  const place = steps[key]
  return place === undefined ? undefined : tabs.at(place % tabs.length)
}

/** Whether keys are being typed into something. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=range]), select, textarea")
}

export class TabBar<T extends string> {
  readonly element: HTMLElement
  readonly #buttons: ReadonlyMap<T, HTMLButtonElement>
  readonly #panels: Readonly<Record<T, HTMLElement>>
  #current: T

  /**
   * @param panels  what each tab shows
   * @param choose  called when a person chooses a tab; `mark` then shows it
   */
  constructor(tabs: readonly [T, ...T[]], panels: Readonly<Record<T, HTMLElement>>, choose: (tab: T) => void) {
    this.#panels = panels
    this.#current = tabs[0]
    this.#buttons = new Map(tabs.map((tab, i) => [tab, button(tab, () => choose(tab), { role: "tab", id: `tab-${tab}`, "aria-controls": panels[tab].id, title: `Key ${i + 1}` })]))
    this.element = el("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, ...this.#buttons.values())
    for (const tab of tabs) {
      panels[tab].setAttribute("role", "tabpanel")
      panels[tab].setAttribute("aria-labelledby", `tab-${tab}`)
    }
    this.element.addEventListener("keydown", (event) => {
      const next = tabAfterKey(tabs, this.#current, event.key)
      if (next === undefined) return
      event.preventDefault()
      choose(next)
      this.#buttons.get(next)!.focus()
    })
    document.addEventListener("keydown", (event) => {
      const tab = tabs[Number(event.key) - 1]
      if (tab === undefined || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return
      choose(tab)
    })
  }

  /** Shows a tab and its panel. */
  mark(tab: T): void {
    this.#current = tab
    for (const [name, element] of this.#buttons) {
      this.#panels[name].hidden = name !== tab
      element.setAttribute("aria-selected", String(name === tab))
      element.tabIndex = name === tab ? 0 : -1
    }
  }
}
