/** Which runs there are below the folders that were named, and their names on the wire. */
import { createHash } from "node:crypto"
import { existsSync, realpathSync } from "node:fs"
import { basename, dirname, isAbsolute, relative, sep } from "node:path"
import { isRunFolder, listRunFolders } from "../../runs/index.ts"
import { ComparisonSource } from "./comparison-source.ts"
import { RunSource } from "./run-source.ts"
import type { RunPlace } from "./run-source.ts"

/** Looking for folders walks a tree: not more often than this. */
const rescanMs = 3000

/** The runs below some folders. A run is asked for by its id; no part of a request becomes a path. */
export class Catalogue {
  readonly #roots: readonly string[]
  #sources = new Map<string, RunSource>()
  readonly #comparisons = new Map<string, ComparisonSource>()
  #scanned = -Infinity
  #unreadable: readonly string[] = []

  constructor(roots: readonly string[]) {
    this.#roots = roots
  }

  /** Every run that is there now, the one changed last at the end. */
  runs(): RunSource[] {
    if (performance.now() - this.#scanned > rescanMs) this.#scan()
    return [...this.#sources.values()]
  }

  /** What the last look was refused, in words. */
  get unreadable(): readonly string[] {
    return this.#unreadable
  }

  /** The run of an id; undefined when there is none, or no longer. */
  run(id: string): RunSource | undefined {
    const known = this.#sources.get(id) ?? this.#rescanned().get(id)
    return known === undefined || !isRunFolder(known.place.directory) ? undefined : known
  }

  /** The comparison of a run; undefined when it is in none whose folder lies inside one that was named. */
  comparison({ place: { comparisonFolder } }: RunSource): ComparisonSource | undefined {
    if (comparisonFolder === null) return undefined
    const source = this.#comparisons.get(comparisonFolder) ?? new ComparisonSource(comparisonFolder)
    this.#comparisons.set(comparisonFolder, source)
    return source
  }

  /** The comparisons that were asked for. */
  comparisons(): ComparisonSource[] {
    return [...this.#comparisons.values()]
  }

  #rescanned(): Map<string, RunSource> {
    this.runs()
    return this.#sources
  }

  #scan(): void {
    const unreadable: string[] = []
    const places = findRuns(this.#roots, (error) => unreadable.push(error.message))
    this.#unreadable = unreadable
    this.#sources = new Map(places.map((place) => [place.id, this.#sources.get(place.id) ?? new RunSource(place)]))
    this.#scanned = performance.now()
  }
}

/** Places of all runs below the folders. A folder that is not there (yet) has none, and so has one that may not be read. */
function findRuns(roots: readonly string[], onUnreadable: (error: Error) => void): RunPlace[] {
  const places = new Map<string, RunPlace>()
  for (const named of roots) {
    if (!existsSync(named)) continue
    const root = realpathSync(named)
    const label = roots.length === 1 ? "" : `${basename(root)}/`
    for (const directory of listRunFolders(root, onUnreadable)) {
      const inside = relative(root, directory).split(sep).join("/")
      const place = placeOf(directory, inside === "" ? basename(directory) : `${label}${inside}`, root)
      const before = places.get(place.id)
      // Named twice, alone and with its comparison, it is served with it.
      places.set(place.id, { ...place, comparisonFolder: place.comparisonFolder ?? before?.comparisonFolder ?? null })
    }
  }
  return [...places.values()]
}

/** The name of a run on the wire: a hash of its folder's real path, which has to be there. */
export function runId(directory: string): string {
  return createHash("sha256").update(realpathSync(directory)).digest("hex").slice(0, 12)
}

/** `<comparison>/runs/<arm>/seed-<n>` is a run of a comparison. */
function placeOf(directory: string, name: string, root: string): RunPlace {
  const id = runId(directory)
  if (!/^seed-\d+$/.test(basename(directory))) return { id, directory, name, arm: null, comparison: null, comparisonFolder: null }
  const above = dirname(dirname(directory))
  const isBelowRuns = basename(above) === "runs"
  const folder = isBelowRuns ? dirname(above) : above
  return { id, directory, name, arm: basename(dirname(directory)), comparison: basename(folder), comparisonFolder: isBelowRuns && isInside(folder, root) ? folder : null }
}

/** The folder itself counts. Both are real paths. */
function isInside(folder: string, root: string): boolean {
  const path = relative(root, folder)
  return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path))
}
