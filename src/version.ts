/** Which version of pirl this is: the one place that says so. */
import { readFileSync } from "node:fs"

let known: string | undefined

/** Version of the package, from its package.json, which lies above the sources and above the compiled code alike. */
export function packageVersion(): string {
  known ??= (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version
  return known
}
