/**
 * Starts SkyRL's server of the Tinker protocol on the CPU (JAX backend) and ends it again. Nothing of SkyRL is in this
 * repository: it runs from a Python environment, and optionally a checkout, that the user names.
 *
 *   node scripts/skyrl-server.mjs --python VENV/bin/python --model MODEL_FOLDER [options]
 *
 * SkyRL's API process starts its engine process with `uv run`, and copies the flags from the command line of its own parent. Here a script
 * named `uv`, first on the PATH, takes the place of uv for both: it drops everything before `-m` and runs the named Python. So nothing is
 * installed or resolved at start, and uv need not exist.
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { parseArgs } from "node:util"

const HELP = `Usage: node scripts/skyrl-server.mjs --python PYTHON --model FOLDER [options]

Starts SkyRL's Tinker-protocol server on 127.0.0.1, on the CPU, and ends it on Ctrl-C.

Options:
  --python PYTHON      Python of an environment that has skyrl[tinker,jax]
  --model FOLDER       A Hugging Face folder of a Qwen3 or Llama model, the base model
  --source FOLDER      A checkout of SkyRL, used in place of the installed package
  --state FOLDER       Database, checkpoints and log; a server started again with it knows its checkpoints
                       (default: a temporary folder, removed at the end)
  --port N             Default 0: a free port
  --backend-config J   JSON of SkyRL's JaxBackendConfig, merged over the default
                       {"max_lora_adapters":4,"max_lora_rank":32,"sample_max_num_sequences":128,"train_micro_batch_size":64}
  --engine-option K=V  Further option of the engine, e.g. session-timeout-sec=30 (repeatable)
  --timeout SECONDS    Longest wait for the engine to be ready (default 300)
  --help               Show this text
`

/** Compiled once per shape: a fixed number of sequences keeps JAX from compiling again for every batch. */
const BACKEND_CONFIG = { max_lora_adapters: 4, max_lora_rank: 32, sample_max_num_sequences: 128, train_micro_batch_size: 64 }

/** Without `exec`: the API looks for `uv run` in the command line of its parent, which is this script. */
const UV = `#!/bin/sh
while [ $# -gt 0 ] && [ "$1" != "-m" ]; do shift; done
"$SKYRL_PYTHON" "$@"
exit $?
`

const ENGINE_READY = "Starting background engine"

class UserError extends Error {}

function readOptions() {
  const { values } = parseArgs({
    options: {
      python: { type: "string" },
      model: { type: "string" },
      source: { type: "string" },
      state: { type: "string" },
      port: { type: "string", default: "0" },
      "backend-config": { type: "string", default: "{}" },
      "engine-option": { type: "string", multiple: true, default: [] },
      timeout: { type: "string", default: "300" },
      help: { type: "boolean", default: false },
    },
  })
  return values
}

/** @throws UserError  all that is wrong with the options, at once */
function checked(options) {
  const problems = []
  if (process.platform === "win32") problems.push("expected Linux or macOS: the processes are joined by a shell script.")
  if (options.python === undefined) problems.push("expected --python, the Python of an environment with skyrl[tinker,jax].")
  if (options.model === undefined) problems.push("expected --model, a model folder.")
  else if (!existsSync(join(options.model, "config.json"))) problems.push(`expected a folder with config.json as --model, got ${options.model}.`)
  if (options.source !== undefined && !existsSync(join(options.source, "skyrl", "tinker", "api.py"))) {
    problems.push(`expected a checkout with skyrl/tinker/api.py as --source, got ${options.source}.`)
  }
  if (!/^\d+$/.test(options.port)) problems.push(`expected a port number as --port, got ${options.port}.`)
  if (!(Number(options.timeout) > 0)) problems.push(`expected seconds as --timeout, got ${options.timeout}.`)
  for (const option of options["engine-option"]) if (!/^[\w-]+=/.test(option)) problems.push(`expected K=V as --engine-option, got ${option}.`)
  let backendConfig = {}
  try {
    backendConfig = JSON.parse(options["backend-config"])
  } catch (error) {
    problems.push(`expected JSON as --backend-config: ${error.message}.`)
  }
  if (problems.length > 0) throw new UserError(problems.map((problem) => `skyrl-server: ${problem}`).join("\n"))
  const python = options.python.includes("/") ? resolve(options.python) : options.python
  return { ...options, python, model: resolve(options.model), backendConfig: { ...BACKEND_CONFIG, ...backendConfig } }
}

