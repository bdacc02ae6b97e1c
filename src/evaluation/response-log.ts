/** Every response of a benchmark on disk, one per line, so that an evaluation goes on where it stopped. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { ConfigError, DataError } from "../errors.ts"
import { JsonlLog, makeFolder, readJsonl, writeFileAtomic } from "../runs/index.ts"
import type { Verdict } from "../verifiers/verifier.ts"

/** One line: a response and how it was judged. */
export interface ResponseLine {
  readonly benchmark: string
  readonly problem: string
  /** From 0. */
  readonly attempt: number
  readonly level?: string
  readonly type?: string
  readonly prompt: unknown
  readonly completion: string
  readonly reasoning?: string
  readonly gold: string
  readonly status: Verdict["status"]
  readonly reward: number
  readonly extracted: string | null
  readonly reason: string
  readonly stopReason: "stop" | "length"
  readonly tokens: number | null
  readonly time: { readonly at: string; readonly seconds?: number }
}

const settingsName = "settings.json"

/**
 * Makes sure that what a folder holds was asked for with the same settings; a new folder gets them.
 * @throws ConfigError  when it was not; names what differs
 */
export function claimFolder(directory: string, settings: Readonly<Record<string, unknown>>): void {
  makeFolder(directory, "--out")
  const file = join(directory, settingsName)
  const wanted = JSON.parse(JSON.stringify(settings)) as Record<string, unknown>
  if (!existsSync(file)) {
    writeFileAtomic(file, `${JSON.stringify(wanted, undefined, 2)}\n`)
    return
  }
  let found: Record<string, unknown>
  try {
    found = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>
  } catch (cause) {
    throw new DataError(`${file}: expected the settings of an evaluation, got something else. Choose another --out.`, {
      cause,
    })
  }
  const names = [...new Set([...Object.keys(found), ...Object.keys(wanted)])]
  const differing = names.filter((name) => !isDeepStrictEqual(found[name], wanted[name]))
  if (differing.length === 0) return
  const shown = differing.map(
    (name) =>
      `${name} ${JSON.stringify(found[name]) ?? "unset"} there, ${JSON.stringify(wanted[name]) ?? "unset"} here`,
  )
  const message = `evaluation: expected the settings that ${directory} was begun with, got others (${shown.join("; ")}). Use the same, or another --out.`
  throw new ConfigError([{ path: "--out", message }])
}

/** The responses of one benchmark in a folder. */
export class ResponseLog {
  readonly path: string
  readonly #lines = new Map<string, ResponseLine>()
  readonly #log: JsonlLog

  /** Opens or creates the file. A last line that was cut short is dropped: its response is asked for again. */
  constructor(directory: string, benchmark: string) {
    this.path = join(directory, `${benchmark}.jsonl`)
    this.#log = new JsonlLog(this.path)
    for (const record of readJsonl(this.path).records) this.#keep(record as unknown as ResponseLine)
  }

  #keep(line: ResponseLine): void {
    this.#lines.set(`${line.problem}\0${line.attempt}`, line)
  }

  find(problem: string, attempt: number): ResponseLine | undefined {
    return this.#lines.get(`${problem}\0${attempt}`)
  }

  /** The lines are on the disk when this returns. */
  append(lines: readonly ResponseLine[]): void {
    this.#log.append(...lines)
    for (const line of lines) this.#keep(line)
  }

  close(): void {
    this.#log.close()
  }
}
