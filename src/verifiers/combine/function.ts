/** A function of the user's: given in code, or named by its module in a config. */
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { ConfigError, VerifierError } from "../../errors.ts"
import type { Verdict, Verifier, VerifierInput } from "../verifier.ts"

/** A verdict, a reward (from 0.5 on the response counts as right), or whether the response is right. */
export type FunctionResult = Verdict | number | boolean

/** @param options  what stands under `options` in the config */
export type VerifierFunction = (
  input: VerifierInput,
  options: Readonly<Record<string, unknown>>,
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

/** A verifier out of a function, run in the calling thread. */
export function functionVerifier(name: string, judge: VerifierFunction): Verifier {
  return {
    name,
    async verify(input) {
      return verdictOf(await judge(input, {}), name)
    },
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

/** Node from 22.18 on, and a development checkout with its loader. */
function canLoadTypeScript(): boolean {
  return Boolean((process.features as { readonly typescript?: unknown }).typescript) || import.meta.url.endsWith(".ts")
}

/**
 * A verifier out of a function of a module, which is loaded in the pool at the first use.
 * @throws ConfigError  when there is no such file, or this Node cannot load it
 */
export function functionModuleVerifier(options: FunctionModuleOptions, path: string = "verifier"): Verifier {
  const file = resolve(options.module)
  if (!existsSync(file)) {
    throw new ConfigError([
      { path: `${path}.module`, message: `function: expected a module at ${file}, got nothing there. Check the path.` },
    ])
  }
  if (/\.[cm]?ts$/u.test(file) && !canLoadTypeScript()) {
    const message = `function: expected a JavaScript module, got ${options.module}. Compile it, or use a Node that reads TypeScript (22.18 or newer).`
    throw new ConfigError([{ path: `${path}.module`, message }])
  }
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
