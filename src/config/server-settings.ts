/**
 * `engine.server`: the server of the Tinker protocol that holds the model. The key is never a setting: it comes from TINKER_API_KEY.
 */
import { z } from "zod"
import { integer } from "./fields.ts"

export interface ServerSettings {
  /** Address, e.g. `http://localhost:8000`. */
  readonly url: string
  /** Name of the base model as the server lists it. */
  readonly baseModel: string
  /** Rank of the adapters; 0 trains all weights, on servers that can. */
  readonly loraRank: number
  /** Seed of the adapters; the run's when absent. */
  readonly loraSeed?: number
  /** Longest prompt plus response, tokens; that of config.json in `model.path` when absent. */
  readonly contextLength?: number
  /** File that `pirl tinker check` wrote for this server. */
  readonly capabilities?: string
  /** How the server adds up the losses of tokens, over what the capabilities file says. */
  readonly lossReduction?: "sum" | "mean-per-sequence"
  /** Sample requests under way at once. */
  readonly maxConcurrency: number
  /** Longest time of one operation on the server. */
  readonly timeoutSeconds: number
  /** Optimiser steps between two saves on the server that a recovery starts from. */
  readonly recoveryEvery: number
  /** Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment count. */
  readonly proxy: "none" | "environment"
}

/** Here and not in `defaults.ts`, since the section is absent by default. */
export const serverDefaults = { loraRank: 32, maxConcurrency: 64, timeoutSeconds: 3600, recoveryEvery: 10, proxy: "none" } as const

export const serverSchema: z.ZodType<ServerSettings> = z.strictObject({
  url: z.string().min(1).describe("Address of the server, e.g. http://localhost:8000"),
  baseModel: z.string().min(1).describe("Name of the base model as the server lists it"),
  loraRank: integer(0).default(serverDefaults.loraRank).describe("Rank of the adapters; 0 trains all weights, on servers that can"),
  loraSeed: integer(0, 0x7fffffff).exactOptional().describe("Seed of the adapters; the run's when absent"),
  contextLength: integer(2).exactOptional().describe("Longest prompt plus response, tokens; that of the model's config.json when absent"),
  capabilities: z.string().min(1).exactOptional().describe("File that `pirl tinker check` wrote for this server"),
  lossReduction: z.enum(["sum", "mean-per-sequence"]).exactOptional().describe("How the server adds up the losses of tokens"),
  maxConcurrency: integer(1).default(serverDefaults.maxConcurrency).describe("Sample requests under way at once"),
  timeoutSeconds: integer(1).default(serverDefaults.timeoutSeconds).describe("Longest time of one operation on the server"),
  recoveryEvery: integer(1).default(serverDefaults.recoveryEvery).describe("Optimiser steps between two saves on the server that a recovery starts from"),
  proxy: z.enum(["none", "environment"]).default(serverDefaults.proxy).describe("Whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY count"),
})
