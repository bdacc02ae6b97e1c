import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { settingPaths } from "./json-schema.ts"

const source = new URL("..", import.meta.url).pathname

/** Source files outside src/config and the tests. */
const readers = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !/\.test(?:-helper)?\.ts$/.test(file) && !/^config[/\\]/.test(file))
  .map((file) => readFileSync(join(source, file), "utf8"))

/** Settings that are read in a set rather than one by one: `name` picks the task or objective. */
function isRead(path: string): boolean {
  const field = path.split(".").at(-1)!
  // Read as a property, or taken apart: `config.pipo.window`, `const { window, sigma } = settings`.
  const property = new RegExp(`\\.${field}\\b`)
  const taken = new RegExp(`(?:const|let|\\()\\s*\\{[^{}]*\\b${field}\\b[^{}]*\\}\\s*(?:=|:|\\))`)
  return readers.some((text) => property.test(text) || taken.test(text))
}

test("every setting of the config is read somewhere outside the config", () => {
  expect(settingPaths().filter((path) => !isRead(path))).toEqual([])
})
