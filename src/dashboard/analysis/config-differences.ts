/** Where the configs of runs differ. */

/** A setting and its value in every run, as text; undefined where a run has none. */
export interface ConfigDifference {
  readonly path: string
  readonly values: readonly (string | undefined)[]
}

/** Settings as dotted paths. Lists count as one value. */
function flattenConfig(config: unknown, prefix = ""): Map<string, string> {
  const found = new Map<string, string>()
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    if (prefix !== "") found.set(prefix, typeof config === "string" ? config : (JSON.stringify(config) ?? ""))
    return found
  }
  for (const [name, value] of Object.entries(config)) {
    for (const [path, text] of flattenConfig(value, prefix === "" ? name : `${prefix}.${name}`)) found.set(path, text)
  }
  return found
}

/** The settings that are not the same in all configs, in the order of their paths. */
export function configDifferences(configs: readonly unknown[]): ConfigDifference[] {
  const flat = configs.map((config) => flattenConfig(config))
  const paths = [...new Set(flat.flatMap((settings) => [...settings.keys()]))].sort()
  return paths
    .map((path) => ({ path, values: flat.map((settings) => settings.get(path)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]))
}
