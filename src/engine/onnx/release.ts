/** Memory of large arrays, given back without waiting for the garbage collector. */
import { MessageChannel } from "node:worker_threads"

/**
 * Empties arrays and gives their memory back soon. The garbage collector would do it in its own time, and until then a
 * step of training may hold the gradients of several micro-batches.
 * @param arrays  each with a buffer of its own; nobody reads them again
 */
export function release(arrays: readonly Float32Array[]): void {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  // What is sent to a closed port goes with its message.
  port1.postMessage(
    null,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  )
  port1.close()
}
