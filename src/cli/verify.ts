/**
 * `pirl verify`: judges responses with a verifier, and audits data.
 */
import { applyOverrides } from "../config/index.ts"
import { ConfigError } from "../errors.ts"
import type { VerdictStatus, VerifierSpec } from "../verifiers/verifier.ts"
import { columns } from "./command.ts"
import type { CliContext, Command, CommandArguments, OutputStream } from "./command.ts"
import { exitCodes } from "./exit-code.ts"
import { formatShare } from "./format.ts"

/** A judged row, as it is written. */
export interface VerifiedRow {
  readonly id: string | number
  readonly correct: boolean
  readonly status: VerdictStatus
  readonly extracted: string | null
  readonly reason: string
  readonly reward: number
}

/** A judged row with what is only counted. */
export interface JudgedRow {
  readonly row: VerifiedRow
  /** The row could not be read; it was not judged. */
  readonly unreadable: boolean
  /** What the row itself expects, under `expected`. */
  readonly expected?: boolean
}

/** One problem of the data. */
export interface AuditLine {
  readonly kind: string
  readonly id: string
  readonly reason: string
}

export interface AuditRequest {
  readonly path: string
  readonly verifier: VerifierSpec
  readonly against: string | undefined
  readonly goldColumn: string | undefined
  readonly questionColumn: string | undefined
  /** Called with the number of rows, as they are read. */
  readonly onRow: () => void
}

/** How much may run at once and for how long; defaults where absent. */
export interface VerifyLimits {
  readonly workers?: number
  readonly timeoutMs?: number
}

/** What this command needs of the layers below. */
export interface VerifyBackend {
  /** Names of verifiers, with a line on each. */
  readonly kinds: readonly (readonly [name: string, summary: string])[]
  verifyOne(verifier: VerifierSpec, gold: string, prediction: string, limits: VerifyLimits): Promise<VerifiedRow>
  /** @param path  a file, or `-` for standard input */
  verifyFile(verifier: VerifierSpec, path: string, limits: VerifyLimits): AsyncIterable<JudgedRow>
  audit(request: AuditRequest, limits: VerifyLimits): AsyncIterable<AuditLine>
}

/** The command, on verifiers. */
export function verifyCommand(backend: VerifyBackend): Command {
  return {
    name: "verify",
    summary: "Judge responses with a verifier, or audit the golds of data",
    positionals: "[KIND]",
    positionalCount: { min: 0, max: 1 },
    options: [
      {
        name: "in",
        kind: "text",
        placeholder: "FILE",
        help: "JSON lines with id, gold and pred; - for standard input",
      },
      { name: "gold", kind: "text", help: "One ground truth" },
      { name: "pred", kind: "text", help: "The response to judge against it" },
      {
        name: "audit",
        kind: "text",
        placeholder: "DATA",
        help: "Data to audit: JSONL, parquet, CSV or TSV, or a folder of them",
      },
      {
        name: "against",
        kind: "text",
        placeholder: "KIND",
        help: "Second verifier of an audit: where do they disagree?",
      },
      {
        name: "gold-column",
        kind: "text",
        placeholder: "NAME",
        help: "Column of an audit with the golds (found by common names)",
      },
      {
        name: "question-column",
        kind: "text",
        placeholder: "NAME",
        help: "Column of an audit with the questions (found by common names)",
      },
      { name: "set", kind: "text", placeholder: "OPTION=VALUE", multiple: true, help: "Option of the verifier" },
      { name: "workers", kind: "integer", placeholder: "N", help: "Verifications at once (default: one per core)" },
      { name: "timeout", kind: "number", placeholder: "SECONDS", help: "Deadline of one verification (default 30)" },
      { name: "json", kind: "flag", help: "The summary as JSON too" },
    ],
    description: [
      "Judges rows {id, gold, pred} and writes rows {id, correct, status, extracted, reason, reward}, in order and one",
      "JSON object per line; the summary goes to standard error. Options of a row, e.g. strict or precision, go before",
      "those of --set. With --audit: golds that cannot be read or do not accept themselves, duplicates, disagreements.",
      "",
      "Kinds:",
      ...columns(backend.kinds),
      "",
      "Code runs shut in, and what judges it runs elsewhere. What asserts cannot know: whether code has learnt their",
      "answers by heart, and whether an object with state answers each question as it likes. Calls and programs are",
      "compared by their data alone.",
    ].join("\n"),
    examples: [
      ["pirl verify math --in cases.jsonl", "Judge every row of a file"],
      [String.raw`pirl verify math --gold '\frac{1}{2}' --pred 'so it is 0.5'`, "Judge one response"],
      ["pirl verify math --audit train.parquet --against prime_math", "Look for problems of the data before training"],
    ],
    run: (args, context) => runVerify(backend, args, context),
  }
}

function problem(message: string): ConfigError {
  return new ConfigError([{ path: "", message: `pirl verify: ${message} See \`pirl verify --help\`.` }])
}

/** Exactly one of the three ways to use the command. */
function checkMode(args: CommandArguments): void {
  const given = [args.text("in"), args.text("gold") ?? args.text("pred"), args.text("audit")].filter(
    (value) => value !== undefined,
  )
  if (given.length !== 1)
    throw problem(
      `expected one of --in FILE, --gold with --pred, --audit DATA, got ${given.length === 0 ? "none" : "several"}.`,
    )
  if ((args.text("gold") === undefined) !== (args.text("pred") === undefined))
    throw problem("expected --gold and --pred together, got one of them.")
  if (args.positionals.length === 0 && args.text("audit") === undefined)
    throw problem("expected KIND, a verifier, got none.")
  if (args.text("against") !== undefined && args.text("audit") === undefined)
    throw problem("expected --against with --audit, got it alone.")
}

