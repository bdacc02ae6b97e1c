/**
 * A folder that knows what was written into it: a JSON file with the size and the SHA-256 of every other file. The last
 * entry of the JSON is a hash of the rest, so that no byte of the manifest itself can change unnoticed either.
 *
 * Files are hashed while they are written, from memory: what a disk did to them later shows. A file whose writer does not
 * tell its hash is read once more.
 */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { CheckpointError } from "../errors.ts"
import { hashFile, hashOf } from "./file-hashes.ts"
import type { FileHashes } from "./file-hashes.ts"
import { readBoundedText } from "./regular-file.ts"
import { isModelFile } from "./saved-files.ts"

/** Manifest of a checkpoint. */
export const checkpointManifest = "checkpoint.json"
/** Manifest of a model that a run, or a warm start, leaves behind. */
export const modelManifest = "checksums.json"

const VERSION = 2
/** A manifest has a line for each of some dozen files. */
const MAXIMUM_BYTES = 2 ** 24

export interface Manifest {
  /** Bytes of each file, by its path below the folder with forward slashes. */
  readonly files: Readonly<Record<string, number>>
  /** Hash of each file; undefined in checkpoints of versions of pirl that made none. */
  readonly sha256: Readonly<Record<string, string>> | undefined
  /** What else its writer wrote down. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** A folder is not as it was written. The message says which file and what is wrong with it. */
export class Damage extends CheckpointError {
  override readonly name: string = "Damage"
}

/**
 * Writes the manifest of a folder whose other files are complete.
 * @param name   of the manifest's file
 * @param facts  kept with it; `version`, `files` and `sha256` are its own
 * @param known  hashes made while files were written
 * @throws the error of the file system
 */
export function writeManifest(
  directory: string,
  name: string,
  facts: Readonly<Record<string, unknown>>,
  known: FileHashes | void,
): void {
  const files: Record<string, number> = {}
  const sha256: Record<string, string> = {}
  for (const path of filesBelow(directory)) {
    if (path === name) continue
    files[path] = statSync(join(directory, path)).size
    sha256[path] = known?.get(path) ?? hashFile(join(directory, path))
  }
  writeFileSync(join(directory, name), sealed({ version: VERSION, ...facts, files, sha256 }))
}

/**
 * Writes the manifest of a model folder: of the files that its writer tells alone, since others may be added to it.
 * @throws the error of the file system
 */
export function writeModelManifest(directory: string, hashes: FileHashes): void {
  const sizes = [...hashes.keys()].map((path) => [path, statSync(join(directory, path)).size])
  const content = { version: VERSION, files: Object.fromEntries(sizes), sha256: Object.fromEntries(hashes) }
  writeFileSync(join(directory, modelManifest), sealed(content))
}

function sealed(content: object): string {
  return JSON.stringify({ ...content, manifest: hashOf(JSON.stringify(content)) })
}

/**
 * @throws Damage           when it is missing or not as it was written
 * @throws CheckpointError  when it must not be read
 */
export function readManifest(directory: string, name: string): Manifest {
  const path = join(directory, name)
  const text = reading(path, name, () => readBoundedText(path, MAXIMUM_BYTES, Damage))
  const damaged = new Damage(`${name} has another content than was written`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged
  }
  if (!isRecord(json)) throw damaged
  const { manifest, ...content } = json
  const { version, files, sha256, ...facts } = content
  if (!isRecordOf(files, isSize)) throw damaged
  if (version === 1 && Object.keys(json).join() === "version,step,files") return { files, sha256: undefined, facts }
  if (typeof manifest !== "string" || manifest !== hashOf(JSON.stringify(content)) || text !== sealed(content)) {
    throw damaged
  }
  if (version !== VERSION) {
    throw new CheckpointError(
      `${path}: expected a manifest of version 1 or ${VERSION}, got ${JSON.stringify(version)}, which a newer ` +
        "version of pirl has written. Use that one.",
    )
  }
  if (!isRecordOf(sha256, isText) || Object.keys(files).some((file) => sha256[file] === undefined)) throw damaged
  return { files, sha256, facts }
}

/**
 * Compares files with the manifest: sizes of all of them first, which costs little, then hashes.
 * @param how.only    the files that matter; all when absent
 * @param how.hashes  false: sizes alone. Default true
 * @throws Damage           naming the first file that is not as it was written
 * @throws CheckpointError  when a file must not be read
 */
export function checkFiles(
  directory: string,
  { files, sha256 }: Manifest,
  how: { readonly only?: (path: string) => boolean; readonly hashes?: boolean } = {},
): void {
  const { only = (): boolean => true, hashes = true } = how
  const wanted = Object.entries(files).filter(([path]) => only(path))
  for (const [path, bytes] of wanted) {
    const found = reading(join(directory, path), path, () => statSync(join(directory, path)))
    // A pipe has no bytes either, and reading it would wait for ever.
    if (!found.isFile()) throw new Damage(`${path} is no file`)
    const { size } = found
    if (size !== bytes) throw new Damage(`${path} has ${size} bytes instead of ${bytes}`)
  }
  if (sha256 === undefined || !hashes) return
  for (const [path] of wanted) {
    const file = join(directory, path)
    if (reading(file, path, () => hashFile(file)) !== sha256[path]) {
      throw new Damage(`${path} has another content than was written`)
    }
  }
}

/** Compares the files that a model is read from with the manifest. @throws as `checkFiles` */
export function checkModelFiles(directory: string, manifest: Manifest): void {
  checkFiles(directory, manifest, { only: isModelFile })
}

/**
 * Compares a folder that a model is opened from with its manifest, where it has one: the model of a run, or a
 * checkpoint, of which the files that training alone reads do not matter.
 * @throws CheckpointError  naming the file that is not as it was written
 */
export function checkModelFolder(directory: string): void {
  for (const name of [modelManifest, checkpointManifest]) {
    if (!existsSync(join(directory, name))) continue
    try {
      checkModelFiles(directory, readManifest(directory, name))
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      throw new CheckpointError(
        `${directory}: expected the model as it was saved, got a folder where ${error.message}. Take another copy; ` +
          `if you changed it on purpose, remove ${name} from the folder.`,
        { cause: error },
      )
    }
  }
}

/** The system's reasons that say nothing of the file: nobody should give up a checkpoint for them. */
const refusals: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EMFILE", "ENFILE", "ENOMEM"])

function reading<T>(path: string, shown: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof Damage) throw cause
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
    if (code === "ENOENT") throw new Damage(`${shown} is missing`, { cause })
    if (refusals.has(code)) {
      throw new CheckpointError(
        `${path}: expected a file that can be read, got ${code}. Correct that, then try again.`,
        { cause },
      )
    }
    throw new Damage(`${shown} cannot be read (${code})`, { cause })
  }
}

/** Every file below a folder, by its path with forward slashes, in the order of their names. */
function filesBelow(directory: string): string[] {
  const paths: string[] = []
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) visit(path)
      else paths.push(relative(directory, path).replaceAll("\\", "/"))
    }
  }
  visit(directory)
  return paths.sort()
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isRecordOf<T>(value: unknown, is: (item: unknown) => item is T): value is Record<string, T> {
  return isRecord(value) && Object.values(value).every(is)
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}
