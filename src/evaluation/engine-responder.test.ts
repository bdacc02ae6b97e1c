import { describe, expect, test } from "vitest"
import type { Engine, SampleRequest, Sequence } from "../engine/engine.ts"
import { createByteTokenizer } from "../model/tokenizer-create.ts"
import { engineResponder } from "./engine-responder.ts"
import type { ModelResponse, ResponseRequest } from "./responder.ts"

const tokenizer = createByteTokenizer()

/** Says the seed of each request; odd ones are cut. */
function fakeEngine(seen: SampleRequest[][]): Engine {
  const engine: Pick<Engine, "sample"> = {
    sample(requests) {
      seen.push([...requests])
      const sequence = (seed: number): Sequence => ({
        tokens: tokenizer.encode(`seed ${seed}`, { addSpecialTokens: false }),
        logprobs: new Float32Array(),
        policyLogprobs: new Float32Array(),
        stopReason: seed % 2 === 0 ? "stop" : "length",
      })
      return Promise.resolve(requests.map(({ seeds }) => seeds.map(sequence)))
    },
  }
  return engine as Engine
}

function requestsOf(problems: number, attempts: number): ResponseRequest[] {
  return Array.from({ length: problems }, (_, i) => ({ id: `${i}`, prompt: `Q${i}`, gold: "" })).flatMap((problem, i) =>
    Array.from({ length: attempts }, (_, attempt) => ({ problem, attempt, seed: 10 * i + attempt })),
  )
}

async function respond(
  chunk: number,
  signal?: AbortSignal,
  afterChunk: () => void = () => undefined,
): Promise<{ seen: SampleRequest[][]; answers: [ResponseRequest, ModelResponse][] }> {
  const seen: SampleRequest[][] = []
  const answers: [ResponseRequest, ModelResponse][] = []
  const responder = engineResponder({
    engine: fakeEngine(seen),
    tokenizer,
    sampling: { maxTokens: 5, temperature: 0.5 },
    model: "m",
    chunk,
  })
  const receiver = {
    onResponses(
      responses: readonly { readonly request: ResponseRequest; readonly response: ModelResponse }[],
    ): Promise<void> {
      answers.push(...responses.map(({ request, response }): [ResponseRequest, ModelResponse] => [request, response]))
      afterChunk()
      return Promise.resolve()
    },
    onFailure: () => undefined,
  }
  await responder.respond(requestsOf(3, 2), receiver, signal)
  return { seen, answers }
}

describe("a model in the engine", () => {
  test("answers each request with the response of its own seed", async () => {
    const { answers } = await respond(100)
    expect(answers).toHaveLength(6)
    for (const [{ seed }, { text, stopReason, tokens }] of answers) {
      expect(text).toBe(`seed ${seed}`)
      expect([stopReason, tokens]).toEqual([seed % 2 === 0 ? "stop" : "length", text.length])
    }
  })

  test("gets the attempts at a problem as one request, in chunks that are kept one by one", async () => {
    const { seen } = await respond(4)
    expect(seen.map((requests) => requests.map(({ seeds }) => seeds))).toEqual([
      [
        [0, 1],
        [10, 11],
      ],
      [[20, 21]],
    ])
    expect(seen[0][1].promptTokens).toEqual(tokenizer.encode("Q1"))
    expect(seen[0][0].options).toEqual({ maxTokens: 5, temperature: 0.5 })
  })

  test("stops between chunks", async () => {
    const stop = new AbortController()
    expect((await respond(2, stop.signal, () => stop.abort())).answers).toHaveLength(2)
  })
})
