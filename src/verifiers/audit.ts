/** Looks for problems of data before a model is trained on it: golds that cannot be read or do not accept themselves, duplicates, verifiers that disagree. */
import { inOrder } from "./ordered.ts"
import { isFailure } from "./verifier.ts"
import type { Verdict, VerifierInput } from "./verifier.ts"

/** A row of the data. */
export interface AuditRow {
  readonly id: string
  readonly gold: string
  /** Ground truths any one of which is right, where the row lists several: each is tried. */
  readonly golds?: readonly string[]
  /** What is wrong with the row whatever a verifier says. Without a gold nothing else is tried. */
  readonly damage?: { readonly kind: "missing-gold" | "broken-latex"; readonly reason: string }
  /** The question in a form in which equal questions are equal; absent when the data has none. */
  readonly questionKey?: string
  /** A response whose verdict is compared between two verifiers, e.g. one that a model gave. */
  readonly response?: string
  /** A response that is right, where the gold itself is none (tests of a program). */
  readonly solution?: string
  readonly row?: Readonly<Record<string, unknown>>
}

export type AuditKind =
  /** The verifier cannot read the gold. */
  | "unparsable-gold"
  /** No usual way to write the gold as a response is accepted. */
  | "gold-not-accepted"
  /** The gold is refused in a form in which the verifier reads other answers. */
  | "gold-refuses-itself"
  /** The question stands in an earlier row. */
  | "duplicate"
  /** The question stands in an earlier row, with another gold. */
  | "contradiction"
  /** Two verifiers do not agree on a response. */
  | "disagreement"
  /** The row has no gold: null or NaN. */
  | "missing-gold"
  /** LaTeX that lost its backslashes. */
  | "broken-latex"
  /** The machinery failed. */
  | "failure"

export interface AuditFinding {
  readonly kind: AuditKind
  readonly id: string
  readonly reason: string
}

export interface AuditJudge {
  readonly name: string
  /** False for verifiers whose gold is no answer: tests, schemas, patterns. Only `solution` is tried then. */
  readonly goldIsAnswer: boolean
  readonly verify: (input: VerifierInput) => Promise<Verdict>
}

type Form = (gold: string) => string

/** How responses write a final answer. */
const FORMS: readonly Form[] = [
  (gold) => gold,
  (gold) => `\\boxed{${gold}}`,
  (gold) => `<answer>${gold}</answer>`,
  (gold) => `#### ${gold}`,
  (gold) => `Answer: ${gold}`,
  // Minerva's prompt (arXiv:2206.14858) asks for these words.
  (gold) => `Final Answer: The final answer is ${gold}. I hope it is correct.`,
]

function inputOf({ gold, row }: AuditRow, completion: string): VerifierInput {
  return { gold, completion, ...(row === undefined ? {} : { row }) }
}

/** Answers that every verifier of answers reads: numbers, and the letter of a choice. */
const PLAIN_ANSWERS = ["12", "B"]

/** The forms in which a verifier finds an answer: those in which it accepts a plain one. */
async function formsRead(judge: AuditJudge): Promise<ReadonlySet<Form>> {
  const read = new Set<Form>()
  if (!judge.goldIsAnswer) return read
  for (const gold of PLAIN_ANSWERS) {
    for (const form of FORMS) {
      if ((await judge.verify({ gold, completion: form(gold) })).status === "correct") read.add(form)
    }
  }
  return read
}

async function selfFindings(audited: AuditRow, judge: AuditJudge, read: ReadonlySet<Form>): Promise<AuditFinding[]> {
  const { id, gold, solution } = audited
  const tried: { readonly response: string; readonly form?: Form }[] = judge.goldIsAnswer
    ? FORMS.map((form) => ({ response: form(gold), form }))
    : []
  if (solution !== undefined) tried.push({ response: solution })
  let accepted = false
  let first: Verdict | undefined
  const refused: string[] = []
  // Where nothing is known to be right, any response still shows whether the gold can be read.
  for (const { response, form } of tried.length === 0 ? [{ response: "-", form: undefined }] : tried) {
    const verdict = await judge.verify(inputOf(audited, response))
    if (verdict.status === "unparsable-gold") return [{ kind: "unparsable-gold", id, reason: verdict.reason }]
    if (isFailure(verdict)) return [{ kind: "failure", id, reason: verdict.reason }]
    if (verdict.status === "correct") accepted = true
    else {
      first ??= verdict
      if (form !== undefined && read.has(form)) refused.push(`${shown(response)} (${verdict.reason})`)
    }
  }
  if (tried.length === 0) return []
  if (!accepted) return [{ kind: "gold-not-accepted", id, reason: first?.reason ?? "" }]
  return refused.length === 0 ? [] : [{ kind: "gold-refuses-itself", id, reason: `as ${refused.join(" and as ")}` }]
}

