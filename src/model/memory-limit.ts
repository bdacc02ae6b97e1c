/** Whether a model fits into the memory there is, asked before anything is made of it. */
import { totalmem } from "node:os"
import { formatBytes } from "../amounts.ts"
import { CheckpointError } from "../errors.ts"
import type { ModelConfig } from "./config.ts"
import { parameterCount } from "./weights.ts"

/** Memory that this process may use, bytes: that of the machine, or less where a container is given less. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory()
  // Node says 0, or a number beyond all memory, where nothing constrains it.
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/**
 * Refuses a model whose parameters alone, in float32, are more than the memory there is.
 * @param where   folder or file of the model
 * @param memory  bytes; default: what this process may use
 * @throws CheckpointError
 */
export function checkFitsMemory(config: ModelConfig, where: string, memory: number = memoryBytes()): void {
  const parameters = parameterCount(config)
  const bytes = parameters * 4
  if (bytes <= memory) return
  const got = `${parameters} parameters, which take ${formatBytes(bytes)} in float32`
  throw new CheckpointError(
    `${where}: expected a model that fits into ${formatBytes(memory)} of memory, got ${got}. Use a smaller model.`,
  )
}
