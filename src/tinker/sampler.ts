/** Responses from weights that stand still. */
import type { RequestOptions, SampleSource, TinkerClient } from "./client.ts"
import { TinkerError } from "./errors.ts"
import { sampleSchema, type SampleOutput, type SamplingParams } from "./wire.ts"

export type SamplerSource = { readonly samplingSessionId: string } | { readonly modelPath: string } | { readonly baseModel: string }

export class Sampler {
  readonly source: SamplerSource
  readonly #client: TinkerClient
  #used = 0

  constructor(client: TinkerClient, source: SamplerSource) {
    this.#client = client
    this.source = source
  }

  /** `numSamples` responses to one prompt. */
  async sample(
    prompt: ArrayLike<number>,
    params: SamplingParams,
    options: RequestOptions & { readonly numSamples?: number; readonly promptLogprobs?: boolean } = {},
  ): Promise<SampleOutput> {
    const { numSamples = 1, promptLogprobs = false, signal } = options
    const source: SampleSource = "samplingSessionId" in this.source ? { ...this.source, seqId: ++this.#used } : this.source
    const client = this.#client
    const submit = (): Promise<string> => client.sampleRequest(source, { prompt, numSamples, params, promptLogprobs }, { signal })
    const output = await client.result({ what: `sample of ${numSamples} responses`, requestId: await submit(), schema: sampleSchema, signal, resubmit: submit })
    if (output.sequences.length !== numSamples) {
      throw new TinkerError("answer", `tinker: sample: expected ${numSamples} responses, got ${output.sequences.length}. The server speaks another version of the protocol.`)
    }
    return output
  }
}
