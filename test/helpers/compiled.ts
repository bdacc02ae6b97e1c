/** The sources as plain JavaScript, for tests that start the program: it starts in half the time. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const root = fileURLToPath(new URL("../..", import.meta.url))
const cache = join(root, "node_modules", ".cache", "pirl-tests")
const DAY_MS = 86_400_000

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
}

/**
 * Compiles `src/` file by file, without a type check, next to the files that the program reads from its package. The
 * result is kept under a hash of the sources, so that test files share it.
 * @returns path of the program, `cli/main.js`
 */
export function compiledProgram(): string {
  const source = join(root, "src")
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.test(?:-helper)?\.ts$/.test(file))
    .sort()
    .map((file) => [file, readFileSync(join(source, file), "utf8")] as const)
  const hash = createHash("sha256").update(ts.version).update(JSON.stringify(files)).digest("hex").slice(0, 16)
  const built = join(cache, hash)
  if (!existsSync(built)) build(built, files)
  return join(built, "dist", "cli", "main.js")
}

/**
 * The same with the dashboard's page, built by the script that the package is built with.
 * @returns path of the program
 */
export function compiledProgramWithPage(): string {
  const program = compiledProgram()
  const plain = join(dirname(program), "..", "..")
  const web = join(root, "src", "dashboard", "web")
  const hash = createHash("sha256").update(readFileSync(join(root, "scripts", "build-page.mjs")))
  for (const file of readdirSync(web).sort()) hash.update(file).update(readFileSync(join(web, file)))
  const built = `${plain}-page-${hash.digest("hex").slice(0, 8)}`
  if (!existsSync(built)) {
    const writing = `${built}.${process.pid}`
    cpSync(plain, writing, { recursive: true })
    execFileSync(process.execPath, [join(root, "scripts", "build-page.mjs"), join(writing, "dist", "dashboard", "app")], { stdio: "pipe" })
    publish(writing, built)
  }
  return join(built, "dist", "cli", "main.js")
}

function build(built: string, files: readonly (readonly [string, string])[]): void {
  removeOld()
  const writing = `${built}.${process.pid}`
  for (const [file, text] of files) {
    const target = join(writing, "dist", file.replace(/\.ts$/, ".js"))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, ts.transpileModule(text, { compilerOptions, fileName: file }).outputText)
  }
  cpSync(join(root, "package.json"), join(writing, "package.json"))
  cpSync(join(root, "examples"), join(writing, "examples"), { recursive: true })
  publish(writing, built)
}

function publish(writing: string, built: string): void {
  try {
    renameSync(writing, built)
  } catch (error) {
    // Another test file was faster.
    rmSync(writing, { recursive: true, force: true })
    if (!existsSync(built)) throw error
  }
}

/** Earlier builds, apart from those that a test run beside this one may be using. */
function removeOld(): void {
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    const path = join(cache, name)
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 }
    if (Date.now() - mtimeMs > DAY_MS) rmSync(path, { recursive: true, force: true })
  }
}
