/** Lines of a file that may be too long for one string. */

/** Lines of UTF-8 bytes, without their ends and without a byte order mark. */
export function* textLines(bytes: Uint8Array): Generator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: false })
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(10, start)
    const end = found === -1 ? bytes.length : found
    yield decoder.decode(bytes.subarray(start, end > start && bytes[end - 1] === 13 ? end - 1 : end))
    start = end + 1
  }
}

/** Bytes of UTF-16, which the console of Windows writes into files, as UTF-8; others as they are. */
export function asUtf8(bytes: Uint8Array): Uint8Array {
  const order = utf16Order(bytes)
  return order === undefined ? bytes : Buffer.from(new TextDecoder(order).decode(bytes), "utf8")
}

/** By the byte order mark, or by zeros at every other place, which Latin letters have. */
function utf16Order(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le"
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be"
  const head = bytes.subarray(0, 1024)
  const zeros = [0, 0]
  head.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]! += 1
  })
  const most = 0.4 * head.length
  if (zeros[1]! > most && zeros[0] === 0) return "utf-16le"
  return zeros[0]! > most && zeros[1] === 0 ? "utf-16be" : undefined
}
