/** Looking things up in a config that may be of another version. */

/** A setting of the config as text; undefined when it has none. */
export function setting(config: unknown, path: string): string | undefined {
  const value = path.split(".").reduce<unknown>((node, name) => (typeof node === "object" && node !== null ? (node as Record<string, unknown>)[name] : undefined), config)
  if (value === undefined || value === null) return undefined
  return typeof value === "string" ? value : JSON.stringify(value)
}
