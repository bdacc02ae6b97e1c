/**
 * A folder that is written whole or not at all.
 */
import { existsSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { ConfigError } from "../errors.ts"
import { makeFolder } from "../runs/index.ts"

/**
 * Makes a folder with what `fill` writes; when it fails, or a signal ends the process meanwhile, nothing is left.
 * @param path  must not be there, or be empty
 * @param fill  writes into the folder it is given, which becomes `path`
 * @throws ConfigError  when there is something in the way, or the folder cannot be made
 */
export async function writeOutputFolder<T>(path: string, fill: (directory: string) => T | Promise<T>): Promise<T> {
  const inTheWay = obstacle(path)
  if (inTheWay !== undefined) throw new ConfigError([{ path: "", message: `--out: expected a new or empty folder, got ${path}, which ${inTheWay}. Choose another.` }])
  const target = resolve(path)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  const remove = (): void => rmSync(temporary, { recursive: true, force: true })
  remove()
  makeFolder(temporary, "--out")
  const listeners = onceStopped(remove)
  try {
    const result = await fill(temporary)
    if (existsSync(target)) rmdirSync(target)
    renameSync(temporary, target)
    return result
  } catch (error) {
    remove()
    throw error
  } finally {
    listeners.dispose()
  }
}

/** Does something before a signal ends the process: Ctrl-C must not leave half of a model, hidden, on the disk. */
function onceStopped(work: () => void): { dispose(): void } {
  const signals = ["SIGINT", "SIGTERM"] as const
  const dispose = (): void => {
    for (const signal of signals) process.off(signal, stop)
  }
  const stop = (signal: NodeJS.Signals): void => {
    dispose()
    work()
    // Who else listens decides what becomes of the process.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  for (const signal of signals) process.on(signal, stop)
  return { dispose }
}

function obstacle(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  if (!statSync(path).isDirectory()) return "is a file"
  const [first] = readdirSync(path)
  return first === undefined ? undefined : `holds ${first}`
}
