/** What the server answers. Every answer is read from a run of the catalogue; a parameter that makes no sense is refused with words. */
import type { ServerResponse } from "node:http"
import type { ColumnsQuery, ComparisonAnswer, ComparisonQuery, CompletionsQuery, LogName } from "../api.ts"
import type { AppFiles } from "./app-files.ts"
import type { Catalogue } from "./catalogue.ts"
import { ChoiceError } from "./comparison-source.ts"
import type { LiveUpdates } from "./live.ts"
import type { RunSource } from "./run-source.ts"

/** A request that cannot be answered. */
export class RequestError extends Error {
  readonly status: 400 | 404

  constructor(status: 400 | 404, message: string) {
    super(message)
    this.status = status
  }
}

/** Body, or `undefined` when the route writes to the response itself. */
export interface Answer {
  readonly type: string
  readonly body: string
}

export interface RouteContext {
  readonly app: AppFiles
  readonly catalogue: Catalogue
  readonly live: LiveUpdates
}

const json = (value: unknown): Answer => ({ type: "application/json; charset=utf-8", body: JSON.stringify(value) })

/** Answers a request that may be answered. */
export async function route(url: URL, response: ServerResponse, context: RouteContext): Promise<Answer | undefined> {
  const { app, catalogue, live } = context
  if (url.pathname === "/") return { type: "text/html; charset=utf-8", body: app.html }
  if (url.pathname === "/app.js") return { type: "text/javascript; charset=utf-8", body: app.script }
  if (url.pathname === "/app.css") return { type: "text/css; charset=utf-8", body: app.style }
  if (url.pathname === "/api/live") {
    // Who asks for the head alone would never let go of the stream.
    if (response.req.method === "HEAD") return { type: "text/event-stream", body: "" }
    live.add(response)
    return undefined
  }
  if (url.pathname === "/api/runs") {
    const runs = await Promise.all(catalogue.runs().map((source) => source.info()))
    return json({ runs })
  }
  const match = /^\/api\/runs\/([0-9a-f]{12})(?:\/([a-z]+))?$/.exec(url.pathname)
  if (match === null) throw new RequestError(404, "there is nothing at this address")
  const source = catalogue.run(match[1]!)
  if (source === undefined) throw new RequestError(404, "there is no such run; it may have been deleted")
  if (match[2] === "comparison") return json(await comparisonOf(source, catalogue, comparisonQuery(url.searchParams)))
  return runRoute(source, match[2], url.searchParams)
}

async function comparisonOf(run: RunSource, catalogue: Catalogue, query: ComparisonQuery): Promise<ComparisonAnswer> {
  const comparison = catalogue.comparison(run)
  if (comparison === undefined) {
    const { comparison: name } = run.place
    const reason = name === null ? "This run belongs to no comparison." : `This run seems to belong to the comparison ${name}, whose folder was not named: only what is inside the folders that \`pirl watch\` was given is shown. Give it the comparison's folder.`
    return { kind: "none", reason }
  }
  try {
    return await comparison.answer(query)
  } catch (error) {
    throw error instanceof ChoiceError ? new RequestError(400, error.message) : error
  }
}

function comparisonQuery(parameters: URLSearchParams): ComparisonQuery {
  const choice = <T extends string>(name: string, known: readonly T[]): T | undefined => {
    const given = parameters.get(name)
    if (given === null || given === "") return undefined
    const found = known.find((word) => word === given)
    if (found === undefined) throw new RequestError(400, `${name}: expected ${known.join(", ")}`)
    return found
  }
  const query = {
    match: choice("match", ["rollouts", "updates", "seconds"]),
    measure: choice("measure", ["expected", "greedy"]),
    against: parameters.get("against") || undefined,
  }
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
}

async function runRoute(source: RunSource, part: string | undefined, parameters: URLSearchParams): Promise<Answer> {
  switch (part) {
    case undefined:
      return json(await source.detail(Date.now()))
    case "columns":
      return json(await source.columns(columnsQuery(parameters)))
    case "numbers":
      return json(await source.numbers())
    case "timeline":
      return json(await source.timeline(integer(parameters, "points", 1, 20_000) ?? 2000))
    case "completions":
      return json(await source.completions(completionsQuery(parameters)))
    case "group":
      return json(await source.group(required(integer(parameters, "step", 0), "step"), integer(parameters, "group", 0) ?? null))
    case "text": {
      const text = await source.wholeCompletion(parameters.get("key") ?? "")
      if (text === undefined) throw new RequestError(404, "there is no response at this place")
      return { type: "text/plain; charset=utf-8", body: text }
    }
    default:
      throw new RequestError(404, "there is nothing at this address")
  }
}

function columnsQuery(parameters: URLSearchParams): ColumnsQuery {
  const log = parameters.get("log") ?? "metrics"
  if (log !== "metrics" && log !== "evaluations") throw new RequestError(400, "log: expected metrics or evaluations")
  const [from, to] = [integer(parameters, "from", 0), integer(parameters, "to", 0)]
  const [generation, width, rows] = ["generation", "width", "rows"].map((name) => integer(parameters, name, 0))
  return {
    log: log satisfies LogName,
    points: integer(parameters, "points", 1, 20_000) ?? 1000,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(generation === undefined || width === undefined || rows === undefined ? {} : { have: { generation, width, rows } }),
  }
}

function completionsQuery(parameters: URLSearchParams): CompletionsQuery {
  const number = (name: string): number | undefined => {
    const text = parameters.get(name)
    if (text === null || text === "") return undefined
    const value = Number(text)
    if (!Number.isFinite(value)) throw new RequestError(400, `${name}: expected a number`)
    return value
  }
  const text = (name: string, most: number): string | undefined => {
    const value = parameters.get(name)
    if (value !== null && value.length > most) throw new RequestError(400, `${name}: expected at most ${most} characters`)
    return value === null || value === "" ? undefined : value
  }
  const query = {
    fromStep: integer(parameters, "fromStep", 0),
    toStep: integer(parameters, "toStep", 0),
    minReward: number("minReward"),
    maxReward: number("maxReward"),
    status: text("status", 40),
    problem: text("problem", 1000),
    text: text("text", 200),
    cursor: text("cursor", 200),
  }
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
  return { limit: integer(parameters, "limit", 1, 200) ?? 50, ...given }
}

function integer(parameters: URLSearchParams, name: string, least: number, most: number = 2 ** 31 - 1): number | undefined {
  const text = parameters.get(name)
  if (text === null || text === "") return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most) throw new RequestError(400, `${name}: expected an integer from ${least} to ${most}`)
  return value
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new RequestError(400, `${name}: expected a value, got none`)
  return value
}
