/** The text of a response with each token shaded by how unlikely it was. */
import type { ResponseTokens } from "../api.ts"
import { percent, signed } from "../analysis/format.ts"
import { el } from "./dom.ts"

/** Probabilities from which on a token has the shade of its place: the likeliest ones have none. */
const shades = [0.95, 0.8, 0.5, 0.2, 0.05, 0] as const

/** Of a token: 0 is none, 5 the darkest. */
export function shadeOf(logprob: number): number {
  const p = Math.exp(logprob)
  return shades.findIndex((least) => p >= least)
}

/** Tokens that together stand for some characters: mostly one. */
export interface TokenPiece {
  readonly text: string
  /** Sum over its tokens, nats. */
  readonly logprob: number | null
  readonly tokens: number
}

/**
 * A text cut into its tokens, and what is behind the last of them as one piece without a log-prob.
 * @param most  pieces at most
 */
export function piecesOf(text: string, { lengths, logprobs }: ResponseTokens, most: number): TokenPiece[] {
  const pieces: TokenPiece[] = []
  let [at, sum, tokens]: [number, number | null, number] = [0, 0, 0]
  for (let i = 0; i < lengths.length && pieces.length < most && at < text.length; i++) {
    const value = logprobs[i] ?? null
    sum = sum === null || value === null ? null : sum + value
    tokens += 1
    if (lengths[i] === 0) continue
    pieces.push({ text: text.slice(at, at + lengths[i]!), logprob: sum, tokens })
    at += lengths[i]!
    ;[sum, tokens] = [0, 0]
  }
  if (at < text.length) pieces.push({ text: text.slice(at), logprob: null, tokens: 0 })
  return pieces
}

/** Spans of the pieces, which tell their log-prob to the pointer. */
export function tokenSpans(pieces: readonly TokenPiece[]): HTMLElement[] {
  return pieces.map(({ text, logprob, tokens }) =>
    logprob === null
      ? el("span", {}, text)
      : el("span", { class: `token shade-${shadeOf(logprob)}`, title: `${signed(logprob, 3)} nats, ${percent(Math.exp(logprob))}${tokens > 1 ? `, ${tokens} tokens` : ""}` }, text),
  )
}

/** What the shades mean. */
export function shadeLegend(): HTMLElement {
  const keys = shades.map((least, i) => el("span", { class: `token shade-${i}` }, least === 0 ? `below ${100 * shades[i - 1]!} %` : `from ${100 * least} %`))
  return el("p", { class: "hint shades" }, "Shading: probability of the token under the policy that sampled it ", ...keys.flatMap((key) => [key, " "]))
}