async function runVerify(backend: VerifyBackend, args: CommandArguments, context: CliContext): Promise<number> {
  checkMode(args)
  const verifier: VerifierSpec = {
    ...(applyOverrides({}, args.texts("set")) as Record<string, unknown>),
    name: args.positionals[0] ?? "math",
  }
  const [workers, timeout] = [args.number("workers"), args.number("timeout")]
  const limits: VerifyLimits = {
    ...(workers === undefined ? {} : { workers }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
  }
  const [gold, prediction, audit] = [args.text("gold"), args.text("pred"), args.text("audit")]
  if (audit !== undefined) return runAudit(backend, verifier, audit, limits, args, context)
  if (gold === undefined || prediction === undefined)
    return runFile(backend, verifier, args.text("in")!, limits, args, context)
  const row = await backend.verifyOne(verifier, gold, prediction, limits)
  const { status, extracted, reason, reward } = row
  if (args.flag("json")) await write(context.out, `${JSON.stringify(row)}\n`)
  else
    await write(
      context.out,
      `${columns([
        ["status", status],
        ["extracted", extracted ?? "-"],
        ["reason", reason],
        ["reward", String(reward)],
      ]).join("\n")}\n`,
    )
  // No verdict is a failure of the machinery, as in a file's run.
  return status === "failure" || status === "timeout" ? exitCodes.failure : exitCodes.ok
}

/** Waits where the reader is slower than we are. */
async function write(out: OutputStream, text: string): Promise<void> {
  if (out.write(text) !== false || !("once" in out) || typeof out.once !== "function") return
  const once = out.once as (event: string, listener: () => void) => unknown
  await new Promise<void>((resolve) => once.call(out, "drain", resolve))
}

interface Tally {
  rows: number
  unreadable: number
  readonly statuses: Map<VerdictStatus, number>
  expected: number
  falsePositives: number
  falseNegatives: number
}

async function runFile(
  backend: VerifyBackend,
  verifier: VerifierSpec,
  path: string,
  limits: VerifyLimits,
  args: CommandArguments,
  { out, err }: CliContext,
): Promise<number> {
  const started = performance.now()
  const tally: Tally = {
    rows: 0,
    unreadable: 0,
    statuses: new Map(),
    expected: 0,
    falsePositives: 0,
    falseNegatives: 0,
  }
  for await (const { row, unreadable, expected } of backend.verifyFile(verifier, path, limits)) {
    tally.rows++
    if (unreadable) tally.unreadable++
    else tally.statuses.set(row.status, (tally.statuses.get(row.status) ?? 0) + 1)
    if (expected !== undefined && !unreadable) {
      tally.expected++
      if (row.correct && !expected) tally.falsePositives++
      if (!row.correct && expected) tally.falseNegatives++
    }
    await write(out, `${JSON.stringify(row)}\n`)
  }
  err.write(summaryOf(tally, (performance.now() - started) / 1000, args.flag("json")))
  return tally.unreadable > 0 ? exitCodes.badInput : exitCodes.ok
}

function summaryOf(tally: Tally, seconds: number, json: boolean): string {
  const { rows, unreadable, statuses, expected, falsePositives, falseNegatives } = tally
  const correct = statuses.get("correct") ?? 0
  if (json) {
    const agreement = expected === 0 ? {} : { expected, falsePositives, falseNegatives }
    return `${JSON.stringify({ rows, unreadable, ...Object.fromEntries(statuses), ...agreement, seconds })}\n`
  }
  const others = [...statuses].filter(([status]) => status !== "correct").map(([status, count]) => `${count} ${status}`)
  if (unreadable > 0) others.push(`${unreadable} unreadable`)
  const lines = [
    `${rows} rows: ${[`${correct} correct (${formatShare(rows === 0 ? undefined : correct / rows)})`, ...others].join(", ")}; ${seconds.toFixed(1)} s`,
  ]
  if (expected > 0) {
    const right = expected - falsePositives - falseNegatives
    lines.push(
      `as expected: ${right} of ${expected} (${formatShare(right / expected)}), ${falsePositives} false positives, ${falseNegatives} false negatives`,
    )
  }
  return `${lines.join("\n")}\n`
}

async function runAudit(
  backend: VerifyBackend,
  verifier: VerifierSpec,
  path: string,
  limits: VerifyLimits,
  args: CommandArguments,
  { out, err }: CliContext,
): Promise<number> {
  let rows = 0
  const counts = new Map<string, number>()
  const request: AuditRequest = {
    path,
    verifier,
    against: args.text("against"),
    goldColumn: args.text("gold-column"),
    questionColumn: args.text("question-column"),
    onRow: () => rows++,
  }
  for await (const line of backend.audit(request, limits)) {
    counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1)
    await write(out, args.flag("json") ? `${JSON.stringify(line)}\n` : `${line.kind}  ${line.id}: ${line.reason}\n`)
  }
  const found = [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")
  err.write(
    args.flag("json")
      ? `${JSON.stringify({ rows, ...Object.fromEntries(counts) })}\n`
      : `${rows} rows, ${found === "" ? "no finding" : found}\n`,
  )
  return exitCodes.ok
}
