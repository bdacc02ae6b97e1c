/**
 * Shared starts: the warm start of a seed is made once, and every arm of that seed starts from its model. Arms that change what
 * decides the warm start have one of their own.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { configToYaml, parseConfig, resolveSavedConfig, type ResolvedConfig } from "../config/index.ts"
import { syncTree, writeFileAtomic } from "../runs/index.ts"
import { openPolicy } from "../trainer/open-policy.ts"
import { VERIFIER_TIMEOUT_MS } from "../trainer/run-parts.ts"
import { saveCheckedModel } from "../trainer/saved-policy.ts"
import { Stopping } from "../trainer/stopping.ts"
import { warmStart } from "../trainer/warm-start.ts"

const factsName = "start.json"

/** What is known of a start, beside its model. */
export interface StartFacts {
  readonly key: string
  readonly seed: number
  readonly steps: number
  readonly accuracy: number
  /** The target was reached. */
  readonly reached: boolean
}

/** A hash of all that decides a warm start, but for the seed. */
export function startKey(config: ResolvedConfig): string {
  const { model, task, warmStart: start, optimizer, rollout, lora, engine, train, evaluation } = config
  const { beta1, beta2, eps, gradientClip } = optimizer
  const { maxResponseTokens, stopStrings, chatTemplate, systemPrompt, templateVariables } = rollout
  // Of bare text the key is that of comparisons made before there was anything else.
  const promptFormat = chatTemplate === false ? {} : { chatTemplate, systemPrompt, templateVariables }
  const parts = [
    { ...model, dtype: undefined },
    task,
    start,
    { beta1, beta2, eps, gradientClip },
    { maxResponseTokens, stopStrings, size: evaluation.size, ...promptFormat },
    lora,
    engine,
    train.gradientCheckpointing,
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12)
}

/**
 * Folder of a start.
 * @param starts   the folder of starts
 * @param mainKey  key of the config without any arm, whose starts need no key in their name; undefined where comparisons share the folder
 */
export function startDirectory(starts: string, seed: number, key: string, mainKey: string | undefined): string {
  return join(starts, key === mainKey ? `seed-${seed}` : `seed-${seed}-${key}`)
}

/** The start in a folder, or undefined when it is not there or another one. */
export function readStart(directory: string, key: string): StartFacts | undefined {
  const path = join(directory, factsName)
  if (!existsSync(path)) return undefined
  try {
    const facts = JSON.parse(readFileSync(path, "utf8")) as StartFacts
    return facts.key === key ? facts : undefined
  } catch {
    return undefined
  }
}

/** The config of a run that starts from a model folder: its warm start is done, its learning rate stays. */
export function configFromStart(config: ResolvedConfig, directory: string): ResolvedConfig {
  return parseConfig({ ...config, model: { path: directory, dtype: config.model.dtype }, warmStart: { ...config.warmStart, enabled: false } })
}

/**
 * Tells a run that is not done where its start lies now: the comparison may have been moved, or be named by another path. The start is
 * the same, since the plan and the key of the start say so.
 */
export function relocateStart(runDirectory: string, config: ResolvedConfig): void {
  const file = join(runDirectory, "config.yaml")
  const saved = resolveSavedConfig(file)
  if (saved.model.path === undefined || saved.model.path === config.model.path) return
  writeFileAtomic(file, configToYaml({ ...saved, model: { ...saved.model, path: config.model.path! } }))
}

/**
 * Makes the start of a config unless it is there: the warm start, saved whole or not at all.
 * @returns undefined when it was asked to stop before the end
 */
export async function makeStart(
  config: ResolvedConfig,
  directory: string,
  stop: AbortSignal,
): Promise<StartFacts | undefined> {
  // Another comparison may have made it since this one looked.
  const known = readStart(directory, startKey(config))
  if (known !== undefined) return known
  const started = performance.now()
  const policy = await openPolicy(config)
  try {
    const { stopStrings, maxResponseTokens } = config.rollout
    const stopping = new Stopping(policy.engine, stop)
    const stopRequested = (): boolean => stop.aborted
    const stoppable = { engine: stopping.engine, stopping, stopRequested, signal: stop }
    const result = await warmStart({
      ...policy,
      ...stoppable,
      config,
      stopStrings,
      maxResponseTokens,
      verifierTimeoutMs: VERIFIER_TIMEOUT_MS,
      onProgress: () => undefined,
    })
    if (result.stopped !== undefined || stop.aborted) return undefined
    const facts: StartFacts = { key: startKey(config), seed: config.seed, ...result }
    const writing = `${directory}.writing`
    rmSync(writing, { recursive: true, force: true })
    mkdirSync(writing, { recursive: true })
    await saveCheckedModel(policy.engine, writing, "f32")
    const time = { at: new Date().toISOString(), seconds: (performance.now() - started) / 1000 }
    writeFileSync(join(writing, factsName), `${JSON.stringify({ ...facts, time }, null, 2)}\n`)
    syncTree(writing)
    rmSync(directory, { recursive: true, force: true })
    renameSync(writing, directory)
    return facts
  } finally {
    await policy.engine.close()
  }
}
