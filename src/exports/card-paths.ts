/** Settings as a card may show them: what lies on the machine of the training is named, and not where. */

/** Settings that hold a path, of the machine that trained. */
const pathKeys: ReadonlySet<string> = new Set(["path", "base", "file", "heldOutPath", "disjointFrom", "module"])
/** Settings that say nothing of the model. */
const leftOut: ReadonlySet<string> = new Set(["cacheDir"])

/** The last part of a path: `/home/me/models/smol` is `smol`. */
export function nameOfPath(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== "" && part !== "." && part !== "..") ?? path
}

/** Absolute, or from the home or the working folder: no other text of a setting begins so. */
function isPath(text: string): boolean {
  return /^(?:file:\/\/|~?[\\/]|\.{1,2}[\\/]|[A-Za-z]:[\\/])\S*$/.test(text) && text.length > 1
}

/** A copy without local folders. */
export function withoutFolders(value: unknown, key: string = ""): unknown {
  if (typeof value === "string") return pathKeys.has(key) || isPath(value) ? nameOfPath(value) : value
  if (Array.isArray(value)) return value.map((item) => withoutFolders(item, key))
  if (typeof value !== "object" || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !leftOut.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutFolders(item, name)]))
}
