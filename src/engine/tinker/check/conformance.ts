/** `pirl tinker check`: a fixed set of requests, and what the server makes of them. */
import { ConfigError } from "../../../errors.ts"
import { TinkerError, TinkerSession, type TinkerClient } from "../../../tinker/index.ts"
import type { ServerCapabilities } from "../server-capabilities.ts"
import { Prober } from "./probe.ts"
import type { CheckReport, CheckRow } from "./report.ts"
import { checkOlderSamplers, checkSampling } from "./sampling-checks.ts"
import { checkAdam, checkForward, checkLeftGradients, checkLosses, checkReduction, checkRequests, checkResume, findWeights } from "./training-checks.ts"

export interface CheckOptions {
  /** Default: the first that the server offers. */
  readonly baseModel?: string | undefined
  /** Default 4. */
  readonly rank?: number | undefined
  /** Hears of each row as it is found. */
  readonly onRow?: (row: CheckRow) => void
}

const DEFAULT_RANK = 4

/**
 * Asks the server about thirty questions, one small model at a time, each unloaded after its question.
 * @throws ConfigError  when the server cannot be reached, or does not create the model
 * @throws TinkerError  when it fails in the middle
 */
export async function checkConformance(client: TinkerClient, options: CheckOptions = {}): Promise<CheckReport> {
  const rows: CheckRow[] = []
  const add = (...found: readonly CheckRow[]): void => {
    for (const row of found) {
      rows.push(row)
      options.onRow?.(row)
    }
  }
  const offered = await reach(client)
  const baseModel = options.baseModel ?? offered[0]!
  add(offeredRow(offered, baseModel))
  const session = await TinkerSession.open(client, { tags: ["pirl-check"] })
  try {
    const prober = new Prober(client, session, baseModel, options.rank ?? DEFAULT_RANK)
    add(await firstModel(prober))
    add(await checkForward(prober))
    add(await findWeights(prober))
    const { row, reduction } = await checkReduction(prober)
    add(row)
    const { rows: lossRows, losses } = await checkLosses(prober)
    add(...lossRows)
    const { rows: adamRows, adam, clipping } = await checkAdam(prober)
    add(...adamRows)
    const { row: leftRow, left } = await checkLeftGradients(prober)
    add(leftRow)
    add(await checkResume(prober))
    const sampling = await checkSampling(prober)
    add(...sampling.rows)
    const { row: olderRow, older } = await checkOlderSamplers(prober)
    add(olderRow)
    add(...(await checkRequests(prober)))
    const common = { url: client.address, baseModel, rows }
    if (reduction === undefined) return common
    const capabilities: ServerCapabilities = {
      lossReduction: reduction,
      losses,
      sampleLogprobs: sampling.sampleLogprobs,
      stopTokenIncluded: sampling.stopTokenIncluded,
      seededSampling: sampling.seededSampling,
      seeds: "per-prompt",
      adam,
      gradientClipping: clipping,
      unloadedGradients: left,
      olderSamplers: older,
    }
    return { ...common, capabilities }
  } finally {
    session.close()
  }
}

async function reach(client: TinkerClient): Promise<string[]> {
  try {
    await client.health()
    const offered = await client.supportedModels()
    if (offered.length > 0) return offered
    throw new ConfigError([{ path: "", message: `tinker check: expected ${client.address} to offer a model, got none. Start it with one.` }])
  } catch (error) {
    if (!(error instanceof TinkerError)) throw error
    throw new ConfigError([{ path: error.kind === "unauthorised" ? "TINKER_API_KEY" : "", message: error.message }], { cause: error })
  }
}

function offeredRow(offered: readonly string[], baseModel: string): CheckRow {
  const shown = offered.slice(0, 8).join(", ")
  if (!offered.includes(baseModel)) throw new ConfigError([{ path: "--base-model", message: `tinker check: expected a model that the server offers (${shown}), got ${baseModel}. Name one of them.` }])
  return { name: "models", status: "ok", detail: offered.length > 8 ? `${shown} and ${offered.length - 8} more` : shown }
}

async function firstModel(prober: Prober): Promise<CheckRow> {
  try {
    const info = await prober.withModel((model) => model.info())
    return { name: "create_model", status: "ok", detail: `${prober.baseModel} with rank ${info.loraRank ?? prober.rank}` }
  } catch (error) {
    if (!(error instanceof TinkerError) || error.kind !== "failed") throw error
    throw new ConfigError([{ path: "--rank", message: `tinker check: expected ${prober.client.address} to create ${prober.baseModel} with rank ${prober.rank}, got: ${error.detail}. Follow its words.` }], { cause: error })
  }
}
