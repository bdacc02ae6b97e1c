/** What is found in place of a file that was not really downloaded: a pointer of Git LFS, or a web page. */
import { formatSize } from "../amounts.ts"

/** As many bytes of a file's start as `standInFor` looks at. */
export const standInBytes = 512

export interface StandIn {
  /** For messages, after "got". */
  readonly what: string
  /** What to do about it where the file lies in a folder of one's own. */
  readonly fix: string
}

/**
 * Recognises a stand-in by the first bytes of a file.
 * @returns undefined for anything else
 */
export function standInFor(start: Uint8Array): StandIn | undefined {
  const text = Buffer.from(start.subarray(0, standInBytes)).toString("latin1").replace(/^\u00ef\u00bb\u00bf/, "").trimStart()
  if (text.startsWith("version https://git-lfs")) {
    const size = /^size (\d+)$/m.exec(text)?.[1]
    const stands = size === undefined ? "" : ` that stands for ${formatSize(Number(size))}`
    return { what: `a Git LFS pointer${stands}`, fix: "Run `git lfs pull` in its folder, or fetch the model by model.hub." }
  }
  if (/^(?:<!doctype html|<html[\s>])/i.test(text)) {
    return { what: "a web page", fix: "Download the file itself, for a gated model with a token, or fetch the model by model.hub." }
  }
  return undefined
}
