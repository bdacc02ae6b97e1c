/** What the command `verify` does. */
import { createReadStream } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { brokenLatex } from "../../data/broken-latex.ts"
import { asText, columnIn, groundTruths, isMissing, valueOf } from "../../data/columns.ts"
import { dataEnding, dataEndingsText, refusedForm } from "../../data/data-endings.ts"
import { anyOf } from "../../data/dataset-verifiers.ts"
import { parseJson } from "../../data/json-text.ts"
import { questionKey } from "../../data/question-key.ts"
import { readRows } from "../../data/rows.ts"
import type { PlacedRow, Row } from "../../data/rows.ts"
import type { ChatMessage } from "../../data/task.ts"
import { ConfigError, DataError } from "../../errors.ts"
import { auditRows } from "../../verifiers/audit.ts"
import type { AuditJudge, AuditRow } from "../../verifiers/audit.ts"
import { inOrder } from "../../verifiers/ordered.ts"
import { VerifierPool } from "../../verifiers/pool/verifier-pool.ts"
import { createVerifier, goldIsAnswer, verifierSummaries } from "../../verifiers/registry.ts"
import type { Verdict, VerifierSpec } from "../../verifiers/verifier.ts"
import type { AuditLine, AuditRequest, JudgedRow, VerifiedRow, VerifyBackend, VerifyLimits } from "../verify.ts"

const COLUMNS = {
  gold: ["gold", "reward_model.ground_truth", "ground_truth", "answer", "final_answer", "expected_answer", "solution"],
  prediction: ["pred", "prediction", "completion", "response"],
  question: ["question", "problem", "prompt", "query", "instruction", "input", "extra_info.question"],
  id: ["id", "unique_id", "problem_idx", "extra_info.index"],
} as const

/** A row, or why the line holds none. */
type ReadRow = PlacedRow | { readonly problem: string; readonly place: string }

