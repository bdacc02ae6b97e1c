/** Snapshots by their names, as every engine keeps them. */
import { EngineError } from "../errors.ts"

/** @throws EngineError when there is none of that name, with those that there are */
export function findSnapshot<Kept>(snapshots: ReadonlyMap<string, Kept>, id: string): Kept {
  const snapshot = snapshots.get(id)
  if (snapshot !== undefined) return snapshot
  const known = [...snapshots.keys()].join(", ") || "none"
  throw new EngineError(`snapshot: expected a snapshot that exists (${known}), got ${id}. Take one with snapshot() and restore before release.`)
}
