/**
 * Config files: YAML in, YAML out.
 */
import { readFileSync } from "node:fs"
import { LineCounter, isMap, isNode, isPair, parseDocument, stringify } from "yaml"
import type { Document } from "yaml"
import { ConfigError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { applyOverrides } from "./overrides.ts"
import { parseConfig } from "./parse.ts"
import type { ConfigCheck } from "./parse.ts"
import { withFormerSettings, withSettingsOf } from "./saved-config.ts"
import type { ResolvedConfig } from "./schema.ts"

/** A config file as it was read. */
export interface LoadedConfig {
  readonly file: string
  /** The value of the file, not checked. */
  readonly value: unknown
  /** Line (from 1) of a setting, or of the nearest section above it that is in the file. */
  lineOf(path: string): number | undefined
}

/**
 * Reads a YAML (or JSON) file.
 * @throws ConfigError  when the file cannot be read, or with every syntax error and its line
 */
export function loadConfigFile(file: string): LoadedConfig {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const got = code === "ENOENT" ? "nothing there" : String(code ?? cause)
    const message = `config ${file}: expected a readable file, got ${got}. Write one with \`pirl init ${file}\`.`
    throw new ConfigError([{ path: "", message }], { cause })
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        const reason = error.message.replace(/\.$/, "")
        return { path: "", message: `${file}:${line}:${col}: expected YAML, got: ${reason}. Correct that line.` }
      }),
    )
  }
  return { file, value: document.toJS() as unknown, lineOf: (path) => lineOf(document, lines, path) }
}

function lineOf(document: Document, lines: LineCounter, path: string): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const key of path === "" ? [] : path.split(".")) {
    if (!isMap(node)) break
    const pair = node.items.find((item) => isPair(item) && String(item.key) === key)
    if (pair === undefined) break
    if (isNode(pair.key) && pair.key.range) offset = pair.key.range[0]
    node = pair.value
  }
  return offset === undefined ? undefined : lines.linePos(offset).line
}

/**
 * Reads a file, lays overrides over it, checks everything.
 * @param checks  further checks, see `parseConfig`
 * @param resumed  config of the run that goes on: where the file leaves a setting to a default that is not the same for every run, that of the run holds
 * @throws ConfigError  with every problem; those of settings in the file name their line
 */
export function resolveConfigFile(
  file: string,
  overrides: readonly string[] = [],
  checks: readonly ConfigCheck[] = [],
  resumed?: ResolvedConfig,
): ResolvedConfig {
  const loaded = loadConfigFile(file)
  const value = applyOverrides(loaded.value, overrides)
  return parseLoaded(loaded, resumed === undefined ? value : withSettingsOf(resumed, value), overrides, checks)
}

/**
 * Reads the config that a run saved, also one of an earlier version.
 * @throws ConfigError  with every problem and its line
 */
export function resolveSavedConfig(file: string): ResolvedConfig {
  const loaded = loadConfigFile(file)
  return parseLoaded(loaded, withFormerSettings(loaded.value), [], [])
}

function parseLoaded(loaded: LoadedConfig, value: unknown, overrides: readonly string[], checks: readonly ConfigCheck[]): ResolvedConfig {
  try {
    return parseConfig(value, checks)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.issues.map((issue) => withLine(issue, loaded, overrides)), { cause: error })
  }
}

function withLine(issue: ConfigIssue, loaded: LoadedConfig, overrides: readonly string[]): ConfigIssue {
  const overridden = overrides.some((override) => {
    const path = override.split("=")[0]!.trim()
    return path === issue.path || issue.path.startsWith(`${path}.`)
  })
  const line = overridden ? undefined : loaded.lineOf(issue.path)
  const place = overridden ? "from --set" : line === undefined ? undefined : `${loaded.file}:${line}`
  return place === undefined ? issue : { path: issue.path, message: `${issue.message} (${place})` }
}

/** The configuration as YAML that parses to the same configuration. */
export function configToYaml(config: ResolvedConfig): string {
  return stringify(config, { lineWidth: 0 })
}
