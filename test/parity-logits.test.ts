/** Logits against PyTorch, from the decoder graph alone. */
import { join } from "node:path"
import { expect, test } from "vitest"
import { runOnnx } from "../src/graph/check.test-helper.ts"
import { makeValue, matmul, type Value } from "../src/graph/index.ts"
import { decodeSequences, decoderInputs, weightTensors } from "../src/model/decoder.ts"
import { headWeight } from "../src/model/head.ts"
import { ropeTensors } from "../src/model/rope-tables.ts"
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
  const positions = expected.tokens.map((row) => row.map((_token, t) => t))
  const mask = (window: number): Value =>
    makeValue([time, time], Array.from({ length: time * time }, (_, i) => {
      const distance = Math.floor(i / time) - (i % time)
      return distance < 0 || distance >= window ? -Infinity : 0
    }))
  const feeds: Record<string, Value> = {
    [decoderInputs.tokens]: makeValue([3, time], expected.tokens.flat()),
    [decoderInputs.positions]: makeValue([3, time], positions.flat()),
    [decoderInputs.mask]: mask(Infinity),
  }
  if (config.slidingWindow !== undefined) feeds[decoderInputs.windowMask] = mask(config.slidingWindow.tokens)
  for (const { name: table, shape, values } of ropeTensors(config, time)) feeds[table] = makeValue(shape, values)
  for (const { name: parameter, shape } of parameterSpecs(config)) feeds[parameter] = makeValue(shape, stored.get(parameter)!)
  const { ours } = (await runOnnx({ ours: logits }, feeds)) as { ours: Float32Array }
  const reference = (await readTensors(join(directory, "expected.safetensors"), ["logits"])).get("logits")!
  const width = config.vocabularySize
  expected.lengths.forEach((length, b) => {
    const [start, end] = [b * time * width, (b * time + length) * width]
    expect(relative(ours.subarray(start, end), reference.subarray(start, end))).toBeLessThan(1e-4)
  })
})
