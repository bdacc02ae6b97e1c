/** An output head that is stored although config.json ties it to the embedding: the two must be one. */
import { join } from "node:path"
import { CheckpointError } from "../errors.ts"
import { chunkElements, readTensorChunk, withFile } from "./safetensors.ts"
import type { TensorEntry } from "./safetensors.ts"

/** A tensor and where it lies. */
export interface PlacedTensor extends TensorEntry {
  readonly path: string
  /** First byte of the file's data. */
  readonly dataOffset: number
}

/**
 * @throws CheckpointError  when head and embedding differ: a model that was not tied after all, or half of it was
 * trained
 */
export async function checkTiedHead(directory: string, embedding: PlacedTensor, head: PlacedTensor): Promise<void> {
  const elements = embedding.shape.reduce((product, size) => product * size, 1)
  let differing = head.shape.join() === embedding.shape.join() ? 0 : elements
  await withFile(embedding.path, "r", (one) =>
    withFile(head.path, "r", async (other) => {
      for (let start = 0; differing < elements && start < elements; start += chunkElements) {
        const count = Math.min(chunkElements, elements - start)
        const [a, b] = [
          await readTensorChunk(one, embedding, start, count),
          await readTensorChunk(other, head, start, count),
        ]
        for (let i = 0; i < count; i++) if (!Object.is(a[i]! + 0, b[i]! + 0)) differing++
      }
    }),
  )
  if (differing === 0) return
  throw new CheckpointError(
    `${directory}: expected lm_head.weight to be the embedding, to which config.json ties it (tie_word_embeddings), got ` +
      `another one (${differing} of ${elements} values differ). Set tie_word_embeddings to false in ${join(directory, "config.json")} ` +
      "if the head was trained by itself, or remove the tensor.",
  )
}
