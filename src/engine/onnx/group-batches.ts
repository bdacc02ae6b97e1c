/** How the sequences of an optimiser batch are cut into pieces that run at once: groups that share a prompt. */
import type { TokenSequence } from "../engine.ts"

/** A prompt and those of its responses that run together. */
export interface PromptGroup {
  readonly promptTokens: readonly number[]
  /** Indices of sequences. */
  readonly members: readonly number[]
}

/** Groups that run at once. */
export type GroupBatch = readonly PromptGroup[]

interface Extent {
  readonly prompts: number
  readonly promptTime: number
  readonly responses: number
  readonly time: number
}

/** Longest prompt (without its last token, which runs with each response), largest group, longest response. */
export function extentOf(groups: readonly PromptGroup[], sequences: readonly TokenSequence[]): Extent {
  return {
    prompts: groups.length,
    // A tensor without entries is no tensor: a prompt of one token leaves one slot that nothing reads.
    promptTime: Math.max(1, ...groups.map(({ promptTokens }) => promptTokens.length - 1)),
    responses: Math.max(...groups.map(({ members }) => members.length)),
    time: Math.max(...groups.flatMap(({ members }) => members.map((i) => sequences[i]!.responseTokens.length))),
  }
}

function slots({ prompts, promptTime, responses, time }: Extent): number {
  return prompts * (promptTime + responses * time)
}

/**
 * Sequences with the same prompt tokens are a group, whose prompt runs once; groups of like size run together while
 * their slots, padding included, stay within the budget. A group beyond it is cut, and its prompt runs with each piece;
 * a sequence beyond it runs alone. Depends on the tokens only, so that a repeated batch is cut the same way.
 * @param tokenBudget  slots of one piece
 */
export function groupBatches(sequences: readonly TokenSequence[], tokenBudget: number): GroupBatch[] {
  const groups = promptGroups(sequences).flatMap((group) => cut(group, sequences, tokenBudget))
  const size = (group: PromptGroup): number => slots(extentOf([group], sequences))
  const ordered = groups
    .map((group) => ({ group, size: size(group) }))
    .sort(
      (a, b) =>
        b.group.members.length - a.group.members.length || b.size - a.size || a.group.members[0]! - b.group.members[0]!,
    )
  const batches: PromptGroup[][] = []
  let current: PromptGroup[] = []
  for (const { group } of ordered) {
    if (current.length > 0 && slots(extentOf([...current, group], sequences)) > tokenBudget) {
      batches.push(current)
      current = []
    }
    current.push(group)
  }
  if (current.length > 0) batches.push(current)
  return batches
}

function promptGroups(sequences: readonly TokenSequence[]): PromptGroup[] {
  const groups = new Map<string, { readonly promptTokens: readonly number[]; readonly members: number[] }>()
  sequences.forEach(({ promptTokens }, i) => {
    const key = promptTokens.join()
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { promptTokens, members: [i] })
    else group.members.push(i)
  })
  return [...groups.values()]
}

/** Members of like length together, longest first. */
function cut(
  { promptTokens, members }: PromptGroup,
  sequences: readonly TokenSequence[],
  tokenBudget: number,
): PromptGroup[] {
  const length = (i: number): number => sequences[i]!.responseTokens.length
  const ordered = [...members].sort((a, b) => length(b) - length(a) || a - b)
  const pieces: PromptGroup[] = []
  for (let start = 0; start < ordered.length;) {
    const room = Math.floor((tokenBudget - Math.max(1, promptTokens.length - 1)) / length(ordered[start]!))
    const count = Math.max(1, Math.min(room, ordered.length - start))
    pieces.push({ promptTokens, members: ordered.slice(start, start + count) })
    start += count
  }
  return pieces
}
