/**
 * A folder that is written whole or not at all.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { ConfigError } from "../errors.ts"

/**
 * Makes a folder with what `fill` writes; when it fails nothing is left.
 * @param path  must not be there, or be empty
 * @param fill  writes into the folder it is given, which becomes `path`
 * @throws ConfigError  when there is something in the way
 */
export async function writeOutputFolder<T>(path: string, fill: (directory: string) => T | Promise<T>): Promise<T> {
  const inTheWay = obstacle(path)
  if (inTheWay !== undefined) throw new ConfigError([{ path: "", message: `--out: expected a new or empty folder, got ${path}, which ${inTheWay}. Choose another.` }])
  const target = resolve(path)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  try {
    const result = await fill(temporary)
    if (existsSync(target)) rmdirSync(target)
    renameSync(temporary, target)
    return result
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw error
  }
}

function obstacle(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  if (!statSync(path).isDirectory()) return "is a file"
  const [first] = readdirSync(path)
  return first === undefined ? undefined : `holds ${first}`
}
