/** The policy of a config whose model lives on a server: tokenizer here, weights there. */
import { join } from "node:path"
import type { ResolvedConfig, ServerSettings } from "../config/index.ts"
import type { Task } from "../data/task.ts"
import { capabilityNotes, cautiousCapabilities, readCapabilities, type ServerCapabilities } from "../engine/tinker/server-capabilities.ts"
import { TinkerEngine } from "../engine/tinker/tinker-engine.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { savedModelPath } from "../hub/configured-model.ts"
import { ConfigReader } from "../model/config-reader.ts"
import { parseJsonObject, readOptionalFile } from "../model/json-file.ts"
import { loadTokenizer, type Tokenizer } from "../model/tokenizer.ts"
import { TinkerClient, TinkerError } from "../tinker/index.ts"
import { checkContext, limitedTask } from "./policy.ts"

export interface ServerPolicyPlan {
  readonly tokenizer: Tokenizer
  readonly eosTokens: readonly number[]
  readonly contextLength: number
  /** The task under its own limit on prompts. */
  readonly task: Task
}

/** An absent file has no keys. */
async function readerOf(path: string): Promise<ConfigReader> {
  const content = await readOptionalFile(path)
  return new ConfigReader(content === undefined ? {} : parseJsonObject(Buffer.from(content).toString("utf8"), path), path)
}

/**
 * Tokenizer, end of response and context of the base model, from `model.path` or `model.hub`: a whole folder, or its tokenizer files alone.
 * @throws ConfigError when a file has a wrong key, the context is not known, or prompt and response do not fit it
 */
export async function planServerPolicy(config: ResolvedConfig, unlimited: Task): Promise<ServerPolicyPlan> {
  const folder = (await savedModelPath(config.model, false))!
  const tokenizer = await loadTokenizer(folder)
  const [model, generation] = [await readerOf(join(folder, "config.json")), await readerOf(join(folder, "generation_config.json"))]
  const named = [generation, model].map((reader) => reader.tokens("eos_token_id", tokenizer.vocabularySize))
  const eosTokens = named.find((tokens) => tokens.length > 0) ?? tokenizer.eosTokens
  const key = "max_position_embeddings"
  const contextLength = serverOf(config).contextLength ?? (model.has(key) ? model.count(key) : undefined)
  const issues = [...model.issues, ...generation.issues]
  if (issues.length > 0) throw new ConfigError(issues)
  if (contextLength === undefined) {
    throw new ConfigError([{ path: "engine.server.contextLength", message: `expected the longest prompt plus response of the model, got neither this setting nor a config.json in ${folder}. Set it.` }])
  }
  const task = limitedTask(config, unlimited, tokenizer)
  checkContext(config, task, tokenizer, contextLength)
  return { tokenizer, eosTokens, contextLength, task }
}

/** A checked config with kind tinker has the section, and in it one of `capabilities` and `lossReduction`. */
function serverOf({ engine }: ResolvedConfig): ServerSettings {
  return engine.server!
}

function capabilitiesOf({ capabilities, lossReduction }: ServerSettings): ServerCapabilities {
  if (capabilities === undefined) return { ...cautiousCapabilities, lossReduction: lossReduction! }
  const found = readCapabilities(capabilities)
  return { ...found, lossReduction: lossReduction ?? found.lossReduction }
}

/**
 * Reaches the server and creates the model on it, so that a wrong address, key, name, version or rank is known before the first response.
 * @throws ConfigError with what the server offers
 */
export async function createServerEngine(config: ResolvedConfig, plan: ServerPolicyPlan): Promise<TinkerEngine> {
  const server = serverOf(config)
  const capabilities = capabilitiesOf(server)
  checkOverlap(config, capabilities)
  const client = new TinkerClient({ url: server.url, proxy: server.proxy === "environment" ? "environment" : undefined, resultTimeoutMs: server.timeoutSeconds * 1000 })
  await checkServer(client, server.baseModel)
  try {
    return await TinkerEngine.create({
      client,
      baseModel: server.baseModel,
      lora: { rank: server.loraRank, seed: server.loraSeed ?? config.seed % 2 ** 31 },
      server: capabilities,
      contextLength: plan.contextLength,
      vocabularySize: plan.tokenizer.vocabularySize,
      decode: (tokens) => plan.tokenizer.decode(tokens, { skipSpecialTokens: true }),
      maxConcurrency: server.maxConcurrency,
      recoveryEvery: server.recoveryEvery,
      notes: capabilityNotes(capabilities, { gradientClip: config.optimizer.gradientClip }),
    })
  } catch (error) {
    if (!(error instanceof TinkerError) || error.kind !== "failed") throw error
    const path = /rank/i.test(error.detail) ? "engine.server.loraRank" : "engine.server"
    const setting = path === "engine.server" ? `${server.baseModel} with rank ${server.loraRank}` : String(server.loraRank)
    throw new ConfigError([{ path, message: `expected a model that ${client.address} creates, got ${setting}: the server says "${error.detail}". Follow its words.` }], { cause: error })
  }
}

/** Sampling beside the update wants a server that keeps the two apart and says log-probs. @throws ConfigError */
function checkOverlap({ train, rollout }: ResolvedConfig, { olderSamplers, sampleLogprobs }: ServerCapabilities): void {
  if (!train.overlap) return
  const cut = rollout.topK > 0 || rollout.topP < 1
  const issues: ConfigIssue[] = []
  const refuse = (got: string): void =>
    void issues.push({ path: "train.overlap", message: `expected false with ${got}, got true. Remove it, or name a file of \`pirl tinker check\` that says otherwise in engine.server.capabilities.` })
  if (olderSamplers === "in-place") refuse("a server that is not known to sample from older weights without touching those that are trained (olderSamplers: apart)")
  if (sampleLogprobs === "none" || (sampleLogprobs === "sampled" && cut)) {
    refuse(`a server whose samples ${cut ? "under topK or topP " : ""}are not known to carry log-probs of the policy (sampleLogprobs: ${sampleLogprobs})`)
  }
  if (issues.length > 0) throw new ConfigError(issues)
}

/** @throws ConfigError when there is no such server, or it does not offer the model */
export async function checkServer(client: TinkerClient, baseModel: string): Promise<void> {
  try {
    await client.health()
    const offered = await client.supportedModels()
    if (offered.includes(baseModel)) return
    const names = offered.length === 0 ? "none" : offered.slice(0, 20).join(", ")
    throw new ConfigError([{ path: "engine.server.baseModel", message: `expected a model that ${client.address} offers (${names}), got ${baseModel}. Name one of them.` }])
  } catch (error) {
    if (!(error instanceof TinkerError)) throw error
    const path = error.kind === "unauthorised" ? "TINKER_API_KEY" : "engine.server.url"
    throw new ConfigError([{ path, message: error.message }], { cause: error })
  }
}
