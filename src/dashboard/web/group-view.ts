/** The responses of one group side by side, as a step of training saw them, and how a later step looked back at them. */
import type { GroupAnswer, GroupCompletion, ResponseTokens } from "../api.ts"
import { bytes, short, signed } from "../analysis/format.ts"
import { judgementText } from "../analysis/outcomes.ts"
import { button, el } from "./dom.ts"
import { piecesOf, shadeLegend, tokenSpans } from "./token-text.ts"

/** Pieces of all responses together that are shaded: each is an element of the page. */
const mostPieces = 20_000

/** Stays as it is from group to group. */
let isShaded = true

/** A panel with the group's prompt and its responses. */
export function groupPanel({ completions, judged, size }: GroupAnswer, textLink: (key: string) => string, close: () => void): HTMLElement {
  const first = completions[0]
  if (first === undefined) return el("section", { class: "card" }, button("Close", close), el("p", { class: "empty" }, "This group is not in the log any more."))
  const title = `Step ${first.step}${first.group === null ? "" : `, group ${first.group}`}: ${first.problem}`
  const gold = first.gold === null ? undefined : el("p", { class: "facts" }, `Gold answer: ${first.gold}`)
  const missing = size !== null && size > completions.length ? el("p", { class: "facts" }, `The log keeps ${completions.length} of the ${size} responses (logging.completionsPerStep).`) : undefined
  const hasTokens = completions.some(({ tokens }) => tokens !== null)
  const cards = el("div", { class: isShaded ? "group is-shaded" : "group" }, ...completions.map((completion) => card(completion, textLink(completion.key), mostPieces / completions.length)))
  const shading = el("input", {
    type: "checkbox",
    checked: isShaded,
    onchange: () => {
      isShaded = shading.checked
      cards.classList.toggle("is-shaded", isShaded)
    },
  })
  return el(
    "section",
    { class: "view", id: "group", "aria-label": "Group" },
    el("div", { class: "toolbar" }, el("h2", {}, title), hasTokens ? el("label", {}, shading, " Shade tokens") : undefined, button("Close group", close)),
    el("div", { class: "card" }, el("h3", {}, "Prompt"), el("pre", {}, first.prompt), gold, missing, judged === null ? undefined : el("p", { class: "facts" }, judgementText(judged))),
    hasTokens ? shadeLegend() : undefined,
    cards,
  )
}

function card(completion: GroupCompletion, link: string, most: number): HTMLElement {
  const { reward, status, extracted, reason, advantage, piReward, stopReason, tokens } = completion
  const facts = [
    `advantage ${signed(advantage)}`,
    ...(piReward === null ? [] : [`PI reward ${signed(piReward)}`]),
    `answer ${extracted ?? "-"}`,
    ...(stopReason === null ? [] : [`stopped: ${stopReason}`]),
  ]
  const isCut = completion.characters === null || completion.characters > completion.completion.length
  const whole = isCut ? el("p", { class: "facts" }, `Shown cut, of ${bytes(completion.bytes)}. `, el("a", { href: link, target: "_blank", rel: "noreferrer" }, "The whole text")) : undefined
  const text = tokens === null ? [completion.completion] : tokenSpans(piecesOf(completion.completion, tokens, most))
  return el(
    "article",
    { class: "card" },
    el("div", {}, rewardMark(reward), ` ${status ?? ""}`),
    el("div", { class: "facts" }, facts.join(" \u00b7 ")),
    reason === null ? undefined : el("div", { class: "facts" }, `Verifier: ${reason}`),
    tokens === null ? undefined : el("div", { class: "facts" }, tokenFacts(tokens)),
    el("pre", {}, ...text),
    whole,
  )
}

/** `32 tokens, log-prob -4.51, least -2.10`: also for those who cannot see the shading. */
function tokenFacts({ logprobs }: ResponseTokens): string {
  const known = logprobs.filter((value) => value !== null)
  const count = `${logprobs.length} ${logprobs.length === 1 ? "token" : "tokens"}`
  return known.length === 0 ? count : `${count}, log-prob ${signed(known.reduce((sum, value) => sum + value, 0))}, of the least likely ${signed(Math.min(...known))}`
}

/** The reward, green from one half on. */
export function rewardMark(reward: number | null): HTMLElement {
  return el("span", { class: reward !== null && reward >= 0.5 ? "reward-right" : "reward-wrong" }, short(reward))
}
