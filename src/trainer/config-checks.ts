/** Checks of a config that need tasks, objectives and presets to be known: reported with those of the config itself. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { ConfigCheck, ResolvedConfig } from "../config/index.ts"
import { checkTaskSettings } from "../data/open-task.ts"
import type { Task } from "../data/task.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { hubNameIn } from "../hub/repository.ts"
import { loraTargets } from "../model/lora.ts"
import { isModelPath } from "../model/open-model.ts"
import { presetConfig } from "../model/presets.ts"
import { objectiveProblems } from "./rule.ts"

function issuesOf(check: () => void, under?: string): ConfigIssue[] {
  try {
    check()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map(({ path, message }) => ({ path: under ?? path, message }))
  }
}

function taskIssues({ task }: ResolvedConfig): ConfigIssue[] {
  return issuesOf(() => checkTaskSettings(task))
}

function modelIssues({ model, engine }: ResolvedConfig): ConfigIssue[] {
  const { path, preset } = model
  if (engine.kind === "tinker") {
    if (path === undefined || existsSync(join(path, "tokenizer.json"))) return []
    return [{ path: "model.path", message: `expected a folder with the tokenizer.json of the server's base model, got ${path}. ${hubAdvice(path) ?? "Check the path."}` }]
  }
  if (preset !== undefined) return issuesOf(() => void presetConfig(preset, { vocabularySize: 1_000_000 }), "model.preset")
  if (path !== undefined && !isModelPath(path)) {
    const found = existsSync(path) ? ", which has neither config.json nor adapter_config.json" : ", which is not there"
    const message = `expected a Hugging Face folder, a .gguf file or a folder of adapters, got ${path}${found}. ${hubAdvice(path) ?? "Check the path."}`
    return [{ path: "model.path", message }]
  }
  return []
}

function hubAdvice(path: string): string | undefined {
  const name = hubNameIn(path)
  return name && `There is no such folder; for the model of that name on the Hugging Face hub set model.hub: ${name} in its place.`
}

function loraIssues({ lora }: ResolvedConfig): ConfigIssue[] {
  return lora.targets
    .filter((target) => !loraTargets.includes(target))
    .map((target) => ({ path: "lora.targets", message: `expected projections among ${loraTargets.join(", ")}, got ${target}. Correct it.` }))
}

const checksBesideTheTask: readonly ConfigCheck[] = [modelIssues, objectiveProblems, loraIssues]

/** For `parseConfig`: all of them, the task being one that the config names. */
export const configChecks: readonly ConfigCheck[] = [taskIssues, ...checksBesideTheTask]

/** The checks of a run whose task may come from code: the config then only carries its name. */
export function checksFor(task: Task | undefined): readonly ConfigCheck[] {
  return task === undefined ? configChecks : checksBesideTheTask
}
