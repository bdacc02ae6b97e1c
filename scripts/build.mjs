// Compiles src/ to dist/ (plain tsc), builds the dashboard's page (Vite) and makes the command executable.
import { execFileSync } from "node:child_process"
import { chmodSync, rmSync } from "node:fs"

const run = (...args) => execFileSync(process.execPath, args, { stdio: "inherit" })

rmSync("dist", { recursive: true, force: true })
run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json")
run("scripts/build-page.mjs")
chmodSync("dist/cli/main.js", 0o755)
