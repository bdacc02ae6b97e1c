/** The responses of one group side by side, as a step of training saw them. */
import type { Completion } from "../api.ts"
import { button, el } from "./dom.ts"
import { bytes, short, signed } from "../analysis/format.ts"

/** A panel with the group's prompt and its responses. */
export function groupPanel(group: readonly Completion[], textLink: (key: string) => string, close: () => void): HTMLElement {
  const first = group[0]
  if (first === undefined) return el("section", { class: "card" }, button("Close", close), el("p", { class: "empty" }, "This group is not in the log any more."))
  const title = `Step ${first.step}${first.group === null ? "" : `, group ${first.group}`}: ${first.problem}`
  const gold = first.gold === null ? undefined : el("p", { class: "facts" }, `Gold answer: ${first.gold}`)
  return el(
    "section",
    { class: "view", id: "group", "aria-label": "Group" },
    el("div", { class: "toolbar" }, el("h2", {}, title), button("Close group", close)),
    el("div", { class: "card" }, el("h3", {}, "Prompt"), el("pre", {}, first.prompt), gold),
    el("div", { class: "group" }, ...group.map((completion) => card(completion, textLink(completion.key)))),
  )
}

function card(completion: Completion, link: string): HTMLElement {
  const { reward, status, extracted, reason, advantage, stopReason } = completion
  const facts = [
    `advantage ${signed(advantage)}`,
    `answer ${extracted ?? "-"}`,
    ...(stopReason === null ? [] : [`stopped: ${stopReason}`]),
  ]
  const isCut = completion.characters === null || completion.characters > completion.completion.length
  const whole = isCut ? el("p", { class: "facts" }, `Shown cut, of ${bytes(completion.bytes)}. `, el("a", { href: link, target: "_blank", rel: "noreferrer" }, "The whole text")) : undefined
  return el(
    "article",
    { class: "card" },
    el("div", {}, rewardMark(reward), ` ${status ?? ""}`),
    el("div", { class: "facts" }, facts.join(" \u00b7 ")),
    reason === null ? undefined : el("div", { class: "facts" }, `Verifier: ${reason}`),
    el("pre", {}, completion.completion),
    whole,
  )
}

/** The reward, green from one half on. */
export function rewardMark(reward: number | null): HTMLElement {
  return el("span", { class: reward !== null && reward >= 0.5 ? "reward-right" : "reward-wrong" }, short(reward))
}
