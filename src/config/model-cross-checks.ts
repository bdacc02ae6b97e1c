/** Settings of `model` that are fine one by one and impossible together. */
import type { CrossIssue } from "./cross-checks.ts"
import { isCommit, isHubName } from "./hub-name.ts"
import type { ResolvedConfig } from "./schema.ts"

/** Where a model comes from: exactly one of these. */
const origins = ["path", "hub", "preset"] as const
const originPaths = origins.map((key) => `model.${key}`)

export function modelCrossChecks({ model }: ResolvedConfig): CrossIssue[] {
  return [...originIssues(model), ...presetIssues(model), ...baseIssues(model), ...hubIssues(model)]
}

function baseIssues({ base, path }: ResolvedConfig["model"]): CrossIssue[] {
  if (base === undefined || path !== undefined) return []
  const message =
    "expected `model.path` with the folder of adapters that belong to it, got none. Set it, or " +
    "remove the base."
  return [{ path: "model.base", with: ["model.path"], message }]
}

function originIssues(model: ResolvedConfig["model"]): CrossIssue[] {
  const given = origins.filter((key) => model[key] !== undefined)
  if (given.length === 1) return []
  const message =
    given.length === 0
      ? "expected `path`, `hub` or `preset`, got none of them. Set `model.path` to a Hugging Face folder or a .gguf file, `model.hub` to a model of the " +
        "Hugging Face hub (owner/name), or `model.preset` to the name of a small model from scratch, e.g. nano."
      : `expected one of \`path\`, \`hub\` and \`preset\`, got ${given.join(" and ")}. Remove all but one.`
  return [{ path: "model", with: originPaths, message }]
}

function presetIssues(model: ResolvedConfig["model"]): CrossIssue[] {
  const issues: CrossIssue[] = []
  const saved = model.path !== undefined ? "model.path" : model.hub !== undefined ? "model.hub" : undefined
  for (const key of ["tokenizer", "alphabet", "contextLength"] as const) {
    if (saved === undefined || model.preset !== undefined || model[key] === undefined) continue
    issues.push({
      path: `model.${key}`,
      with: originPaths,
      message: `expected nothing beside \`${saved}\`, which decides it, got a value. Remove it.`,
    })
  }
  if (model.tokenizer === "byte" && model.alphabet !== undefined) {
    issues.push({
      path: "model.alphabet",
      with: ["model.tokenizer"],
      message: "expected nothing with a byte tokenizer, got an alphabet. Remove it, or use tokenizer: character.",
    })
  }
  return issues
}

function hubIssues(model: ResolvedConfig["model"]): CrossIssue[] {
  const { hub, revision, commit } = model
  if (hub === undefined) {
    return (["revision", "commit", "file"] as const)
      .filter((key) => model[key] !== undefined)
      .map((key) => ({ path: `model.${key}`, with: originPaths, message: "expected it only beside `model.hub`, got it without. Remove it." }))
  }
  const issues: CrossIssue[] = []
  if (!isHubName(hub)) {
    const short = hub.replace(/^(?:hub:|hf:\/\/|https?:\/\/[^/]+\/)/, "")
    const fix = short !== hub && isHubName(short) ? `Write ${short}.` : "Copy the name from the top of the model's page, e.g. HuggingFaceTB/SmolLM2-135M-Instruct."
    issues.push({ path: "model.hub", with: [], message: `expected owner/name, got ${JSON.stringify(hub)}. ${fix}` })
  }
  if (model.file !== undefined && !model.file.endsWith(".gguf")) {
    issues.push({
      path: "model.file",
      with: [],
      message:
        `expected the name of a .gguf file, got ${JSON.stringify(model.file)}. Leave it out for a ` +
        "repository with safetensors.",
    })
  }
  if (commit !== undefined && !isCommit(commit)) {
    issues.push({ path: "model.commit", with: [], message: `expected the 40 hexadecimal digits of a commit, got ${JSON.stringify(commit)}. Remove it, or name a branch or tag by \`model.revision\`.` })
  }
  if (commit !== undefined && revision !== undefined && isCommit(revision) && revision !== commit) {
    issues.push({ path: "model.commit", with: ["model.revision"], message: `expected ${revision} as in \`model.revision\`, got ${commit}. Remove one of them.` })
  }
  return issues
}
