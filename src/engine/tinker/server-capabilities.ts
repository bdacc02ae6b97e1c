/**
 * What a server of the Tinker protocol does where servers differ. Measured by `pirl tinker check` or said by the user, never guessed.
 */
import { readFileSync } from "node:fs"
import { z } from "zod"
import { ConfigError } from "../../errors.ts"

export interface ServerCapabilities {
  /** How the losses of tokens become the number whose gradient is taken: their sum, or the mean over sequences of each one's weighted mean. */
  readonly lossReduction: "sum" | "mean-per-sequence"
  /** Built-in losses that were found to be what the protocol says. */
  readonly losses: readonly string[]
  /** Log-probs of samples are those of the policy (temperature 1, nothing cut off), of the distribution sampled from, or not to be relied on. */
  readonly sampleLogprobs: "policy" | "sampled" | "none"
  /** A response that was stopped ends with its stop token. */
  readonly stopTokenIncluded: boolean
  /** The same seed gives the same responses. */
  readonly seededSampling: boolean
  /** One request with one seed for all responses of a prompt, or one request per response. */
  readonly seeds: "per-prompt" | "per-response"
  /** Parameters of Adam that are taken from the request. */
  readonly adam: "all" | "learning-rate"
  readonly gradientClipping: boolean
  /** Gradients of a model that was unloaded before its step are gone, or go to the model that takes its place (SkyRL on JAX). */
  readonly unloadedGradients: "dropped" | "inherited"
  /** Sampling from weights that were kept before the last step leaves training alone, or loads them into the model that is trained (SkyRL on JAX). */
  readonly olderSamplers: "apart" | "in-place"
}

/** What is assumed of a server beyond its reduction, which must be said: the least that the protocol promises. */
export const cautiousCapabilities: Omit<ServerCapabilities, "lossReduction"> = {
  losses: [],
  sampleLogprobs: "none",
  stopTokenIncluded: true,
  seededSampling: false,
  seeds: "per-prompt",
  adam: "all",
  gradientClipping: false,
  unloadedGradients: "inherited",
  olderSamplers: "in-place",
}

const fileSchema = z.object({
  version: z.literal(1),
  capabilities: z.object({
    lossReduction: z.enum(["sum", "mean-per-sequence"]),
    losses: z.array(z.string()),
    sampleLogprobs: z.enum(["policy", "sampled", "none"]),
    stopTokenIncluded: z.boolean(),
    seededSampling: z.boolean(),
    seeds: z.enum(["per-prompt", "per-response"]),
    adam: z.enum(["all", "learning-rate"]),
    gradientClipping: z.boolean(),
    unloadedGradients: z.enum(["dropped", "inherited"]),
    // Files of before it was asked lack it.
    olderSamplers: z.enum(["apart", "in-place"]).default(cautiousCapabilities.olderSamplers),
  }),
})

/** @throws ConfigError when the file is missing or was not written by the check */
export function readCapabilities(file: string): ServerCapabilities {
  const fail = (got: string, cause?: unknown): never => {
    const message = `expected the capabilities file of a server, got ${got}. Write it with \`pirl tinker check URL --write ${file}\`.`
    throw new ConfigError([{ path: "engine.server.capabilities", message }], { cause })
  }
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, "utf8"))
  } catch (cause) {
    return fail(`${file}, which cannot be read`, cause)
  }
  const parsed = fileSchema.safeParse(content)
  if (parsed.success) return parsed.data.capabilities
  const [issue] = parsed.error.issues
  return fail(`${file} with ${issue?.path.join(".") ?? "another form"}: ${issue?.message ?? "wrong"}`)
}

/** Text of a capabilities file. */
export function capabilitiesFile(capabilities: ServerCapabilities, server: { readonly url: string; readonly baseModel: string }): string {
  return `${JSON.stringify({ version: 1, server, capabilities }, null, 2)}\n`
}

/** What a person should know of a server that does less than the config asks for. */
export function capabilityNotes(capabilities: ServerCapabilities, asked: { readonly gradientClip: number }): string[] {
  const notes: string[] = []
  if (asked.gradientClip > 0 && !capabilities.gradientClipping) {
    notes.push(`the server does not clip gradients: optimizer.gradientClip ${asked.gradientClip} has no effect. Set it to 0, or lower the learning rate where the gradient norm jumps`)
  }
  if (capabilities.adam === "learning-rate") {
    notes.push("the server takes the learning rate alone: beta1, beta2, eps and weight decay are those it was started with")
  }
  if (!capabilities.seededSampling) notes.push("the server was not found to repeat samples for a seed: two runs of this config will differ")
  return notes
}
