/**
 * Following a log that another process writes: whole lines as they come, and a word when what was read no longer holds.
 */
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import type { FileHandle } from "node:fs/promises"

const blockBytes = 1 << 20
/** Blocks are parsed on the thread that answers requests: between two of them it breathes. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Links are not followed: nothing outside the run folders is read. Windows has no such flag. */
const readOnly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

/** Opens a file of a run for reading. Undefined when there is none, or a link in its place. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, readOnly)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === "ENOENT" || code === "ELOOP" || code === "ENOTDIR") return undefined
    throw error
  }
}

/** What hears of the lines. */
export interface TailListener {
  /** Bytes of whole lines, each with its end. */
  lines(bytes: Buffer): void
  /** The file was cut or replaced, or is gone: it is read again from its beginning. */
  reset(): void
}

/** A place in a growing file. Reads never overlap. */
export class LineTail {
  readonly path: string
  readonly #listener: TailListener
  #offset = 0
  #inode = 0
  #running: Promise<void> | undefined

  constructor(path: string, listener: TailListener) {
    this.path = path
    this.#listener = listener
  }

  /** Reads what is new. A call during another waits for that one and then looks again. */
  async poll(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    this.#running = this.#read().finally(() => (this.#running = undefined))
    await this.#running
  }

  async #read(): Promise<void> {
    const file = await openLog(this.path)
    if (file === undefined) {
      this.#restart(0)
      return
    }
    try {
      const { ino, size } = await file.stat()
      if (ino !== this.#inode || size < this.#offset) this.#restart(ino)
      await this.#readBlocks(file, size)
    } finally {
      await file.close()
    }
  }

  async #readBlocks(file: FileHandle, size: number): Promise<void> {
    let wanted = blockBytes
    while (this.#offset < size) {
      const block = Buffer.allocUnsafe(Math.min(wanted, size - this.#offset))
      const { bytesRead } = await file.read(block, 0, block.length, this.#offset)
      const end = block.lastIndexOf(10, bytesRead - 1) + 1
      if (end > 0) {
        this.#listener.lines(block.subarray(0, end))
        this.#offset += end
        wanted = blockBytes
        await breathe()
      } else if (bytesRead < block.length || this.#offset + bytesRead >= size) {
        return
      } else wanted *= 2
    }
  }

  #restart(inode: number): void {
    if (this.#inode === inode && this.#offset === 0) return
    const hadLines = this.#offset > 0
    this.#inode = inode
    this.#offset = 0
    if (hadLines) this.#listener.reset()
  }
}
