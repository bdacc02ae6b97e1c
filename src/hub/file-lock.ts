/** One process at a time fetches a file; others wait for it. A lock whose owner is gone is taken over. */
import { randomUUID } from "node:crypto"
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isAlive } from "../living-process.ts"
import { makeCacheFolder } from "./cache-folder.ts"

interface Owner {
  readonly id: string
  readonly pid: number
  readonly host: string
}

/** A lock without a sign of life for this long has no owner, milliseconds. */
const STALE_MS = 60_000
const SIGN_MS = 5_000
const POLL_MS = 200

/** Locks of this process: one with our pid that is not among them is of a dead process that had the same. */
const held = new Set<string>()

/**
 * Does the work while holding the lock.
 * @param path    file of the lock; it is gone afterwards
 * @param onWait  called once when another process holds it
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, onWait: () => void = () => undefined): Promise<T> {
  const owner: Owner = { id: randomUUID(), pid: process.pid, host: hostname() }
  makeCacheFolder(dirname(path))
  held.add(owner.id)
  try {
    await acquire(path, owner, onWait)
    const signs = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), SIGN_MS)
    signs.unref()
    try {
      return await work()
    } finally {
      clearInterval(signs)
      if ((await readOwner(path))?.owner?.id === owner.id) await rm(path, { force: true })
    }
  } finally {
    held.delete(owner.id)
  }
}

async function acquire(path: string, owner: Owner, onWait: () => void): Promise<void> {
  let waiting = false
  while (!(await tryCreate(path, owner))) {
    const current = await readOwner(path)
    if (current !== undefined && !(await isHeld(path, current.owner))) {
      await removeStale(path, current.text)
      continue
    }
    if (!waiting) onWait()
    waiting = true
    await sleep(POLL_MS)
  }
}

async function tryCreate(path: string, owner: Owner): Promise<boolean> {
  const temporary = `${path}-${owner.id}`
  try {
    await writeFile(temporary, JSON.stringify(owner))
    // With its content in one step.
    await link(temporary, path)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === "EEXIST") return false
    // Some file systems have no hard links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EOPNOTSUPP") throw error
    return await createExclusive(path, owner)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function createExclusive(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx" })
    return true
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false
    throw error
  }
}

async function readOwner(path: string): Promise<{ readonly text: string; readonly owner: Owner | undefined } | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return { text, owner: JSON.parse(text) as Owner }
  } catch {
    return { text, owner: undefined }
  }
}

async function isHeld(path: string, owner: Owner | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return true
  if (Date.now() - found.mtimeMs > STALE_MS) return false
  if (owner === undefined || owner.host !== hostname()) return true
  return owner.pid === process.pid ? held.has(owner.id) : isAlive(owner.pid)
}

/** Moves a stale lock away; one that another process took in the meantime is put back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}-${randomUUID()}`
  try {
    await rename(path, aside)
    if ((await readFile(aside, "utf8")) !== stale) await link(aside, path)
  } catch (error) {
    const code = codeOf(error)
    if (code !== "ENOENT" && code !== "EEXIST") throw error
  } finally {
    await rm(aside, { force: true })
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined
}
