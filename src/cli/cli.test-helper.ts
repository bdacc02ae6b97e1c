import { Readable } from "node:stream"
import type { CliContext, InputStream } from "./command.ts"

/** A context whose streams are texts. */
export interface CapturedContext extends CliContext {
  readonly stdout: () => string
  readonly stderr: () => string
}

/** A context that keeps what is written; a terminal when `columns` is given. Nothing is typed unless `input` is. */
export function captured(
  columns?: number,
  env: Readonly<Record<string, string>> = {},
  input: InputStream = Readable.from([]),
): CapturedContext {
  let stdout = ""
  let stderr = ""
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  return {
    in: input,
    out: { write: (text) => (stdout += text), ...terminal },
    err: { write: (text) => (stderr += text), ...terminal },
    env,
    stdout: () => stdout,
    stderr: () => stderr,
  }
}
