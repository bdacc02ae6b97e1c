/**
 * How much of an update survives saving: `npx tsx bench/saved-shift.ts MODEL_FOLDER [MEAN_UPDATE]`.
 * The model's weights are put on the bf16 grid, as published ones are, and every weight of its matrices gets an update of a size
 * drawn around MEAN_UPDATE (default 7.5e-5, seen after 72 steps of SmolLM2-135M) and a random sign. Printed per format: the
 * projection of what was saved on the update (1 keeps it, 0 loses it), and the root mean square error in updates.
 */
import { deriveSeed, uniform } from "../src/random.ts"
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeBfloat16Stochastic, encodeFloat16 } from "../src/model/float-formats.ts"
import { encodeQ8 } from "../src/model/gguf/quantise.ts"
import { openModel } from "../src/model/open-model.ts"

const [path, size = "7.5e-5"] = process.argv.slice(2)
const meanUpdate = Number(size)

function through16(encode: (source: Float32Array, target: Uint16Array) => unknown, decode: typeof decodeFloat16): (values: Float32Array) => Float32Array {
  return (values) => {
    const [encoded, decoded] = [new Uint16Array(values.length), new Float32Array(values.length)]
    encode(values, encoded)
    decode(encoded, decoded, 0)
    return decoded
  }
}

function throughQ8(values: Float32Array): Float32Array {
  const bytes = new Uint8Array((values.length / 32) * 34)
  encodeQ8(values, bytes)
  const [scale, decoded] = [new Float32Array(1), new Float32Array(values.length)]
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / 32) * 34
    decodeFloat16(Uint16Array.of(bytes[at]! | (bytes[at + 1]! << 8)), scale, 0)
    decoded[i] = scale[0]! * ((bytes[at + 2 + (i % 32)]! << 24) >> 24)
  }
  return decoded
}

const formats: Readonly<Record<string, (values: Float32Array) => Float32Array>> = {
  "bf16 to nearest": through16(encodeBfloat16, decodeBfloat16),
  "bf16 stochastic": through16((source, target) => encodeBfloat16Stochastic(source, target, deriveSeed(1, "shift"), 0), decodeBfloat16),
  "f16 to nearest": through16(encodeFloat16, decodeFloat16),
  "q8_0 to nearest": throughQ8,
}

const sums = new Map(Object.keys(formats).map((name) => [name, { along: 0, error: 0 }]))
let norm = 0
let count = 0
const toGrid = formats["bf16 to nearest"]!
for (const [name, values] of await (await openModel(path!)).readWeights()) {
  // One layer in five is sample enough.
  if (!/layers\.\d*[05]\..*proj\.weight$/.test(name)) continue
  const start = toGrid(values)
  const update = start.map((_, i) => {
    const draw = uniform(deriveSeed(2, name), i)
    const sign = draw < 0.5 ? -1 : 1
    // Between 0 and twice the mean.
    return sign * meanUpdate * 8 * Math.abs(draw - (sign < 0 ? 0.25 : 0.75))
  })
  const trained = start.map((value, i) => value + update[i]!)
  count += update.length
  norm += update.reduce((sum, u) => sum + u * u, 0)
  for (const [format, save] of Object.entries(formats)) {
    const sum = sums.get(format)!
    save(trained).forEach((value, i) => {
      const shift = value - start[i]!
      sum.along += shift * update[i]!
      sum.error += (shift - update[i]!) ** 2
    })
  }
}
process.stdout.write(`${count} weights, mean update ${meanUpdate}\n`)
for (const [format, { along, error }] of sums) process.stdout.write(`${format}: kept ${(along / norm).toFixed(3)}, error ${Math.sqrt(error / norm).toFixed(2)} updates\n`)
