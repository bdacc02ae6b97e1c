/** What is at a path that was named and is not what was expected, for messages. */
import { statSync } from "node:fs"

/** `runs/a, which is not there`, `a.yaml, which is a file`; undefined for a folder. */
export function describeNoFolder(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return undefined
  return `${path}, ${found === undefined ? "which is not there" : "which is a file"}`
}
