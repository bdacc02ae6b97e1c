/** A task over several sources, procedural ones and data sets, with weights. */
import { basename } from "node:path"
import { z } from "zod"
import { ConfigError, DataError } from "../errors.ts"
import type { ConfigIssue } from "../errors.ts"
import { createVerifier } from "../verifiers/registry.ts"
import { createDatasetTask } from "./dataset.ts"
import type { DatasetTask } from "./dataset.ts"
import { parseDatasetOptions } from "./dataset-options.ts"
import type { DatasetOptions } from "./dataset-options.ts"
import { distinct } from "./dataset-split.ts"
import type { NamedVerifier } from "./dataset-verifiers.ts"
import { blockCounts, interleave, scheduledDraw } from "./mixture-schedule.ts"
import { DATASET_NAME, createTask } from "./registry.ts"
import type { Problem, Task } from "./task.ts"
import { parseOptions } from "./task-options.ts"

/** One source: a procedural task by `name`, or a data set, with the options it has on its own. */
export interface MixtureSource {
  /** Name of a procedural task; a data set when absent or `dataset`. */
  readonly name?: string
  /** Share of the training problems relative to the other weights. Default 1. */
  readonly weight?: number
  /** Name in metrics, for problems whose rows have no source of their own. Default: the task's or file's name. */
  readonly source?: string
  readonly [option: string]: unknown
}

export interface MixtureOptions {
  readonly sources: readonly MixtureSource[]
  /** Chooses the held-out problems of sources without a seed of their own. Default 0. */
  readonly seed?: number | undefined
}

const sourceSchema = z.looseObject({
  name: z.string().min(1).default(DATASET_NAME),
  weight: z.number().positive().max(1e9).default(1),
  source: z
    .string()
    .regex(/^[^:]+$/, { error: "a name without a colon" })
    .optional(),
})

const mixtureSchema = z.strictObject({
  sources: z
    .array(sourceSchema)
    .min(1)
    .describe("procedural tasks by name and data sets, each with weight, source and its own options"),
  seed: z.int().default(0).describe("chooses the held-out problems of sources without a seed of their own"),
})

interface Part {
  readonly label: string
  readonly task: Task
  /** Prompts held out by the other parts: this one does not train on them. */
  readonly foreign: Set<string>
}

type ParsedSource = z.output<typeof sourceSchema>

function labelOf({ source, name, path, hub }: ParsedSource): string {
  const place = [hub, path].find((one) => typeof one === "string")
  return (
    source ??
    (name === DATASET_NAME && typeof place === "string" ? basename(place).replace(/\.[^.]+$/, "") : name).replaceAll(
      ":",
      "-",
    )
  )
}

/** Errors of a part name its own options; here they are told with its place in the list. */
function issuesOfSource(error: unknown, index: number): ConfigIssue[] {
  if (!(error instanceof ConfigError)) throw error
  return error.issues.map(({ path, message }) => ({ path: path.replace(/^task\b/, `task.sources.${index}`), message }))
}

async function openPart(
  source: ParsedSource,
  index: number,
  seed: number,
  named: NamedVerifier,
): Promise<Task | DatasetTask> {
  const { name, weight: _weight, source: _source, ...own } = source
  const options = { seed, ...own }
  try {
    // What a config holds is not typed; createDatasetTask checks every option.
    return name === DATASET_NAME
      ? await createDatasetTask(options as unknown as DatasetOptions, named)
      : createTask(name, options)
  } catch (error) {
    throw new ConfigError(issuesOfSource(error, index), { cause: error })
  }
}

/**
 * Checks the options of a mixture and of all its sources, reading no file.
 * @throws ConfigError  with every problem, at `task.sources.<index>`
 */
export function checkMixtureOptions(options: unknown): void {
  const { sources } = parseOptions(mixtureSchema, options, "mixture")
  checkLabels(sources.map(labelOf))
  const issues = sources.flatMap(({ name, weight: _weight, source: _source, ...own }, i) => {
    try {
      if (name === DATASET_NAME) parseDatasetOptions(own)
      else createTask(name, own)
      return []
    } catch (error) {
      return issuesOfSource(error, i)
    }
  })
  if (issues.length > 0) throw new ConfigError(issues)
}

function checkLabels(labels: readonly string[]): void {
  const repeated = labels.findIndex((label, i) => labels.indexOf(label) < i)
  if (repeated < 0) return
  const message = `mixture: expected a name of its own for each source, got ${JSON.stringify(labels[repeated])} twice. Set source.`
  throw new ConfigError([{ path: `task.sources.${repeated}.source`, message }])
}

