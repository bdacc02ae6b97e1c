/** The verdicts every verifier of this folder gives, so that their reasons read alike. */
import type { Verdict } from "../verifier.ts"

const SHOWN_CHARACTERS = 80

/** Text for a reason: quoted, and cut where it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text)
}

/** Reward 1. */
export function correct(extracted: string, reason: string): Verdict {
  return { status: "correct", reward: 1, extracted, reason }
}

/** Reward 0: an answer was read, and it is wrong. */
export function incorrect(extracted: string, reason: string): Verdict {
  return { status: "incorrect", reward: 0, extracted, reason }
}

/** Reward 0: the response holds nothing that could be an answer. */
export function noAnswer(reason: string): Verdict {
  return { status: "no-answer", reward: 0, reason }
}

/** Reward 0: the data is at fault, not the response. */
export function unparsableGold(gold: string, expected: string): Verdict {
  return { status: "unparsable-gold", reward: 0, reason: `expected ${expected} as gold, got ${shown(gold)}` }
}