/** Lines of JSON, split at line feeds alone. A line that cannot be read does not end the reading of the others. */
async function* readLines(path: string): AsyncGenerator<ReadRow> {
  const source = path === "-" ? process.stdin : createReadStream(path)
  const decoder = new TextDecoder("utf-8")
  let pending = ""
  let number = 0
  const rowOf = (line: string): ReadRow[] => {
    const place = `line ${++number}`
    if (line.trim() === "") return []
    try {
      const row: unknown = parseJson(line)
      if (typeof row === "object" && row !== null && !Array.isArray(row)) return [{ row: row as Row, place }]
      return [{ problem: "expected a JSON object, got another value", place }]
    } catch (error) {
      return [
        {
          problem:
            "expected a JSON object, got text that is not JSON " +
            `(${error instanceof Error ? error.message : String(error)})`,
          place,
        },
      ]
    }
  }
  try {
    for await (const bytes of source as AsyncIterable<Uint8Array>) {
      const parts = decoder.decode(bytes, { stream: true }).split("\n")
      parts[0] = pending + parts[0]
      pending = parts.pop() ?? ""
      for (const part of parts) yield* rowOf(part)
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DataError(`pirl verify: expected a readable file at ${path}, got ${reason}. Check the path.`, { cause })
  }
  if (pending !== "") yield* rowOf(pending)
}

/** The value of the first column that has one, whatever the case of its name; undefined when none has. */
function first(row: Row, names: readonly string[]): unknown {
  return names
    .map((name) => valueOf(row, columnIn(row, name) ?? name))
    .find((value) => value !== undefined && !(isMissing(value) && value !== ""))
}

/** What a row says of its verdict: true and false, 1 and 0, also as text. */
function expectation(value: unknown): boolean | undefined | "unreadable" {
  if (value === undefined || isMissing(value)) return undefined
  const said = String(value).toLowerCase()
  if (said === "true" || said === "1") return true
  return said === "false" || said === "0" ? false : "unreadable"
}

/** Every text of a value: of messages and lists, too. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : []
}

function verifiedRow(id: string | number, { status, extracted, reason, reward }: Verdict): VerifiedRow {
  return { id, correct: status === "correct", status, extracted: extracted ?? null, reason, reward }
}

function idOf(row: Row, place: string): string | number {
  const id = first(row, COLUMNS.id)
  return typeof id === "string" || typeof id === "number" ? id : place
}

async function judge(
  pool: VerifierPool,
  verifier: ReturnType<typeof createVerifier>,
  read: ReadRow,
): Promise<JudgedRow> {
  const unreadable = (id: string | number, problem: string): JudgedRow => {
    const reason = `${read.place}: ${problem}. Mend the line.`
    return { row: verifiedRow(id, { status: "failure", reward: 0, reason }), unreadable: true }
  }
  if ("problem" in read) return unreadable(read.place, read.problem)
  const { row, place } = read
  const id = idOf(row, place)
  // A gold that is null is none: another column is not asked in its place.
  const own = valueOf(row, "gold")
  const gold = own === undefined ? first(row, COLUMNS.gold) : own
  const prediction = first(row, COLUMNS.prediction)
  if (own !== undefined && isMissing(own) && own !== "") return unreadable(id, `expected a gold, got ${String(own)}`)
  if (gold === undefined || prediction === undefined) {
    return unreadable(id, `expected gold and pred, got ${Object.keys(row).join(", ") || "an empty object"}`)
  }
  const expected = expectation(row["expected"])
  if (expected === "unreadable") {
    return unreadable(id, `expected true, false, 1 or 0 under "expected", got ${JSON.stringify(row["expected"])}`)
  }
  // The texts go to the worker once.
  const { gold: _gold, pred: _pred, ...rest } = row as Record<string, unknown>
  const input = { gold: asText(gold), completion: asText(prediction), row: rest }
  const verdict = await pool.verify(anyOf(verifier, groundTruths(gold)), input)
  return { row: verifiedRow(id, verdict), unreadable: false, ...(expected === undefined ? {} : { expected }) }
}

async function* dataFiles(path: string): AsyncGenerator<string> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    yield path
    return
  }
  const all = await readdir(path, { recursive: true })
  const names = all.filter((name) => dataEnding(name) !== undefined)
  if (names.length === 0) {
    const other = all.find((name) => refusedForm(name) !== undefined)
    const got = other === undefined ? "none. Check the path." : `${other}. ${refusedForm(other)}`
    throw new DataError(`pirl verify: expected files that end in ${dataEndingsText} in ${path}, got ${got}`)
  }
  for (const name of names.sort()) yield join(path, name)
}

function keyOf(question: unknown): string {
  const isChat =
    Array.isArray(question) && question.every((one) => typeof (one as ChatMessage | null)?.content === "string")
  return questionKey(isChat ? (question as ChatMessage[]) : asText(question))
}

async function* rowsToAudit({ path, goldColumn, questionColumn, onRow }: AuditRequest): AsyncGenerator<AuditRow> {
  for await (const file of dataFiles(path)) {
    for await (const { row, place } of readRows(file, "--audit")) {
      onRow()
      const gold = goldColumn === undefined ? first(row, COLUMNS.gold) : valueOf(row, goldColumn)
      const question = questionColumn === undefined ? first(row, COLUMNS.question) : valueOf(row, questionColumn)
      const named = goldColumn ?? COLUMNS.gold.map((name) => columnIn(row, name)).find((name) => name !== undefined)
      if (gold === undefined && (named === undefined || valueOf(row, named) === undefined)) {
        const columns = Object.keys(row).join(", ")
        throw new DataError(
          `pirl verify ${file}, ${place}: expected a gold; the columns are ${columns}. Set --gold-column.`,
        )
      }
      const response = first(row, COLUMNS.prediction)
      const solution = valueOf(row, columnIn(row, "solution") ?? "solution")
      const given = first(row, COLUMNS.id)
      const id = typeof given === "string" || typeof given === "number" ? `${file} ${given}` : `${file} ${place}`
      const broken = [gold, question, solution].flatMap(textsIn).map(brokenLatex).find((found) => found !== undefined)
      const key = question === undefined || question === null ? {} : { questionKey: keyOf(question) }
      if (gold === undefined || isMissing(gold)) {
        const reason =
          `expected a gold in column ${named}, got ` +
          `${String(named === undefined ? gold : valueOf(row, named))}`
        yield { id, gold: "", row, ...key, damage: { kind: "missing-gold", reason } }
        continue
      }
      const golds = groundTruths(gold)
      const several = golds !== undefined && golds.length > 1 ? { golds } : {}
      yield {
        id,
        gold: asText(gold),
        row,
        ...several,
        ...key,
        ...(typeof response === "string" ? { response } : {}),
        ...(typeof solution === "string" ? { solution } : {}),
        ...(broken === undefined ? {} : { damage: { kind: "broken-latex", reason: `a text has ${broken}` } }),
      }
    }
  }
}

/** A pool for the time of one command. */
async function* withPool<Item>(
  limits: VerifyLimits,
  work: (pool: VerifierPool) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const pool = new VerifierPool(limits)
  try {
    yield* work(pool)
  } finally {
    await pool.close()
  }
}

function judgeOf(pool: VerifierPool, spec: VerifierSpec): AuditJudge {
  const verifier = createVerifier(spec, "KIND")
  return { name: spec.name, goldIsAnswer: goldIsAnswer(spec.name), verify: (input) => pool.verify(verifier, input) }
}

export const verifyBackend: VerifyBackend = {
  kinds: verifierSummaries,
  async verifyOne(spec, gold, prediction, limits) {
    const verifier = createVerifier(spec, "KIND")
    const pool = new VerifierPool(limits)
    try {
      return verifiedRow(0, await pool.verify(verifier, { gold, completion: prediction }))
    } finally {
      await pool.close()
    }
  },
  verifyFile(spec, path, limits) {
    const verifier = createVerifier(spec, "KIND")
    // Lines of JSON are read here: one that is none does not end the reading of the others.
    const ending = dataEnding(path)
    const byLines = ending === undefined || ending === ".jsonl" || ending === ".ndjson"
    const rows: AsyncIterable<ReadRow> =
      byLines && refusedForm(path) === undefined ? readLines(path) : readRows(path, "--in")
    return withPool(limits, (pool) => inOrder(rows, (read) => judge(pool, verifier, read)))
  },
  audit(request, limits): AsyncIterable<AuditLine> {
    if (request.against === request.verifier.name) {
      throw new ConfigError([
        {
          path: "",
          message: `pirl verify: expected another verifier for --against, got ${request.against} twice. Name another.`,
        },
      ])
    }
    return withPool(limits, (pool) => {
      const second = request.against === undefined ? undefined : judgeOf(pool, { name: request.against })
      return auditRows(rowsToAudit(request), judgeOf(pool, request.verifier), second)
    })
  },
}
