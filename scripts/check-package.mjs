/**
 * The package as a stranger gets it: packed, checked by publint, installed in an empty folder, imported, type-checked, and
 * run. Leaves nothing behind but `dist/`. Exit code 1 at the first thing that is wrong.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync } from "node:fs"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const npm = process.platform === "win32" ? "npm.cmd" : "npm"
const npx = process.platform === "win32" ? "npx.cmd" : "npx"

/** Runs a program and returns what it printed; its errors are shown as they come, its output when it fails. */
function run(cwd, command, ...args) {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      // The installer of onnxruntime-node would fetch GPU libraries that nothing here needs.
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", NO_COLOR: "1" },
      shell: process.platform === "win32",
    })
  } catch (error) {
    process.stdout.write(error.stdout ?? "")
    throw error
  }
}

function check(holds, expectation, got) {
  if (!holds) throw new Error(`package: expected ${expectation}, got ${got}.`)
}

function step(text) {
  console.log(`check-package: ${text}`)
}

const apiCheck = `
import assert from "node:assert/strict"
import { createTask, parseConfig, trainRun } from "pirl"
import { TinkerClient, TinkerSession } from "pirl/tinker"
const task = createTask("add2", { heldOutSize: 10 })
const problem = task.trainProblem(1, 0)
assert.match(problem.prompt, /^\\d{4}=$/)
assert.equal((await task.verifierFor(problem).verify({ ...problem, completion: problem.gold })).reward, 1)
assert.equal(task.heldOut.length, 10)
assert.equal(parseConfig({ model: { preset: "nano" }, task: { name: "add2" } }).rollout.groupSize, 8)
assert.equal(typeof trainRun, "function")
assert.equal(String(new TinkerClient({ url: "http://127.0.0.1:1/api/v1" })), "TinkerClient(http://127.0.0.1:1)")
assert.equal(typeof TinkerSession.open, "function")
`

const typeCheck = `
import { createTask, type Problem, type Task } from "pirl"
import type { Datum } from "pirl/tinker"
const task: Task = createTask("add2", { heldOutSize: 10 })
const problem: Problem = task.trainProblem(1, 0)
export const gold: string = problem.gold as string
export const datum: Datum = { tokens: [1], targets: [2], weights: [1] }
`

const strict = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2023"]

function checkTarball(tarball) {
  step(`publint on ${tarball}`)
  process.stdout.write(run(root, process.execPath, resolve(root, "node_modules/publint/src/cli.js"), "run", tarball, "--strict"))
}

function checkContents(installed) {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" })
  const stray = files.filter((file) => /\.test(?:-helper)?\.|\.tsbuildinfo$|^test[/\\]|^src[/\\]/.test(file))
  check(!existsSync(join(installed, "..", "@duckdb")), "no DuckDB, which is optional", "one that was installed")
  check(stray.length === 0, "neither tests nor sources in the package", stray.join(", "))
  const packed = ["docs/data.md", "docs/images/dashboard.png"]
  for (const file of [
    ...packed,
    "dist/cli/main.js",
    "dist/engine/onnx/worker.js",
    "dist/dashboard/app/index.html",
    "dist/dashboard/app/app.js",
    "dist/dashboard/app/app.css",
    "dist/dashboard/app/uPlot.LICENSE",
    "dist/index.d.ts",
    "examples/quickstart.yaml",
    "LICENSE",
  ]) {
    check(existsSync(join(installed, file)), `${file} in the package`, "none")
  }
}

function checkUse(project) {
  step("imports the public API")
  writeFileSync(join(project, "api.mjs"), apiCheck)
  run(project, process.execPath, "api.mjs")

  step("type-checks against its declarations")
  writeFileSync(join(project, "api.ts"), typeCheck)
  const types = ["--typeRoots", join(root, "node_modules/@types"), "--types", "node"]
  run(project, process.execPath, join(root, "node_modules/typescript/bin/tsc"), ...strict, ...types, "api.ts")

  step("type-checks the examples, copied beside it")
  const examples = ["custom-task.ts", "train-loop.ts", "llm-judge.ts"]
  for (const name of examples) copyFileSync(join(project, "node_modules/pirl/examples", name), join(project, name))
  run(project, process.execPath, join(root, "node_modules/typescript/bin/tsc"), ...strict, ...types, ...examples)

  step("runs the command")
  const printed = run(project, npx, "--no-install", "pirl", "--version").trim()
  check(printed === version, `\`pirl --version\` to print ${version}`, printed)

  step("judges in the pool of workers")
  const verdict = JSON.parse(run(project, npx, "--no-install", "pirl", "verify", "math", "--gold", "1/2", "--pred", "So \\boxed{0.5}", "--json"))
  check(verdict.correct === true, "0.5 to equal 1/2", JSON.stringify(verdict))

  step("trains for two steps")
  run(project, npx, "--no-install", "pirl", "init", "first.yaml")
  const few = ["warmStart.maxSteps=5", "rollout.promptsPerStep=8", "evaluation.size=20"].flatMap((set) => ["--set", set])
  run(project, npx, "--no-install", "pirl", "train", "first.yaml", "--steps", "2", ...few)
  const summary = JSON.parse(readFileSync(join(project, "runs/first/summary.json"), "utf8"))
  check(summary.steps === 2, "a run of 2 steps", JSON.stringify(summary))
  check(existsSync(join(project, "runs/first/model/model.safetensors")), "the trained model", "none")

  step("says how to install what it does without")
  const query = spawnSync(npx, ["--no-install", "pirl", "query", "runs/first", "select 1"], {
    cwd: project,
    encoding: "utf8",
    shell: process.platform === "win32",
  })
  check(query.stderr.includes("npm install @duckdb/node-api"), "the command that installs DuckDB", query.stderr)
}

const folder = mkdtempSync(join(tmpdir(), "pirl-package-"))
try {
  step("builds and packs")
  run(root, npm, "pack", "--silent", "--pack-destination", folder)
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")))
  checkTarball(tarball)

  step("installs in an empty folder")
  const project = join(folder, "project")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }))
  run(project, npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", tarball)
  checkContents(join(project, "node_modules", "pirl"))
  checkUse(project)
  step("all is well")
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
