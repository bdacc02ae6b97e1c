/** The first look in words. */
import { terminalLine } from "../terminal-text.ts"
import { lookRows } from "../runs/index.ts"
import type { FirstLook } from "./first-look.ts"
import type { RewardExample, RewardProblem } from "./reward-diagnosis.ts"

const SHOWN_CHARACTERS = 160

/** A line per fact, behind a headline. */
export function describeLook(look: FirstLook): string {
  return ["before the first update:", ...lookRows(look).map(([name, text]) => `  ${name}: ${text}`)].join("\n")
}

/** What is wrong, two responses, and what may help. */
export function describeProblem({ message, examples, advice }: RewardProblem): string {
  return [
    `warning: ${terminalLine(message)}`,
    ...examples.flatMap(describeExample),
    "  What may help:",
    ...advice.map((line) => `    - ${line}`),
  ].join("\n")
}

function describeExample({ prompt, response, gold, reason }: RewardExample): string[] {
  return [`  to ${shown(prompt)} (ground truth ${shown(gold)})`, `    the response ${shown(response)}`, `    ${terminalLine(reason)}`]
}

/** Quoted, on one line, cut where it is long, and without what could steer a terminal. */
function shown(text: string): string {
  return terminalLine(JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text))
}
