// `node scripts/build-page.mjs [FOLDER]`: builds the dashboard's page (Vite) into a folder, dist/dashboard/app when none is named.
import { copyFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "vite"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = resolve(process.argv[2] ?? join(root, "dist/dashboard/app"))

await build({
  configFile: false,
  root: join(root, "src/dashboard/web"),
  logLevel: "warn",
  build: {
    outDir: folder,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    // The server knows three names and no others.
    rollupOptions: { output: { entryFileNames: "app.js", assetFileNames: "app.[ext]" } },
  },
})
// The page contains uPlot, whose licence asks to go with it.
copyFileSync(join(root, "node_modules/uplot/LICENSE"), join(folder, "uPlot.LICENSE"))
