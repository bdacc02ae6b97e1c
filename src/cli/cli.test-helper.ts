import type { CliContext } from "./command.ts"

/** A context whose streams are texts. */
export interface CapturedContext extends CliContext {
  readonly stdout: () => string
  readonly stderr: () => string
}

/** A context that keeps what is written; a terminal when `columns` is given. */
export function captured(columns?: number, env: Readonly<Record<string, string>> = {}): CapturedContext {
  let stdout = ""
  let stderr = ""
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  return {
    out: { write: (text) => (stdout += text), ...terminal },
    err: { write: (text) => (stderr += text), ...terminal },
    env,
    stdout: () => stdout,
    stderr: () => stderr,
  }
}
