/** A function of the user's: given in code, or named by its module in a config. */
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { ConfigError, VerifierError } from "../../errors.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"
import { VerdictCache, wholeDeadline, withAttempts, type PatienceOptions } from "./patience.ts"

/** A verdict, a reward (from 0.5 on the response counts as right), or whether the response is right. */
export type FunctionResult = Verdict | number | boolean

/**
 * @param input    the response, what was asked (`prompt`, `messages`), the ground truth and the row
 * @param options  what stands under `options` in the config
 * @param signal   aborted when nobody waits any more: for `fetch`
 */
export type VerifierFunction = (
  input: VerifierInput,
  options: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
) => FunctionResult | Promise<FunctionResult>

export interface FunctionModuleOptions {
  /** Path of a JavaScript module, from the working directory. */
  readonly module: string
  /** Name of the exported function. Default `default`. */
  readonly export?: string
  /** Given to the function as they are. */
  readonly options?: Readonly<Record<string, unknown>>
}

const RIGHT_FROM = 0.5

function verdictOf(result: unknown, name: string): Verdict {
  const reward = typeof result === "boolean" ? Number(result) : result
  if (typeof reward === "number" && Number.isFinite(reward)) {
    return { status: reward >= RIGHT_FROM ? "correct" : "incorrect", reward, reason: `${name} gave ${String(result)}` }
  }
  const verdict = result as Partial<Verdict> | null
  if (
    typeof verdict === "object" &&
    verdict !== null &&
    typeof verdict.status === "string" &&
    typeof verdict.reward === "number"
  ) {
    return { ...(verdict as Verdict), reason: verdict.reason ?? "" }
  }
  throw new VerifierError(
    `${name}: expected a verdict, a finite number or a boolean, got ${String(JSON.stringify(result))}. Change the function.`,
  )
}

/**
 * A verifier out of a function, run in the calling thread.
 * @param patience  for functions that ask a server: calls at once, further attempts, a cache
 */
export function functionVerifier(name: string, judge: VerifierFunction, patience: PatienceOptions = {}): Verifier {
  const { concurrency, retries, timeoutMs, cache = false } = patience
  checkPatience(name, patience)
  const known = cache === false ? undefined : new VerdictCache(cache)
  const ask = async (input: VerifierInput, signal?: AbortSignal): Promise<Verdict> =>
    verdictOf(await judge(input, {}, signal), name)
  const isPatient = retries !== undefined || timeoutMs !== undefined
  const askAgain = isPatient
    ? (input: VerifierInput, signal?: AbortSignal) => withAttempts((inner) => ask(input, inner), patience, signal)
    : ask
  return {
    name,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(isPatient ? { timeoutMs: wholeDeadline(patience) } : {}),
    verify: async (input, signal) =>
      known === undefined ? askAgain(input, signal) : known.get(name, input, () => askAgain(input, signal)),
  }
}

/** @throws VerifierError  when the module throws as it is loaded, or cannot be read */
async function imported(url: string, module: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    throw new VerifierError(`function: expected ${module} to load, got ${reason}. Correct the module.`, { cause })
  }
}

function checkPatience(name: string, { concurrency = 1, retries = 0, timeoutMs = 1 }: PatienceOptions): void {
  const issues = [
    ["concurrency", concurrency, 1],
    ["retries", retries, 0],
    ["timeoutMs", timeoutMs, 1],
  ] as const
  for (const [option, value, least] of issues) {
    if (Number.isInteger(value) && value >= least) continue
    const message = `${name}: expected ${option} to be a whole number from ${least} on, got ${value}. Correct it.`
    throw new ConfigError([{ path: option, message }])
  }
}

/** Node from 22.18 on, and a process with a loader for it, as tsx is. */
function canLoadTypeScript(): boolean {
  return (
    Boolean((process.features as { readonly typescript?: unknown }).typescript) ||
    import.meta.url.endsWith(".ts") ||
    hasTypeScriptLoader()
  )
}

/** tsx names itself to the processes that it starts, and NODE_OPTIONS names it: `--import tsx`. */
function hasTypeScriptLoader(): boolean {
  const options = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""]
  return options.some((option) => /\btsx\b/u.test(option))
}

/**
 * File of a module that a config names.
 * @param who   for messages
 * @param path  place of the setting in the config
 * @throws ConfigError  when there is no such file, or this Node cannot load it
 */
export function moduleFile(module: string, who: string, path: string): string {
  const file = resolve(module)
  if (!existsSync(file)) {
    const message = `${who}: expected a module at ${file}, got nothing there. Check the path.`
    throw new ConfigError([{ path, message }])
  }
  if (/\.[cm]?ts$/u.test(file) && !canLoadTypeScript()) {
    const ways =
      "Use a Node that reads TypeScript (22.18 or newer), set NODE_OPTIONS='--import tsx' with tsx installed, " +
      "or compile it."
    const message = `${who}: expected a JavaScript module, got ${module}. ${ways}`
    throw new ConfigError([{ path, message }])
  }
  return file
}

/**
 * A verifier out of a function of a module, which is loaded in the pool at the first use.
 * @throws ConfigError  when there is no such file, or this Node cannot load it
 */
export function functionModuleVerifier(options: FunctionModuleOptions, path: string = "verifier"): Verifier {
  const file = moduleFile(options.module, "function", `${path}.module`)
  const name = options.export ?? "default"
  const who = `function ${name} of ${options.module}`
  let loaded: Promise<VerifierFunction> | undefined
  const load = async (): Promise<VerifierFunction> => {
    const module = await imported(pathToFileURL(file).href, options.module)
    const judge = module[name]
    if (typeof judge === "function") return judge as VerifierFunction
    throw new VerifierError(
      `${who}: expected an exported function, got ${typeof judge}. The exports are ${Object.keys(module).join(", ")}.`,
    )
  }
  return {
    name: "function",
    async verify(input) {
      loaded ??= load()
      const judge = await loaded
      return verdictOf(await judge(input, options.options ?? {}), who)
    },
  }
}