function shown(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text)
}

/** Whether a verifier accepts any of some responses; undefined when its machinery fails. */
async function accepts(
  audited: AuditRow,
  responses: readonly string[],
  judge: AuditJudge,
): Promise<Verdict | undefined> {
  let last: Verdict | undefined
  for (const response of responses) {
    const verdict = await judge.verify(inputOf(audited, response))
    if (isFailure(verdict)) return undefined
    if (verdict.status === "correct") return verdict
    last ??= verdict
  }
  return last
}

async function disagreements(
  audited: AuditRow,
  other: string | undefined,
  judge: AuditJudge,
  second: AuditJudge,
): Promise<AuditFinding[]> {
  // A gold counts in any of its forms, because verifiers look for answers at different places.
  const answers = judge.goldIsAnswer ? [audited.gold, other].filter((gold) => gold !== undefined) : []
  const tried: { readonly shown: string; readonly responses: readonly string[] }[] = [...new Set(answers)].map(
    (gold) => ({ shown: gold, responses: FORMS.map((form) => form(gold)) }),
  )
  if (audited.response !== undefined) tried.push({ shown: audited.response, responses: [audited.response] })
  const findings: AuditFinding[] = []
  for (const { shown, responses } of tried) {
    const [a, b] = await Promise.all([accepts(audited, responses, judge), accepts(audited, responses, second)])
    if (a === undefined || b === undefined || (a.status === "correct") === (b.status === "correct")) continue
    const told = [`${judge.name}: ${a.status} (${a.reason})`, `${second.name}: ${b.status} (${b.reason})`].join(", ")
    findings.push({ kind: "disagreement", id: audited.id, reason: `on ${JSON.stringify(shown.slice(0, 120))} ${told}` })
  }
  return findings
}

/**
 * Findings in the order of the rows. Two verifiers are compared on the response of a row, on its gold and on the gold of
 * the row before.
 */
export async function* auditRows(
  rows: AsyncIterable<AuditRow> | Iterable<AuditRow>,
  judge: AuditJudge,
  second?: AuditJudge,
): AsyncGenerator<AuditFinding> {
  const questions = new Map<string, { readonly id: string; readonly gold: string }>()
  let before: string | undefined
  let forms: Promise<ReadonlySet<Form>> | undefined
  const work = async (audited: AuditRow): Promise<readonly AuditFinding[]> => {
    const other = before
    before = audited.gold
    const findings: AuditFinding[] = []
    const { id, gold, questionKey } = audited
    const earlier = questionKey === undefined ? undefined : questions.get(questionKey)
    if (earlier !== undefined) {
      const kind = earlier.gold === gold ? "duplicate" : "contradiction"
      findings.push({
        kind,
        id,
        reason: `the question of ${earlier.id}${kind === "duplicate" ? "" : ` with another gold, ${JSON.stringify(earlier.gold.slice(0, 80))}`}`,
      })
    } else if (questionKey !== undefined) questions.set(questionKey, { id, gold })
    if (audited.damage !== undefined) findings.push({ id, ...audited.damage })
    if (audited.damage?.kind === "missing-gold") return findings
    const { golds, ...whole } = audited
    const single = golds === undefined || !judge.goldIsAnswer ? [whole] : golds.map((one) => ({ ...whole, gold: one }))
    forms ??= formsRead(judge)
    for (const one of single) findings.push(...(await selfFindings(one, judge, await forms)))
    if (second !== undefined) findings.push(...(await disagreements(audited, other, judge, second)))
    return findings
  }
  for await (const findings of inOrder(rows, work)) yield* findings
}
