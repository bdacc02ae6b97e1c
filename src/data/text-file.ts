/** UTF-8 text of files, plain or packed with gzip. */
import { createGunzip } from "node:zlib"
import { DataError } from "../errors.ts"
import { openFile } from "../integrity/index.ts"

async function bytesOf(file: string): Promise<AsyncIterable<Uint8Array>> {
  const source = (await openFile(file, DataError)).createReadStream()
  if (!file.toLowerCase().endsWith(".gz")) return source
  const unpacked = createGunzip()
  source.on("error", (error) => unpacked.destroy(error))
  return source.pipe(unpacked)
}

/**
 * The text of a file in pieces, without a byte order mark.
 * @throws DataError  naming the file, when it is not UTF-8 (with the last line before) or not what gzip packs
 */
export async function* readTexts(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let lines = 0
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
    } catch (cause) {
      const message = `data set ${file}: expected UTF-8 text, got other bytes after line ${lines}. Convert the file.`
      throw new DataError(message, { cause })
    }
  }
  try {
    for await (const bytes of await bytesOf(file)) {
      const text = decode(bytes)
      lines += text.split("\n").length - 1
      yield text
    }
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || !String(cause.code).startsWith("Z_")) throw cause
    const got = `got damage or another form after line ${lines} (${cause.message})`
    throw new DataError(`data set ${file}: expected text packed with gzip, ${got}. Fetch or write the file again.`, {
      cause,
    })
  }
  yield decode(undefined)
}
