import { expect, test } from "vitest"
import { EngineError } from "../errors.ts"
import { checkSampleRequest, checkSequences } from "./request-checks.ts"

const limits = { contextLength: 8, vocabularySize: 10 }
const request = { promptTokens: [1, 2], seeds: [1], options: { maxTokens: 4 } }

test("a request and a sequence within the limits pass", () => {
  expect(() => checkSampleRequest(request, limits)).not.toThrow()
  expect(() => checkSequences("logprobs", [{ promptTokens: [0], responseTokens: [9, 0, 0, 0, 0, 0, 0] }], limits)).not.toThrow()
  expect(() => checkSequences("logprobs", [], limits)).not.toThrow()
})

test.each([
  [{ promptTokens: [] }, /a prompt of at least one token, got none/],
  [{ promptTokens: [1, 2, 3, 4, 5] }, /to fit 8 tokens, got 5 \+ 4/],
  [{ promptTokens: [1, 10] }, /tokens below 10, got 10/],
  [{ promptTokens: [-1] }, /tokens below 10, got -1/],
  [{ seeds: [] }, /one seed per response, got none/],
  [{ options: { maxTokens: 0 } }, /maxTokens to be a whole number of at least 1, got 0/],
  [{ options: { maxTokens: 1, temperature: -1 } }, /a temperature from 0 up, got -1/],
])("the request with %j is refused", (change, message) => {
  expect(() => checkSampleRequest({ ...request, ...change }, limits)).toThrow(EngineError)
  expect(() => checkSampleRequest({ ...request, ...change }, limits)).toThrow(message)
})

test.each([
  [{ promptTokens: [], responseTokens: [1] }, /at least one token each, got 0 and 1 in sequence 1/],
  [{ promptTokens: [1], responseTokens: [] }, /at least one token each, got 1 and 0 in sequence 1/],
  [{ promptTokens: [1, 1, 1, 1], responseTokens: [1, 1, 1, 1, 1] }, /to fit 8 tokens, got 4 \+ 5 in sequence 1/],
  [{ promptTokens: [1], responseTokens: [3, 12] }, /forwardBackward: expected tokens below 10, got 12 in sequence 1/],
  [{ promptTokens: [1.5], responseTokens: [3] }, /tokens below 10, got 1.5 in sequence 1/],
])("the sequence %j is refused", (sequence, message) => {
  expect(() => checkSequences("forwardBackward", [{ promptTokens: [1], responseTokens: [1] }, sequence], limits)).toThrow(message)
})
