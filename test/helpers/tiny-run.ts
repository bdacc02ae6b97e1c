/** A run of seconds, and what it leaves. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stringify } from "yaml"
import { readJsonl, type JsonRecord } from "../../src/runs/jsonl-log.ts"

type Section = Readonly<Record<string, unknown>>

/** A config as it is written; `null` takes a section away. */
export type ConfigText = Readonly<Record<string, Section | number | null>>

/**
 * A model from scratch that learns whether the sum is 0, 1 or 2 modulo 3: after a few supervised steps about a third of its
 * responses are right, so that rewards, advantages and xi differ from step to step.
 */
const tiny: Readonly<Record<string, Section | number>> = {
  seed: 3,
  model: { preset: "nano" },
  task: { name: "modular", modulus: 3, heldOutSize: 4 },
  warmStart: { maxSteps: 20, batchSize: 32, warmupSteps: 5, targetAccuracy: 1, evalEvery: 20 },
  rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 4 },
  pipo: { minSteps: 2 },
  train: { steps: 12 },
  evaluation: { every: 3 },
  checkpoint: { every: 2 },
  engine: { threads: 1 },
}

/** The tiny config with sections replaced or extended. */
export function tinyConfig(changes: ConfigText = {}): Readonly<Record<string, unknown>> {
  const config: Record<string, unknown> = { ...tiny }
  for (const [name, change] of Object.entries(changes)) {
    const base = tiny[name]
    if (change === null) delete config[name]
    else config[name] = typeof change === "object" && typeof base === "object" ? { ...base, ...change } : change
  }
  return config
}

/** A folder of a test file, with new names in it. */
export class Workspace {
  readonly directory: string = mkdtempSync(join(tmpdir(), "pirl-test-"))
  #names = 0

  /** A path that nothing is at. */
  fresh(name: string): string {
    return join(this.directory, `${name}-${this.#names++}`)
  }

  /** Writes a config and returns its path. */
  config(value: unknown): string {
    const path = `${this.fresh("config")}.yaml`
    writeFileSync(path, typeof value === "string" ? value : stringify(value))
    return path
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** What a run has measured, without what depends on the clock. */
export interface Measured {
  readonly metrics: readonly JsonRecord[]
  readonly evaluations: readonly JsonRecord[]
  readonly completions: readonly JsonRecord[]
}

function withoutTime({ time: _time, ...rest }: JsonRecord): JsonRecord {
  return rest
}

/** The logs of a run folder. */
export function measured(directory: string): Measured {
  const read = (file: string): JsonRecord[] => readJsonl(join(directory, file)).records.map(withoutTime)
  const completions = join(directory, "completions")
  return {
    metrics: read("metrics.jsonl"),
    evaluations: read("evaluations.jsonl"),
    completions: (existsSync(completions) ? readdirSync(completions) : [])
      .sort()
      .flatMap((file) => read(join("completions", file))),
  }
}

/** Messages of events.jsonl. */
export function eventsOf(directory: string): { readonly kind: string; readonly message: string }[] {
  return readJsonl(join(directory, "events.jsonl")).records as unknown as { kind: string; message: string }[]
}

/** Steps of the complete checkpoints, in order. */
export function checkpointsOf(directory: string): number[] {
  return readdirSync(join(directory, "checkpoints"))
    .filter((name) => /^step-\d+$/.test(name))
    .map((name) => Number(name.slice("step-".length)))
    .sort((a, b) => a - b)
}
