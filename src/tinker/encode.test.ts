import { array, assert, float, integer, property, string } from "fast-check"
import { expect, test } from "vitest"
import { chunkDatums, encodeDatum, encodeFloats, MOST_CHARACTERS, MOST_DATUMS } from "./encode.ts"
import { floatsSchema, forwardBackwardSchema, parseTinkerPath, sampleSchema } from "./wire.ts"

test("every single-precision number survives the way over JSON bit for bit", () => {
  assert(
    property(array(float({ noNaN: true, noDefaultInfinity: true })), (values) => {
      const sent = Float32Array.from(values)
      const read = Float32Array.from(JSON.parse(encodeFloats("weights", sent)) as number[])
      // JSON has one zero.
      expect(read).toEqual(sent.map((x) => (x === 0 ? 0 : x)))
    }),
  )
})

test("what is not finite is not sent", () => {
  expect(() => encodeFloats("advantages", [1, Number.NaN])).toThrow(/expected finite advantages to send, got NaN at position 1/)
  expect(() => encodeDatum({ tokens: [1, 2], targets: [2, 3], logprobs: [-1, -Infinity] })).toThrow(/finite logprobs/)
})

test("arrays of another length than the targets are refused", () => {
  expect(() => encodeDatum({ tokens: [1, 2], targets: [2, 3], weights: [1] })).toThrow(/expected 2 weights, one per target, got 1/)
  expect(() => encodeDatum({ tokens: [1], targets: [2, 3] })).toThrow(/as many tokens as targets/)
})

test("null in a list of numbers is NaN; anything else is refused", () => {
  expect(floatsSchema.parse([1, null, -2.5])).toEqual(Float32Array.of(1, Number.NaN, -2.5))
  expect(floatsSchema.safeParse([1, "2"]).success).toBe(false)
  expect(floatsSchema.safeParse({ 0: 1 }).success).toBe(false)
  const passed = forwardBackwardSchema.parse({ loss_fn_outputs: [{ logprobs: { data: [null, -1] }, elementwise_loss: null }], metrics: { "loss:sum": 3, text: "x", grad_norm: null } })
  expect(passed.outputs[0]!.logprobs).toEqual(Float32Array.of(Number.NaN, -1))
  expect(passed.metrics).toEqual({ "loss:sum": 3, grad_norm: Number.NaN })
  expect(sampleSchema.parse({ sequences: [{ stop_reason: "stop", tokens: [4], logprobs: [null] }] }).sequences[0]!.logprobs).toEqual(Float32Array.of(Number.NaN))
})

test("chunks keep order and content, and both limits hold but for a single sequence that is larger by itself", () => {
  assert(
    property(array(string({ minLength: 1, maxLength: 40 }), { maxLength: 60 }), integer({ min: 1, max: 9 }), integer({ min: 1, max: 90 }), (texts, datums, characters) => {
      const chunks = chunkDatums(texts, { datums, characters })
      expect(chunks.flat()).toEqual(texts)
      for (const chunk of chunks) {
        expect(chunk.length).toBeLessThanOrEqual(datums)
        const size = chunk.reduce((total, text) => total + text.length, 0)
        expect(chunk.length === 1 || size <= characters).toBe(true)
      }
      // No chunk could have taken the next one's first.
      chunks.slice(1).forEach((chunk, i) => {
        const size = chunks[i]!.reduce((total, text) => total + text.length, 0)
        expect(chunks[i]!.length === datums || size + chunk[0]!.length > characters).toBe(true)
      })
    }),
  )
  expect([MOST_DATUMS, MOST_CHARACTERS]).toEqual([1024, 5_000_000])
})

test("paths of checkpoints are taken apart", () => {
  expect(parseTinkerPath("tinker://model_1/weights/step-4")).toEqual({ modelId: "model_1", kind: "weights", name: "step-4" })
  expect(parseTinkerPath("tinker://model_1/step-4")).toEqual({ modelId: "model_1", kind: "", name: "step-4" })
  expect(parseTinkerPath("http://model_1/weights/x")).toBeUndefined()
})
