/** The launcher of SkyRL's server, with a Python of our own in place of SkyRL. */
import { execFile, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, test } from "vitest"

const SCRIPT = fileURLToPath(new URL("../scripts/skyrl-server.mjs", import.meta.url))

/** Plays API and engine: the API starts the engine with `uv run`, as SkyRL's does, and answers /healthz. */
const PYTHON = `
const { spawn } = require("node:child_process")
const { writeFileSync } = require("node:fs")
const [flag, name, ...args] = process.argv.slice(2)
if (flag === "-c") { console.log("SkyRL 9.9"); process.exit(0) }
writeFileSync(process.env.FOLDER + "/" + name + ".json", JSON.stringify({ pid: process.pid, args }))
if (name.endsWith("engine")) {
  console.log("Starting background engine...")
  setInterval(() => undefined, 1000)
} else if (args.includes("--fail")) {
  console.error("ModuleNotFoundError: no such luck")
  process.exit(3)
} else {
  spawn("uv", ["run", "--extra", "jax", "-m", "skyrl.tinker.engine", "--base-model", "m"], { stdio: "inherit" })
  const server = require("node:http").createServer((_, answer) => answer.end("{}"))
  server.listen(Number(args[args.indexOf("--port") + 1]), "127.0.0.1")
}
`

let folder: string
let python: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pirl-skyrl-"))
  python = join(folder, "python")
  writeFileSync(join(folder, "python.cjs"), PYTHON)
  writeFileSync(python, `#!/bin/sh\nexec "${process.execPath}" "${join(folder, "python.cjs")}" "$@"\n`)
  chmodSync(python, 0o755)
  writeFileSync(join(folder, "config.json"), "{}")
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  readonly code: number | null
  readonly stderr: string
}

function failing(args: readonly string[]): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: { ...process.env, FOLDER: folder } }, (_, __, stderr) => done({ code: child.exitCode, stderr }))
  })
}

function processOf(module: string): { readonly pid: number; readonly args: readonly string[] } {
  return JSON.parse(readFileSync(join(folder, `${module}.json`), "utf8"))
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Ended processes vanish a moment after their parent. */
async function ended(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && lives(pid); tries++) await new Promise((done) => setTimeout(done, 50))
  return !lives(pid)
}

describe.skipIf(process.platform === "win32")("skyrl-server", () => {
  test("starts API and engine, says where when both are ready, and ends both when it is stopped", async () => {
    const child = spawn(process.execPath, [SCRIPT, "--python", python, "--model", folder, "--state", join(folder, "state")], {
      env: { ...process.env, FOLDER: folder },
      stdio: ["ignore", "pipe", "inherit"],
    })
    const exited = new Promise<number | null>((done) => child.once("exit", done))
    const said = await Promise.race([new Promise<string>((done) => child.stdout.once("data", (chunk: Buffer) => done(chunk.toString()))), exited.then(String)])
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
    expect(said).toContain("SkyRL 9.9")
    expect((await fetch(`${url}/api/v1/healthz`)).status).toBe(200)
    const [api, engine] = [processOf("skyrl.tinker.api"), processOf("skyrl.tinker.engine")]
    expect(engine.args).toEqual(["--base-model", "m"])
    expect(api.args).toContain(folder)
    expect(lives(api.pid) && lives(engine.pid)).toBe(true)

    child.kill("SIGTERM")
    expect(await exited).toBe(0)
    expect(await ended(api.pid)).toBe(true)
    expect(await ended(engine.pid)).toBe(true)
    expect(existsSync(join(folder, "state", "server.log"))).toBe(true)
  })

  test("shows the log of a server that does not come up", async () => {
    const outcome = await failing(["--python", python, "--model", folder, "--engine-option", "fail="])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain("no such luck")
    expect(outcome.stderr).toContain("exit 3")
  })

  test("names everything that is wrong with the options at once", async () => {
    const outcome = await failing(["--model", join(folder, "none"), "--port", "x", "--backend-config", "{", "--source", folder])
    expect(outcome.code).toBe(1)
    for (const wrong of ["--python", "config.json", "--port", "--backend-config", "skyrl/tinker/api.py"]) expect(outcome.stderr).toContain(wrong)
  })

  test("says what a Python without SkyRL answered", async () => {
    writeFileSync(python, "#!/bin/sh\necho \"No module named 'skyrl'\" >&2\nexit 1\n")
    const outcome = await failing(["--python", python, "--model", folder])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toContain("No module named 'skyrl'")
  })
})