/** A data set must not train on what another one holds out. */
function checkApart(tasks: readonly (Task | DatasetTask)[], labels: readonly string[]): void {
  for (const [i, trained] of tasks.entries()) {
    if (!("placed" in trained)) continue
    const questions = distinct(trained.placed.train)
    for (const [j, held] of tasks.entries()) {
      if (i === j || !("placed" in held)) continue
      const shared = held.placed.heldOut.filter(({ question }) => questions.has(question))
      if (shared.length === 0) continue
      const places = `${shared[0].place} and ${questions.get(shared[0].question)!.place}`
      throw new DataError(
        `mixture: expected no held-out question of ${labels[j]} in the training data of ${labels[i]}, got ${shared.length} ` +
          `(first: ${places}). Give ${labels[j]} a held-out file and name it in disjointFrom of ${labels[i]}, with overlap: drop.`,
      )
    }
  }
}

const promptOf = ({ prompt }: Problem): string => JSON.stringify(prompt)

/** So many problems in a row that another source holds out mean that nothing else is left. */
const MOST_SKIPPED = 1000
/** Distance to the next candidate within a source's stream: far from the positions near by. */
const SKIP = 1_000_003

function combined<T>(values: readonly (T | undefined)[], combine: (known: readonly T[]) => T): T | undefined {
  const known = values.filter((value): value is T => value !== undefined)
  return known.length === values.length ? combine(known) : undefined
}

/**
 * A task that draws from several. Training problems come in the ratio of the weights, exactly so in every block of the
 * stream; held-out problems are those of all sources. Ids are `<source>:<id>`.
 * @param named  finds verifiers by name; the registry's when absent
 * @throws ConfigError  for wrong options, at `task.sources.<index>`
 * @throws DataError    when a data set cannot be used, or one trains on what another holds out
 */
export async function createMixtureTask(options: unknown, named: NamedVerifier = createVerifier): Promise<Task> {
  const { sources, seed } = parseOptions(mixtureSchema, options, "mixture")
  const labels = sources.map(labelOf)
  checkLabels(labels)
  const tasks: (Task | DatasetTask)[] = []
  for (const [i, source] of sources.entries()) tasks.push(await openPart(source, i, seed, named))
  checkApart(tasks, labels)
  return mixtureOf(tasks, labels, blockCounts(sources.map(({ weight }) => weight)))
}

/** @param counts  problems of each task in a block of the stream */
function mixtureOf(tasks: readonly Task[], labels: readonly string[], counts: readonly number[]): Task {
  const heldOutPrompts = tasks.map(({ heldOut }) => heldOut.map(promptOf))
  const parts = tasks.map((task, i): Part => ({
    label: labels[i],
    task,
    foreign: new Set(heldOutPrompts.filter((_, j) => j !== i).flat()),
  }))
  const labelled = (part: Part, problem: Problem): Problem => ({
    ...problem,
    id: `${part.label}:${problem.id}`,
    source: problem.source ?? part.label,
  })

  const alphabet = combined(
    tasks.map((task) => task.alphabet),
    (known) => [...new Set(known.join(""))].join(""),
  )
  const longest = combined(
    tasks.map((task) => task.maxResponseCharacters),
    (known) => Math.max(...known),
  )
  const notes = tasks.flatMap((task, i) => (task.notes ?? []).map((note) => `${labels[i]}: ${note}`))
  const files = tasks.flatMap((task) => task.files ?? [])
  return {
    name: "mixture",
    ...(notes.length === 0 ? {} : { notes }),
    ...(files.length === 0 ? {} : { files }),
    ...(tasks.every((task) => task.limitPrompts === undefined)
      ? {}
      : {
          limitPrompts: (tokensOf) =>
            mixtureOf(
              tasks.map((task) => task.limitPrompts?.(tokensOf) ?? task),
              labels,
              counts,
            ),
        }),
    trainSize: combined(
      tasks.map(({ trainSize }) => trainSize),
      (known) => known.reduce((sum, size) => sum + size, 0),
    ),
    trainProblem(streamSeed, position) {
      const draw = scheduledDraw(counts, streamSeed, position)
      const part = parts[draw.source]
      for (let skipped = 0; skipped < MOST_SKIPPED; skipped++) {
        const problem = part.task.trainProblem(streamSeed, draw.position + skipped * SKIP)
        if (!part.foreign.has(promptOf(problem))) return labelled(part, problem)
      }
      throw new DataError(
        `mixture: expected training problems of ${part.label} that no other source holds out, got none. Hold out fewer.`,
      )
    },
    heldOut: interleave(parts.map((part) => part.task.heldOut.map((problem) => labelled(part, problem)))),
    verifierFor(problem) {
      const end = problem.id.indexOf(":")
      const part = parts.find(({ label }) => label === problem.id.slice(0, end))
      if (part === undefined)
        throw new DataError(
          `mixture: expected a problem of ${labels.join(", ")}, got ${problem.id}. Ask the task it is from.`,
        )
      return part.task.verifierFor({ ...problem, id: problem.id.slice(end + 1) })
    },
    ...(alphabet === undefined ? {} : { alphabet }),
    ...(longest === undefined ? {} : { maxResponseCharacters: longest }),
  }
}
