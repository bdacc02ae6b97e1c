/** Weights that are numbers. */
import { CheckpointError } from "../errors.ts"
import type { Weights } from "./weights.ts"

function countBad(values: Float32Array): number {
  let bad = 0
  // Only NaN and the infinities differ from themselves in this way.
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) bad++
  return bad
}

/** @throws CheckpointError  when a weight is NaN or infinite, with the tensors that have such */
export function checkFinite(weights: Weights, where: string): void {
  const found = [...weights].flatMap(([name, values]) => {
    const bad = countBad(values)
    return bad === 0 ? [] : [`${name} (${bad} of ${values.length})`]
  })
  if (found.length === 0) return
  const more = found.length > 5 ? ` and ${found.length - 5} more tensors` : ""
  throw new CheckpointError(
    `${where}: expected finite weights, got NaN or infinity in ${found.slice(0, 5).join(", ")}${more}. ` +
      "The training that wrote them diverged, or a conversion to f16 overflowed: take an earlier " +
      "checkpoint, or convert to bf16.",
  )
}
