/** The third tab: responses of the active run, filtered, newest first; a row opens its group. */
import type { Completion, CompletionPage, CompletionsQuery } from "../api.ts"
import { button, el, fill } from "./dom.ts"
import { short, signed } from "../analysis/format.ts"
import { groupPanel, rewardMark } from "./group-view.ts"
import { noRunChosen } from "./run-groups.ts"
import type { AppState } from "./state.ts"

const pageSize = 50
/** Typing is over after this pause. */
const pauseMs = 250

export class CompletionsView {
  readonly element: HTMLElement
  readonly #state: AppState
  readonly #text = field("search", "Search in prompt, response, answer", "Text")
  readonly #problem = field("search", "Problem", "Problem, exact name")
  readonly #fromStep = field("number", "from step", "From step")
  readonly #toStep = field("number", "to step", "To step")
  readonly #minReward = field("number", "reward from", "Reward from")
  readonly #maxReward = field("number", "reward to", "Reward to")
  readonly #status = el("select", { "aria-label": "Status" }, el("option", { value: "" }, "any status"))
  readonly #title = el("h2", {})
  readonly #summary = el("p", { class: "hint", "aria-live": "polite" })
  readonly #rows = el("tbody", {})
  readonly #more = button("More", () => void this.#load(false), { hidden: true })
  readonly #group = el("div", {})
  readonly #toolbar: HTMLElement
  readonly #table: HTMLElement
  #cursor: string | undefined
  /** Key of the response whose group is open. */
  #opened: string | undefined
  #shown = 0
  /** Counts the questions: an answer to an older one is dropped. */
  #asked = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(state: AppState) {
    this.#state = state
    // On a narrow screen: a line of words, a line of numbers.
    const words = [this.#text, this.#status, this.#problem]
    const fields = [...words, this.#minReward, this.#maxReward, this.#fromStep, this.#toStep]
    for (const input of fields) input.addEventListener("input", () => this.#soon())
    const columns = ["response", "answer", "reward", "status", "step", "group", "advantage", "prompt", "problem"]
    const head = el(
      "thead",
      {},
      el("tr", {}, ...columns.map((name) => el("th", { scope: "col", class: `cell-${name}` }, name))),
    )
    this.#table = el("div", { class: "scroll" }, el("table", { class: "completions" }, head, this.#rows))
    this.#toolbar = el("div", { class: "toolbar filters" }, ...fields)
    this.element = el(
      "div",
      { class: "view", id: "view-completions" },
      this.#title,
      this.#toolbar,
      this.#summary,
      this.#group,
      this.#table,
      el("p", {}, this.#more),
    )
    this.element.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.#closeGroup()
    })
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || this.element.hidden || event.target instanceof HTMLInputElement) return
      event.preventDefault()
      this.#text.focus()
    })
    state.on(["selection"], () => {
      fill(this.#group)
      void this.#load(true)
    })
    state.on(["tab"], () => void this.#load(true))
  }

  /** New responses were logged: the first page is read again, unless someone reads on. */
  refresh(): void {
    if (this.#shown <= pageSize && this.#group.childElementCount === 0) void this.#load(true)
  }

  #soon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#load(true), pauseMs)
  }

  #query(): CompletionsQuery {
    const number = (input: HTMLInputElement): number | undefined => (input.value === "" ? undefined : Number(input.value))
    const query = {
      text: this.#text.value || undefined,
      status: this.#status.value || undefined,
      problem: this.#problem.value || undefined,
      fromStep: number(this.#fromStep),
      toStep: number(this.#toStep),
      minReward: number(this.#minReward),
      maxReward: number(this.#maxReward),
    }
    return { limit: pageSize, ...Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) }
  }

  /** Asks until a page is full, or everything was searched, or another question is asked. */
  async #load(fromStart: boolean): Promise<void> {
    const { tab, active, source } = this.#state
    this.#title.textContent = active === undefined ? "" : `Responses of ${active.name}`
    if (tab !== "completions") return
    const asked = ++this.#asked
    this.#toolbar.hidden = this.#table.hidden = active === undefined
    if (active === undefined) return this.#clear(noRunChosen(this.#state))
    const query = this.#query()
    let cursor = fromStart ? undefined : this.#cursor
    const found: Completion[] = []
    try {
      for (;;) {
        const page = await source.completions(active.id, { ...query, ...(cursor === undefined ? {} : { cursor }) })
        if (asked !== this.#asked) return
        found.push(...page.completions)
        cursor = page.cursor ?? undefined
        this.#showStatuses(page.statuses)
        if (page.searchedAll || cursor === undefined || found.length >= pageSize) {
          this.#show(found, page, fromStart)
          break
        }
        this.#summary.textContent = `Searching: ${found.length} found so far`
      }
      this.#cursor = cursor
      this.#more.hidden = cursor === undefined
    } catch (error) {
      if (asked === this.#asked) this.#clear(error instanceof Error ? error.message : String(error))
    }
  }

  #clear(message: string): void {
    fill(this.#rows)
    this.#shown = 0
    this.#more.hidden = true
    this.#summary.textContent = message
  }

  #show(found: readonly Completion[], page: CompletionPage, fromStart: boolean): void {
    const rows = found.map((completion) => this.#row(completion))
    if (fromStart) {
      // Rows that are listed again, because something was logged, are other elements.
      const focused = this.#rows.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["key"] : undefined
      fill(this.#rows, ...rows)
      this.#focusRow(focused)
    } else this.#rows.append(...rows)
    this.#shown = (fromStart ? 0 : this.#shown) + found.length
    const all = page.total === null ? "" : ` of ${page.total}`
    const reach = page.indexedShare < 1 ? `; ${Math.floor(100 * page.indexedShare)} % of the log is read so far` : ""
    this.#summary.textContent = this.#shown === 0 ? `No response passes these filters${reach}.` : `${this.#shown}${all} responses, newest first${reach}. A row opens its group.`
  }

  #row(completion: Completion): HTMLElement {
    const { step, group, reward, status, problem, prompt, completion: text, extracted, advantage } = completion
    const open = (): void => void this.#open(completion)
    // The response comes first: it is what the list is of. On a narrow screen a row becomes a card, each fact with its
    // name.
    const cells: readonly (readonly [name: string, content: Node | string])[] = [
      ["response", clipped(text)],
      ["answer", extracted ?? "-"],
      ["reward", rewardMark(reward)],
      ["status", status ?? "-"],
      ["step", String(step)],
      ["group", short(group)],
      ["advantage", signed(advantage)],
      ["prompt", clipped(prompt)],
      ["problem", problem],
    ]
    const row = el(
      "tr",
      { tabindex: 0, "data-key": completion.key, onclick: open },
      ...cells.map(([name, content]) => el("td", { class: `cell-${name}`, "data-name": name }, content)),
    )
    row.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") open()
    })
    return row
  }

  /** The focus goes back to the row that the group was opened from. */
  #closeGroup(): void {
    if (this.#group.childElementCount === 0) return
    fill(this.#group)
    this.#focusRow(this.#opened)
  }

  #focusRow(key: string | undefined): void {
    if (key !== undefined) this.#rows.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus()
  }

  async #open({ key, step, group }: Completion): Promise<void> {
    const { active, source } = this.#state
    if (active === undefined) return
    this.#opened = key
    try {
      const answer = await source.group(active.id, step, group)
      if (this.#state.active?.id !== active.id) return
      fill(this.#group, groupPanel(answer, (key) => source.textLink(active.id, key), () => this.#closeGroup()))
      this.#group.scrollIntoView({ block: "start" })
      this.#group.querySelector<HTMLElement>("button")?.focus({ preventScroll: true })
    } catch (error) {
      fill(this.#group, el("p", { class: "error" }, error instanceof Error ? error.message : String(error)))
    }
  }

  #showStatuses(statuses: readonly string[]): void {
    const known = new Set([...this.#status.options].map(({ value }) => value))
    for (const status of statuses) if (!known.has(status)) this.#status.append(el("option", { value: status }, status))
  }
}

/** The first lines of a text; what is left out shows as an ellipsis. */
function clipped(text: string): HTMLElement {
  return el("div", { class: "clipped" }, text === "" ? "(empty)" : text)
}

function field(type: string, placeholder: string, label: string): HTMLInputElement {
  return el("input", { type, placeholder, "aria-label": label, ...(type === "number" ? { step: "any" } : {}) })
}
