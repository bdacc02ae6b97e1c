/**
 * `--set a.b=c`: settings from the command line, laid over a config file.
 */
import { parseDocument } from "yaml"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { describeValue } from "./issues.ts"
import { isSection } from "./parse.ts"

/**
 * Lays settings over a raw config, later ones over earlier ones. Values are read as YAML (`1e-4`, `true`,
 * `[q_proj, v_proj]`, `text`); an empty value takes the setting away, so that its default holds.
 * @param raw  value of a config file; not changed
 * @param overrides  each `path.to.setting=value`
 * @throws ConfigError  with every override that cannot be read
 */
export function applyOverrides(raw: unknown, overrides: readonly string[]): unknown {
  if (overrides.length === 0) return raw
  const issues: ConfigIssue[] = []
  const result = isSection(raw) ? structuredClone(raw) : {}
  for (const override of overrides) {
    const issue = applyOne(result, override)
    if (issue !== undefined) issues.push(issue)
  }
  if (issues.length > 0) throw new ConfigError(issues)
  return result
}

function applyOne(target: Record<string, unknown>, override: string): ConfigIssue | undefined {
  const equals = override.indexOf("=")
  const path = override.slice(0, Math.max(equals, 0)).trim()
  const keys = path.split(".")
  if (equals < 1 || keys.some((key) => key === "" || key === "__proto__")) {
    const example = "Write e.g. --set optimizer.learningRate=1e-4."
    return { path: "", message: `--set: expected setting=value, got ${describeValue(override)}. ${example}` }
  }
  const document = parseDocument(override.slice(equals + 1))
  if (document.errors.length > 0) {
    const reason = document.errors[0]!.message.split("\n")[0]
    return { path, message: `expected a YAML value after "=", got one that does not parse (${reason}). Quote it.` }
  }
  let section = target
  for (const [i, key] of keys.slice(0, -1).entries()) {
    const child = section[key] ?? {}
    if (!isSection(child)) {
      const prefix = keys.slice(0, i + 1).join(".")
      return {
        path,
        message: `expected \`${prefix}\` to be a section, got ${describeValue(child)}. Set \`${prefix}\` itself.`,
      }
    }
    section[key] = child
    section = child
  }
  if (override.slice(equals + 1).trim() === "") delete section[keys.at(-1)!]
  else section[keys.at(-1)!] = document.toJS() as unknown
  return undefined
}
