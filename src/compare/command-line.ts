/** A command as a person could give it again: one line for a shell. */
import { sep } from "node:path"
import { shellWord } from "../shell-word.ts"

/**
 * `pirl compare config.yaml --set 'objective.name=grpo'`. Paths below the folder in which the command was given are written from there, so that the line
 * tells nothing of the machine that it does not need to; it holds from that folder.
 * @param from  absolute path of that folder
 */
export function commandLine(words: readonly string[], from: string): string {
  const base = from.endsWith(sep) ? from : `${from}${sep}`
  const local = (part: string): string => (part === from ? "." : part.startsWith(base) && part.length > base.length ? part.slice(base.length) : part)
  // A path may be the value of an option or of a setting, alone or in a list.
  return ["pirl", ...words.map((word) => shellWord(word.split(/(?<=[=:,[])/).map(local).join("")))].join(" ")
}
