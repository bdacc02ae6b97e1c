/**
 * Size and seconds of a checkpoint: `npx tsx bench/checkpoint.ts MODEL [FOLDER]`.
 * Opens a model, makes one update, so that there are moments to be saved, and writes the checkpoint three times into a
 * new folder below FOLDER (default: the system's temporary one), as a run does: forced to the disk and renamed;
 * then checks it, as those that read it do.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { OnnxEngine } from "../src/engine/onnx/onnx-engine.ts"
import { openModel } from "../src/model/open-model.ts"
import { crossEntropy } from "../src/objectives/supervised.ts"
import { checkModelOf, CheckpointStore } from "../src/runs/index.ts"
import { checkResumable } from "../src/runs/sound-checkpoint.ts"

const [path, parent = tmpdir()] = process.argv.slice(2)
const folder = mkdtempSync(join(parent, "pirl-checkpoint-"))
const { config, tokenizer, source, generation } = await openModel(path!)
const engine = await OnnxEngine.create({ config, tokenizer, weights: source, generation })

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(2)} s`)
  return result
}

try {
  const [prompt, response] = ["one", " two three"].map((text) => tokenizer.encode(text))
  const ofTokens = (value: number): Float32Array => new Float32Array(response!.length).fill(value)
  const sequence = {
    promptTokens: prompt!,
    responseTokens: response!,
    behaviourLogprobs: ofTokens(0),
    advantages: ofTokens(1),
    mask: ofTokens(1),
    weights: ofTokens(1),
  }
  await engine.forwardBackward([sequence], crossEntropy)
  await engine.optimStep({ learningRate: 1e-6, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientClip: 1 })
  const store = new CheckpointStore(join(folder, "checkpoints"), { keep: 1 })
  for (let step = 1; step <= 3; step++)
    await timed("write", () => store.write(step, (directory) => engine.save(directory)))
  const { path: written } = store.newest()!
  await timed("check the model", () => checkModelOf(store.newest()!))
  await timed("check for resume", () => checkResumable(store.newest()!, []))
  const bytes = readdirSync(written).reduce((total, name) => total + statSync(join(written, name)).size, 0)
  console.log(`size: ${(bytes / 1e6).toFixed(1)} MB`)
} finally {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
}
