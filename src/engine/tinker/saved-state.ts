/** What a checkpoint folder holds of a policy that lives on a server: its address there. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { z } from "zod"
import { CheckpointError } from "../../errors.ts"

const fileName = "tinker.json"

const schema = z.object({
  version: z.literal(1),
  server: z.string(),
  path: z.string(),
  baseModel: z.string(),
  loraRank: z.number(),
})

export interface SavedState {
  readonly server: string
  /** `tinker://MODEL/weights/NAME` */
  readonly path: string
  readonly baseModel: string
  readonly loraRank: number
}

export function writeSavedState(directory: string, state: SavedState): void {
  writeFileSync(join(directory, fileName), `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`)
}

/** @throws CheckpointError when the folder is not one of a policy on a server, or of another policy */
export function readSavedState(directory: string, expected: { readonly baseModel: string; readonly loraRank: number }): SavedState {
  const file = join(directory, fileName)
  const fail = (got: string, cause?: unknown): never => {
    throw new CheckpointError(`${file}: expected the address of weights on a server, got ${got}. Resume from a checkpoint of a run with engine.kind: tinker.`, { cause })
  }
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, "utf8"))
  } catch (cause) {
    return fail("no such file, or no JSON", cause)
  }
  const parsed = schema.safeParse(content)
  if (!parsed.success) return fail("another form")
  const { baseModel, loraRank } = parsed.data
  if (baseModel !== expected.baseModel || loraRank !== expected.loraRank) {
    return fail(`weights of ${baseModel} with rank ${loraRank} for ${expected.baseModel} with rank ${expected.loraRank}`)
  }
  return parsed.data
}

/** Addresses that the folders beside one, and those in them, still name: what else was saved there is not needed any more. */
export function pathsBeside(directory: string): Set<string> {
  const parent = dirname(directory)
  const found = new Set<string>()
  const folders = foldersIn(parent)
  for (const folder of [...folders, ...folders.flatMap(foldersIn)]) {
    const file = join(folder, fileName)
    if (!existsSync(file)) continue
    const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")))
    if (parsed.success) found.add(parsed.data.path)
  }
  return found
}

function foldersIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(directory, name))
}
