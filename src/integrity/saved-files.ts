/** Names of files of a checkpoint that training alone reads. Whoever reads the model alone does not depend on them. */

/** First and second moments of the embedded engine. */
export const optimizerFile = "optimizer.safetensors"
/** Counts of the embedded engine's optimiser. */
export const engineStateFile = "engine.json"
/** Apart from the model's own files: a model that leaves the house has no critic. */
export const valueHeadFile = "value_head.safetensors"
/** State of update rule, data and safeguards. */
export const trainerStateFile = "trainer.json"

const ofTraining: ReadonlySet<string> = new Set([optimizerFile, engineStateFile, valueHeadFile, trainerStateFile])

/** Whether a file of a checkpoint belongs to the policy itself. Folders in it hold other policies. */
export function isModelFile(path: string): boolean {
  return !ofTraining.has(path) && !path.includes("/")
}
