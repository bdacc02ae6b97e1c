/**
 * What may change between a run and its continuation.
 */
import type { ConfigIssue } from "../errors.ts"
import { describeValue } from "./issues.ts"
import { isSection } from "./parse.ts"
import type { ResolvedConfig } from "./schema.ts"

/** Sections and settings that do not decide what is learnt in the steps already made. */
const free: readonly string[] = ["train.steps", "train.runDir", "evaluation", "checkpoint", "engine", "logging"]

/** Dotted paths of the settings in which two configurations differ. */
export function configChanges(before: ResolvedConfig, after: ResolvedConfig): string[] {
  return differences(before, after, "")
}

function differences(before: unknown, after: unknown, path: string): string[] {
  if (isSection(before) && isSection(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => differences(before[key], after[key], path === "" ? key : `${path}.${key}`))
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path]
}

/**
 * The changes that a resumed run cannot take, since its first part was trained otherwise. Length of the run,
 * evaluation, checkpoints, engine and logging may change.
 */
export function resumeIssues(before: ResolvedConfig, after: ResolvedConfig): ConfigIssue[] {
  return configChanges(before, after)
    .filter((path) => path === "engine.kind" || !free.some((allowed) => path === allowed || path.startsWith(`${allowed}.`)))
    .map((path) => ({
      path,
      message:
        `expected ${describeValue(settingAt(before, path))} as in the run that is resumed, got ` +
        `${describeValue(settingAt(after, path))}. Set it back, or start a new run in another folder.`,
    }))
}

function settingAt(config: ResolvedConfig, path: string): unknown {
  let value: unknown = config
  for (const key of path.split(".")) value = isSection(value) ? value[key] : undefined
  return value
}
