/** A golden entry and the batches it points into. */
import { asRow, Fields, GoldenError, type Json } from "./fields.ts"

export interface GoldenEntry {
  readonly name: string
  readonly kind: string
  /** `repo@commit:path:function`; the first of them when there are several. */
  readonly source: string
  readonly config: Fields
  readonly inputs: Fields
  readonly outputs: Fields
}

/** Shared inputs. Shapes: [B][T], adv_seq [B]. */
export interface GoldenBatch {
  readonly groups: number[]
  readonly mask: number[][]
  readonly logprobs: number[][]
  readonly behaviourLogprobs: number[][]
  readonly samplerLogprobs: number[][]
  readonly referenceLogprobs: number[][]
  readonly advantages: number[][]
  /** One number per response, where it is constant. */
  readonly sequenceAdvantages: number[] | undefined
}

export type Batches = ReadonlyMap<string, GoldenBatch>

/** Last part of `source`: the function that made the numbers. */
export function sourceFunction(entry: GoldenEntry): string {
  return entry.source.split(":").at(-1)!
}

/** Groups numbered in order of appearance. */
export function groupNumbers(labels: Json): number[] {
  if (!Array.isArray(labels)) throw new GoldenError(`uid: expected labels, got ${JSON.stringify(labels)}`)
  const seen = new Map<string, number>()
  return labels.map((label: Json) => {
    const key = String(label)
    if (!seen.has(key)) seen.set(key, seen.size)
    return seen.get(key)!
  })
}

export function readBatch(name: string, json: Json): GoldenBatch {
  const fields = new Fields(`batch ${name}`, json)
  return {
    groups: groupNumbers(fields.json("uid")),
    mask: fields.rows("mask"),
    logprobs: fields.rows("logp"),
    behaviourLogprobs: fields.rows("old_logp"),
    samplerLogprobs: fields.rows("rollout_logp"),
    referenceLogprobs: fields.rows("ref_logp"),
    advantages: fields.rows("advantages"),
    sequenceAdvantages:
      fields.has("adv_seq") && fields.json("adv_seq") !== null ? asRow(fields.json("adv_seq"), "adv_seq") : undefined,
  }
}

export function readEntry(json: Json): GoldenEntry {
  const fields = new Fields("entry", json)
  const name = fields.string("name")
  const source = fields.json("source")
  return {
    name,
    kind: fields.string("kind"),
    source: String(Array.isArray(source) ? source[0] : source),
    config: fields.object("config"),
    inputs: fields.object("inputs"),
    outputs: fields.object("outputs"),
  }
}

/** The batch that `inputs.batch` names. */
export function batchOf(entry: GoldenEntry, batches: Batches): GoldenBatch {
  const name = entry.inputs.string("batch")
  const batch = batches.get(name)
  if (batch === undefined)
    throw new GoldenError(`inputs.batch: expected one of ${[...batches.keys()].join(", ")}, got ${name}`)
  return batch
}
