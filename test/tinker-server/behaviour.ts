/** What kind of server the tests meet. */
export interface ServerBehaviour {
  readonly models: readonly string[]
  readonly maxRank: number
  /** Models that may be loaded at once. */
  readonly maxModels: number
  /** "sum", or as SkyRL's JAX backend: per sequence the weighted sum over the sum of weights, then the mean over sequences. */
  readonly reduction: "sum" | "mean"
  readonly losses: readonly string[]
  /** Clip bounds of cispo where the request names none. */
  readonly cispoBounds: readonly [low: number, high: number]
  /** Log-probs of samples: of the policy at temperature 1, or of the distribution sampled from. */
  readonly sampleLogprobs: "policy" | "sampled"
  /** Ends responses at the end-of-sequence token without being asked. */
  readonly implicitStop: boolean
  /** The stop token is part of the response. */
  readonly stopTokenIncluded: boolean
  readonly adam: "all" | "learning-rate"
  readonly gradientClipping: boolean
  /** Told, not told, or told as null, which is how NaN travels. */
  readonly gradNorm: boolean | "null"
  /** Computes another loss than asked: in what it reports and does, or in what it does alone. */
  readonly lies: Readonly<Record<string, string>>
  readonly quietLies: Readonly<Record<string, string>>
  /** A key that requests must carry. */
  readonly key: string | undefined
  /** Longest hold of retrieve_future. */
  readonly holdMs: number
  /** Answers in a form of another version. */
  readonly otherVersion: boolean
  readonly idempotent: boolean
  /** As SkyRL's JAX backend: gradients stay in the place of a model that is unloaded, for the next that takes it. */
  readonly inheritsGradients: boolean
  /** As SkyRL's JAX backend: sampling loads what was saved for it into the model that is trained. */
  readonly samplesInPlace: boolean
}

export const defaultBehaviour: ServerBehaviour = {
  models: ["tiny"],
  maxRank: 16,
  maxModels: 8,
  reduction: "sum",
  losses: ["cross_entropy", "importance_sampling", "ppo", "cispo", "dro"],
  cispoBounds: [0, 4],
  sampleLogprobs: "policy",
  implicitStop: false,
  stopTokenIncluded: true,
  adam: "all",
  gradientClipping: true,
  gradNorm: true,
  lies: {},
  quietLies: {},
  key: undefined,
  holdMs: 500,
  otherVersion: false,
  idempotent: true,
  inheritsGradients: false,
  samplesInPlace: false,
}

/** Something that goes wrong with one request. */
export type Fault =
  /** The request is refused and not looked at, or done and its answer replaced. */
  | { readonly kind: "status"; readonly status: number; readonly body?: string; readonly done?: boolean; readonly retryAfter?: number }
  /** The connection breaks before or after the request was done. */
  | { readonly kind: "drop"; readonly done?: boolean }
  | { readonly kind: "delay"; readonly milliseconds: number }
  /** The request waits until so many requests to another path have come, or its client gives it up. */
  | { readonly kind: "hold"; readonly until: string; readonly count: number }
  /** The server restarts before or after the request was done. */
  | { readonly kind: "restart"; readonly keep: "all" | "database" | "checkpoints"; readonly done?: boolean }
  | { readonly kind: "forget-session" }

export interface PlannedFault {
  /** Last part of the path, e.g. `optim_step`. */
  readonly path: string
  /** Of retrieve_future: results of this operation alone, whatever else is waited for in between. */
  readonly of?: string
  /** The nth request to it, from 1. */
  readonly nth: number
  /** How often in a row. Default 1. */
  readonly times?: number
  readonly fault: Fault
}

/** An answer that is no success. */
export class Refusal extends Error {
  readonly status: number
  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}
