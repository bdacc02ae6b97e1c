/** Files that end in .json: a list of rows, an object around one, or JSON lines under another name. */
import { DataError } from "../errors.ts"
import { parseJson } from "./json-text.ts"
import { readJsonLines } from "./json-lines.ts"
import type { PlacedRow, Row } from "./rows.ts"
import { readTexts } from "./text-file.ts"

/** Characters of a document, which is held in memory as text and as what it says. */
export const maximumDocumentCharacters: number = 2 ** 27
/** Characters by which JSON lines under this name are told. */
const linesTold = 2 ** 20

/** Keys under which files hold their list of rows, beside others. */
const LISTS: readonly string[] = ["data", "rows", "examples", "instances"]

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRow)
}

/** True for `{question: [...], answer: [...]}` and `{question: {"0": ...}, answer: {"0": ...}}`. */
function isByColumns(value: Row): boolean {
  const columns = Object.values(value)
  if (columns.length < 2 || !columns.every((column) => typeof column === "object" && column !== null)) return false
  const keys = columns.map((column) => Object.keys(column as object).join())
  return keys[0] !== "" && keys.every((one) => one === keys[0])
}

function rowsOf(document: unknown, file: string): readonly unknown[] {
  if (Array.isArray(document)) return document
  const expected = `data set ${file}: expected a list of rows`
  if (!isRow(document)) throw new DataError(`${expected}, got one ${typeof document}. Write a list of objects.`)
  if (isByColumns(document)) {
    const advice = 'Write the rows: pandas.DataFrame.to_json(FILE, orient="records").'
    throw new DataError(`${expected}, got a table by columns (${Object.keys(document).join(", ")}). ${advice}`)
  }
  const keys = Object.keys(document)
  const key = keys.length === 1 ? keys[0] : LISTS.find((name) => isList(document[name]))
  const list = key === undefined ? undefined : document[key]
  return isList(list) ? list : [document]
}

/**
 * Rows of a .json file; the file is read whole. What is not one JSON text is read as JSON lines.
 * @throws DataError  naming file and row, when a row is no object, or the file holds no list of rows
 */
export async function* readJsonDocument(file: string): AsyncGenerator<PlacedRow> {
  let text = ""
  for await (const part of readTexts(file)) {
    text += part
    if (text.length <= maximumDocumentCharacters) continue
    // Lines are read one by one, however long the file is.
    if (text.slice(0, linesTold).includes("}\n{")) {
      yield* readJsonLines(file)
      return
    }
    throw new DataError(
      `data set ${file}: expected a JSON text of at most ${maximumDocumentCharacters} characters, got a longer one. ` +
        "Write JSON lines (.jsonl), which are read one by one.",
    )
  }
  let document: unknown
  try {
    document = parseJson(text)
  } catch (cause) {
    if (text.trimStart().startsWith("{")) {
      yield* readJsonLines(file)
      return
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    const advice = "Mend the file; it may be cut short."
    throw new DataError(`data set ${file}: expected JSON, got text that is not (${reason}). ${advice}`, { cause })
  }
  for (const [index, row] of rowsOf(document, file).entries()) {
    const place = `row ${index + 1}`
    if (!isRow(row)) {
      const got = row === null ? "null" : Array.isArray(row) ? "a list" : `a ${typeof row}`
      throw new DataError(`data set ${file}, ${place}: expected a JSON object, got ${got}. Write one object per row.`)
    }
    yield { row, place }
  }
}
