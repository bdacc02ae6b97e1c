/**
 * A reward that another model gives: an LLM judge behind an OpenAI-compatible address.
 *
 *     JUDGE_URL=http://localhost:8000/v1 JUDGE_MODEL=Qwen3-8B npx tsx examples/llm-judge.ts
 *
 * The judge reads question and response and gives points from 0 to 10. At most eight requests are under way at once,
 * one that fails is sent again, and equal responses are paid for once, also over a resume. A run whose judge stays away
 * stops and says why.
 */
import { fileURLToPath } from "node:url"
import { tasks, trainRun, type RowReward, type Task, type TrainObserver, type TrainResult } from "pirl"

export interface Judge {
  /** Up to `/v1`. */
  readonly url: string
  readonly model: string
  readonly key?: string
  /** JSONL file that points are kept in. */
  readonly cache: string
}

interface Poem {
  readonly topic: string
}

const topics = [
  "rain",
  "a lamp",
  "the sea",
  "bread",
  "a fox",
  "snow",
  "an old map",
  "tea",
  "moss",
  "a bridge",
  "iron",
  "dust",
]
const poems: readonly Poem[] = topics.map((topic) => ({ topic }))

/** Asks the judge; what it throws is tried again, and counted as a failure and not as a reward when it stays. */
function points({ url, model, key }: Judge): RowReward<Poem> {
  return async ({ prompt, completion }, signal) => {
    const wanted = "How well does the response do the task? Answer with a number from 0 to 10 alone."
    const question = `Task: ${prompt}\n\nResponse:\n${completion}\n\n${wanted}`
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content: question }] }),
      ...(signal === undefined ? {} : { signal }),
    })
    // With its status, which says whether to ask again.
    if (!response.ok)
      throw Object.assign(new Error(`the judge answered ${response.status}`), { status: response.status })
    const { choices } = (await response.json()) as {
      readonly choices: readonly { readonly message: { readonly content: string } }[]
    }
    const said = choices[0]?.message.content ?? ""
    const number = /\d+(?:\.\d+)?/.exec(said)
    if (number === null) throw new Error(`the judge gave no number: ${said.slice(0, 80)}`)
    return Math.min(1, Number(number[0]) / 10)
  }
}

/** Short poems, a quarter of the topics held out. */
export function poemTask(judge: Judge): Task {
  return tasks.fromRows(poems, {
    name: "poems",
    prompt: ({ topic }) => `Write one line about ${topic}.`,
    reward: points(judge),
    heldOut: 0.25,
    concurrency: 8,
    retries: 3,
    timeoutMs: 20_000,
    cache: judge.cache,
  })
}

export interface JudgedRun {
  readonly judge: Judge
  /** New or empty. */
  readonly runDirectory: string
  readonly steps: number
  /** A model folder, a GGUF file; a small one from scratch when absent, which writes gibberish. */
  readonly model?: string
  readonly observer?: Partial<TrainObserver>
}

/** Rewards between 0 and 1: the run reports their held-out mean, and leaves the policy that had the best. */
export function trainWithJudge({ judge, runDirectory, steps, model, observer = {} }: JudgedRun): Promise<TrainResult> {
  return trainRun({
    task: poemTask(judge),
    runDirectory,
    observer,
    config: {
      model: model === undefined ? { preset: "nano" } : { path: model },
      rollout: { promptsPerStep: 4, groupSize: 4, maxResponseTokens: 24 },
      train: { steps },
      evaluation: { every: 5, keepBest: true },
    },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { JUDGE_URL: url, JUDGE_MODEL: name = "judge", JUDGE_KEY: key, MODEL: model } = process.env
  if (url === undefined)
    throw new Error("Set JUDGE_URL to an OpenAI-compatible address, e.g. http://localhost:8000/v1.")
  const judge = { url, model: name, cache: "runs/judge-cache.jsonl", ...(key === undefined ? {} : { key }) }
  const { summary } = await trainWithJudge({
    judge,
    runDirectory: `runs/poems-${Date.now()}`,
    steps: 20,
    ...(model === undefined ? {} : { model }),
    observer: {
      onNote: console.log,
      onEvaluation: ({ step, greedyReward }) =>
        console.log(`step ${step}: held-out reward ${greedyReward?.toFixed(3)}`),
    },
  })
  const { start, best } = summary.reward ?? { start: 0, best: 0 }
  console.log(`held-out reward ${start.toFixed(3)} to ${best.toFixed(3)} at step ${summary.modelStep}`)
}
