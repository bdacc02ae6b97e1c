/**
 * Signs of life of the process that holds a folder. From another machine it cannot be seen, but what it does to the folder can: it renews the time
 * of its lock, and writes its logs. People are told of it; nothing is decided by it, since a machine that is cut off for an hour may still go on.
 */
import { statSync, utimesSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { age } from "../age.ts"
import type { LockOwner } from "./run-lock.ts"

const SIGN_EVERY_MS = 30_000
/** A process of another machine counts as silent after this long: twenty signs missed, beyond what clocks of machines differ by. */
export const SILENT_AFTER_MS = 600_000

/** Name of the lock in its folder. */
export const lockName = "lock.json"

/**
 * Renews the time of a file for as long as it is ours.
 * @param isOurs  false once another process has taken the file over
 * @param everyMs for tests
 * @returns ends it
 */
export function giveSigns(path: string, isOurs: () => boolean, everyMs: number = SIGN_EVERY_MS): () => void {
  const timer = setInterval(() => {
    try {
      const now = new Date()
      if (isOurs()) utimesSync(path, now, now)
    } catch {
      // The disk may be away for a moment; a sign that is missing is what others are to see then.
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Newest time of the lock and of the metrics, ms since 1970; undefined without either. */
export function lastSign(directory: string): number | undefined {
  const times = [lockName, "metrics.jsonl"].flatMap((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}

/** True when a process of another machine has given no sign for so long that it may be gone. Those of this machine can be seen. */
export function isSilent(directory: string, { host }: LockOwner, now: number): boolean {
  if (host === hostname()) return false
  const last = lastSign(directory)
  return last === undefined || now - last > SILENT_AFTER_MS
}

/** `process 12 on node-3 since 2026-01-01T00:00:00.000Z, last sign of life 3 h ago`; of this machine without the last part. */
export function describeOwner(directory: string, { pid, host, since }: LockOwner, now: number): string {
  const last = lastSign(directory)
  const sign = host === hostname() ? "" : `, last sign of life ${last === undefined ? "unknown" : `${age(now - last)} ago`}`
  return `process ${pid} on ${host} since ${since}${sign}`
}

/** What to do about an owner that is gone. */
export function takeOver(directory: string): string {
  return `Only if that process is gone for certain, remove ${join(directory, lockName)}`
}
