/**
 * The config that `pirl init` writes: the quickstart's, commented, which trains as it is.
 */
import { readFileSync } from "node:fs"

/** Text of the commented config. It is the file `examples/quickstart.yaml` of the package. */
export function commentedTemplate(): string {
  return readFileSync(new URL("../../examples/quickstart.yaml", import.meta.url), "utf8")
}
