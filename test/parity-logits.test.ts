/** Logits against PyTorch, from the decoder graph alone. */
import { join } from "node:path"
import { expect, test } from "vitest"
import { runOnnx } from "../src/graph/check.test-helper.ts"
import { makeValue, matmul, type Value } from "../src/graph/index.ts"
import { decodeSequences, decoderInputs, weightTensors } from "../src/model/decoder.ts"
import { headWeight } from "../src/model/head.ts"
import { ropeTables } from "../src/model/rope-tables.ts"
import { readTensors } from "../src/model/safetensors.ts"
import { planWeights, readPlannedWeights } from "../src/model/weight-files.ts"
import { parameterSpecs } from "../src/model/weights.ts"
import { parityCases, parityConfig, parityFolder, readExpected, relative } from "./helpers/parity-fixtures.ts"

test.each(parityCases)("%s: logits of every position equal PyTorch's", async (name) => {
  const expected = readExpected(name)
  const config = parityConfig(name)
  const weights = weightTensors(config)
  const logits = matmul(decodeSequences({ config, weights }).hidden_ND, headWeight(config, weights), { transposeB: true })
  const directory = parityFolder(name)
  const stored = await readPlannedWeights(directory, await planWeights(directory, config))
  const time = expected.tokens[0]!.length
  const { cos, sin } = ropeTables(config, time)
  const half = config.headDim / 2
  const positions = expected.tokens.map((row) => row.map((_token, t) => t))
  const mask = Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -Infinity : 0))
  const feeds: Record<string, Value> = {
    [decoderInputs.tokens]: makeValue([3, time], expected.tokens.flat()),
    [decoderInputs.positions]: makeValue([3, time], positions.flat()),
    [decoderInputs.mask]: makeValue([time, time], mask),
    [decoderInputs.cos]: makeValue([time, half], cos),
    [decoderInputs.sin]: makeValue([time, half], sin),
  }
  for (const { name: parameter, shape } of parameterSpecs(config)) feeds[parameter] = makeValue(shape, stored.get(parameter)!)
  const { ours } = (await runOnnx({ ours: logits }, feeds)) as { ours: Float32Array }
  const reference = (await readTensors(join(directory, "expected.safetensors"), ["logits"])).get("logits")!
  const width = config.vocabularySize
  expected.lengths.forEach((length, b) => {
    const [start, end] = [b * time * width, (b * time + length) * width]
    expect(relative(ours.subarray(start, end), reference.subarray(start, end))).toBeLessThan(1e-4)
  })
})
