/**
 * A run folder belongs to one process at a time. The lock names its owner by pid and start time, so that a lock whose
 * owner was killed, or whose pid now belongs to another process, is known to be stale. Owners on other machines give signs
 * of life (sign-of-life.ts), by which people judge them.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import { ConfigError } from "../errors.ts"
import { isAlive, processStartTime } from "../living-process.ts"
import { reasonOf } from "./durable-files.ts"
import { describeOwner, giveSigns, lockName, takeOver } from "./sign-of-life.ts"

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number
  /** Start of the process: boot id and clock ticks since boot; null where the system does not tell. */
  readonly startTime: string | null
  readonly host: string
  /** ISO time at which the lock was taken. */
  readonly since: string
}

/** A lock that is held. */
export interface RunLock {
  readonly owner: LockOwner
  /** Gives the folder free; the second call does nothing. */
  release(): void
}

/** True when the owner may still be working: always for another host, whose processes cannot be seen. */
export function isHeld(owner: LockOwner): boolean {
  if (owner.host !== hostname()) return true
  if (!isAlive(owner.pid)) return false
  const startTime = processStartTime(owner.pid)
  return owner.startTime === null || startTime === null || owner.startTime === startTime
}

/** The lock of a run folder as it stands, stale or not; undefined without one. */
export function readLock(directory: string): LockOwner | undefined {
  const text = readText(join(directory, lockName))
  return text === undefined ? undefined : parseOwner(text)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as LockOwner
    return typeof owner.pid === "number" && typeof owner.host === "string" ? owner : undefined
  } catch {
    return undefined
  }
}

/**
 * Takes the lock of a folder; a stale one is replaced.
 * @param setting  what names the folder, for the error
 * @throws ConfigError  when another process (or this one) holds it
 */
export function acquireLock(directory: string, setting: string = "train.runDir"): RunLock {
  const path = join(directory, lockName)
  const owner: LockOwner = {
    pid: process.pid,
    startTime: processStartTime(process.pid),
    host: hostname(),
    since: new Date().toISOString(),
  }
  const text = `${JSON.stringify(owner)}\n`
  for (let attempt = 0; attempt < 5; attempt++) {
    if (tryCreate(path, text, setting)) {
      let released = false
      const isOurs = (): boolean => readText(path) === text
      const endSigns = giveSigns(path, isOurs)
      const release = (): void => {
        endSigns()
        if (!released && isOurs()) rmSync(path, { force: true })
        released = true
      }
      return { owner, release }
    }
    const current = readText(path)
    if (current === undefined) continue
    const holder = parseOwner(current)
    if (holder !== undefined && isHeld(holder)) throw inUse(setting, directory, holder)
    removeStale(path, current)
  }
  throw inUse(setting, directory, readLock(directory))
}

/** Creates the file with its content in one step, or reports that there is one. */
function tryCreate(path: string, text: string, setting: string = "train.runDir"): boolean {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text)
    linkSync(temporary, path)
    return true
  } catch (error) {
    const code = reasonOf(error)
    if (code === "EEXIST") return false
    if (code === "ENOENT" || code === "EACCES" || code === "EROFS") throw unwritable(setting, path, code, error)
    // Some file systems have no hard links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EOPNOTSUPP") throw error
    return tryCreateExclusive(path, text)
  } finally {
    rmSync(temporary, { force: true })
  }
}

function tryCreateExclusive(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" })
    return true
  } catch (error) {
    if (reasonOf(error) === "EEXIST") return false
    throw error
  }
}

/** Moves a stale lock away; one that another process took in the meantime is put back. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return
    throw error
  }
  const moved = readText(aside)
  if (moved !== undefined && moved !== stale) tryCreate(path, moved)
  rmSync(aside, { force: true })
}

function unwritable(setting: string, path: string, code: string, cause: unknown): ConfigError {
  const message = `expected a folder that files can be written to, got ${dirname(path)} (${code}). Choose another.`
  return new ConfigError([{ path: setting, message }], { cause })
}

function inUse(setting: string, directory: string, holder: LockOwner | undefined): ConfigError {
  const who = holder === undefined ? "another process" : describeOwner(directory, holder, Date.now())
  return new ConfigError([
    {
      path: setting,
      message:
        `expected a folder of its own, got ${directory}, which is in use by ${who}. Wait for it, or choose ` +
        `another folder. ${takeOver(directory)}.`,
    },
  ])
}
