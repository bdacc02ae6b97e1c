/**
 * How noisy the gradients of two advantages are against each other, on one policy and the same responses.
 *
 *     npx tsx bench/advantage-noise.ts MODEL [--advantages rloo,remax] [--batches 60] [--prompts 32] [--group 8]
 *
 * MODEL is the folder of a model that adds two-digit numbers now and then, e.g. `starts/seed-1` of a comparison on add2. Over the
 * batches, g being the gradient of -A log pi: slope and cosine of the mean g on that of the first advantage (1 and 1 where they have one
 * expectation, up to noise), and the noise, E|g - E g|^2 / |E g|^2, against that of the first.
 */
import { parseArgs } from "node:util"
import { parseConfig } from "../src/config/index.ts"
import { OnnxEngine } from "../src/engine/onnx/onnx-engine.ts"
import { createAdvantage, createObjective } from "../src/objectives/index.ts"
import { greedyBaselines } from "../src/trainer/greedy-baseline.ts"
import { makeBatch } from "../src/trainer/batch.ts"
import { openPolicy } from "../src/trainer/open-policy.ts"
import { runParts } from "../src/trainer/run-parts.ts"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    advantages: { type: "string", default: "rloo,remax" },
    batches: { type: "string", default: "60" },
    prompts: { type: "string", default: "32" },
    group: { type: "string", default: "8" },
  },
})
const [batches, promptsPerStep, groupSize] = [values.batches, values.prompts, values.group].map(Number) as [number, number, number]
const advantages = values.advantages.split(",")

const config = parseConfig({
  model: { path: positionals[0] ?? "" },
  task: { name: "add2" },
  rollout: { promptsPerStep, groupSize, maxResponseTokens: 4 },
  pipo: { enabled: false },
  engine: { threads: 1 },
})
const policy = await openPolicy(config)
const { engine } = policy
if (!(engine instanceof OnnxEngine)) throw new Error("expected the embedded engine")
const parts = runParts({ ...policy, config })
const objective = createObjective("reinforce")

interface Moments {
  readonly total: Float64Array
  squares: number
}
const moments = new Map<string, Moments>()
for (let step = 1; step <= batches; step++) {
  const { rollouts } = await parts.rollouts.collect(step)
  const { rewards: greedyRewards } = await greedyBaselines(parts.greedy, rollouts)
  for (const name of advantages) {
    const { sequences } = makeBatch(step, rollouts, createAdvantage(name), { greedyRewards })
    const weights = parts.aggregate(sequences.map(({ mask }) => mask))
    await engine.forwardBackward(sequences.map((sequence, i) => ({ ...sequence, weights: weights[i]! })), objective)
    const gradient = [...(await engine.gradients()).values()].flatMap((row) => [...row])
    await engine.clearGradients()
    const known = moments.get(name) ?? { total: new Float64Array(gradient.length), squares: 0 }
    moments.set(name, known)
    gradient.forEach((x, i) => {
      known.total[i]! += x
      known.squares += x * x
    })
  }
}
await engine.close()

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0)
}

/** Unbiased in numerator and denominator: |mean|^2 over n batches holds 1/n of the noise. */
function noiseOf({ total, squares }: Moments): number {
  const meanSquare = dot(total, total) / batches ** 2
  const variance = ((squares / batches - meanSquare) * batches) / (batches - 1)
  return variance / (meanSquare - variance / batches)
}

const first = moments.get(advantages[0]!)!
for (const [name, { total, squares }] of moments) {
  const slope = dot(total, first.total) / dot(first.total, first.total)
  const cosine = dot(total, first.total) / Math.sqrt(dot(total, total) * dot(first.total, first.total))
  const noise = noiseOf({ total, squares })
  console.log(`${name}: slope ${slope.toFixed(3)}, cosine ${cosine.toFixed(3)}, noise ${noise.toFixed(2)}, ${(noise / noiseOf(first)).toFixed(2)} x ${advantages[0]}`)
}