/** What runs where; also finds out that the environment lacks something before a server is started. */
function environment(options, folder) {
  const uv = join(folder, "bin", "uv")
  mkdirSync(join(folder, "bin"), { recursive: true })
  writeFileSync(uv, UV, { mode: 0o755 })
  const env = {
    ...process.env,
    SKYRL_PYTHON: options.python,
    PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`,
    JAX_PLATFORMS: "cpu",
    HF_HUB_OFFLINE: "1",
    PYTHONUNBUFFERED: "1",
    ...(options.source === undefined ? {} : { PYTHONPATH: resolve(options.source) }),
  }
  const script = "import skyrl, jax, flax, transformers as t; print(f'SkyRL {skyrl.__version__}, jax {jax.__version__}, flax {flax.__version__}, transformers {t.__version__}, {skyrl.__file__}')"
  const probe = spawnSync(options.python, ["-c", script], { env, encoding: "utf8" })
  if (probe.status !== 0) {
    throw new UserError(`skyrl-server: expected skyrl[tinker,jax] in the environment of ${options.python}, got:\n${probe.error?.message ?? probe.stderr}`)
  }
  return { env, uv, versions: probe.stdout.trim().split("\n").at(-1) }
}

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((done, failed) => {
    const server = createServer()
    server.once("error", failed)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}

async function healthy(url) {
  try {
    const answer = await fetch(`${url}/api/v1/healthz`, { signal: AbortSignal.timeout(2000) })
    return answer.ok
  } catch {
    return false
  }
}

function tail(log) {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-30).join("\n")
}

/** The API answers before the engine has read the model, so both are waited for. */
async function ready(url, log, timeoutMs, over) {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline) {
    if (over.aborted) return undefined
    if (readFileSync(log, "utf8").includes(ENGINE_READY) && (await healthy(url))) return undefined
    await new Promise((done) => setTimeout(done, 250))
  }
  throw new UserError(`${tail(log)}\nskyrl-server: expected a server that is ready within ${timeoutMs / 1000} s, got the log above.`)
}

/** Ends API and engine, which are one process group: politely, then for good. */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return killGroup(child, "SIGKILL")
  const ended = new Promise((done) => child.once("exit", done))
  killGroup(child, "SIGTERM")
  await Promise.race([ended, new Promise((done) => setTimeout(done, 10_000).unref())])
  killGroup(child, "SIGKILL")
}

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if (error.code !== "ESRCH") throw error
  }
}

async function main() {
  const raw = readOptions()
  if (raw.help) return console.log(HELP)
  const options = checked(raw)
  const folder = mkdtempSync(join(tmpdir(), "skyrl-server-"))
  const over = new AbortController()
  let child
  try {
    const { env, uv, versions } = environment(options, folder)
    const state = resolve(options.state ?? join(folder, "state"))
    mkdirSync(state, { recursive: true })
    const port = Number(options.port) || (await freePort())
    const url = `http://127.0.0.1:${port}`
    const args = ["run", "-m", "skyrl.tinker.api", "--host", "127.0.0.1", "--port", String(port), "--base-model", options.model]
    args.push("--backend", "jax", "--backend-config", JSON.stringify(options.backendConfig))
    args.push("--checkpoints-base", join(state, "checkpoints"), "--database-url", `sqlite:///${join(state, "tinker.db")}`)
    for (const option of options["engine-option"]) args.push(`--${option.slice(0, option.indexOf("="))}`, option.slice(option.indexOf("=") + 1))

    const log = join(state, "server.log")
    const output = openSync(log, "w")
    child = spawn(uv, args, { env, cwd: state, detached: true, stdio: ["ignore", output, output] })
    const stopped = new Promise((done) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => done(signal))
      child.once("exit", (code, signal) => done(`exit ${code ?? signal}`))
    })
    const early = await Promise.race([ready(url, log, Number(options.timeout) * 1000, over.signal), stopped])
    if (early === undefined) console.log(`${versions}\n${url}  base model ${options.model}  (log ${log})`)
    const reason = early ?? (await stopped)
    if (reason.startsWith("exit")) throw new UserError(`${tail(log)}\nskyrl-server: expected a server that runs until it is stopped, got ${reason} and the log above.`)
  } finally {
    over.abort()
    if (child?.pid !== undefined) await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UserError || error.code?.startsWith?.("ERR_PARSE_ARGS") ? error.message : error)
  process.exitCode = 1
}
