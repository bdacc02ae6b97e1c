// Compiles src/ to dist/ (plain tsc), builds the dashboard's page (Vite) and makes the command executable.
import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "vite"

rmSync("dist", { recursive: true, force: true })
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" })
await build({
  configFile: false,
  root: fileURLToPath(new URL("../src/dashboard/web", import.meta.url)),
  logLevel: "warn",
  build: {
    outDir: fileURLToPath(new URL("../dist/dashboard/app", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    // The server knows three names and no others.
    rollupOptions: { output: { entryFileNames: "app.js", assetFileNames: "app.[ext]" } },
  },
})
// The page contains uPlot, whose licence asks to go with it.
copyFileSync("node_modules/uplot/LICENSE", "dist/dashboard/app/uPlot.LICENSE")
chmodSync("dist/cli/main.js", 0o755)
