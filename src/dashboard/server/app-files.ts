/** The built page: three files, read once. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { PirlError } from "../../errors.ts"

/** The page as text. */
export interface AppFiles {
  readonly html: string
  readonly script: string
  readonly style: string
}

/** Where the build puts it: beside the compiled server, or in the clone. */
function appDirectory(): string | undefined {
  return ["../app", "../../../dist/dashboard/app"].map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(join(path, "index.html")))
}

/**
 * Reads the built page.
 * @param directory  where it is; the package's own when absent
 * @throws PirlError  when it was not built
 */
export function readApp(directory: string | undefined = appDirectory()): AppFiles {
  if (directory === undefined || !existsSync(join(directory, "index.html"))) {
    throw new PirlError("dashboard: expected the built page in dist/dashboard/app, got none. In the clone, run `npm run build` once.")
  }
  const read = (name: string): string => readFileSync(join(directory, name), "utf8")
  return { html: read("index.html"), script: read("app.js"), style: read("app.css") }
}
