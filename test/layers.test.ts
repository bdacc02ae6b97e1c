import { readFileSync, readdirSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"

const source = fileURLToPath(new URL("../src", import.meta.url))

/** Layers from the top; imports point downwards, or to a neighbour without going in a circle. */
const layers: readonly (readonly string[])[] = [
  ["index.ts"],
  ["cli"],
  ["report"],
  ["compare", "dashboard"],
  ["trainer"],
  ["rollout", "pipo", "evaluation", "runs", "analysis", "exports"],
  ["engine", "verifiers", "data"],
  ["objectives", "model"],
  ["graph", "tinker", "hub", "integrity"],
]
/** Read by every layer, and reading no layer themselves. */
const common = [
  "age.ts",
  "amounts.ts",
  "config",
  "drawing.ts",
  "errors.ts",
  "living-process.ts",
  "random.ts",
  "retry.ts",
  "secrets.ts",
  "shell-word.ts",
  "statistics.ts",
  "terminal-text.ts",
  "version.ts",
  "within-time.ts",
  "worker-thread.ts",
]

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Static, type-only, re-exporting and dynamic imports of relative paths. */
function importsOf(text: string): string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.{1,2}\/[^"']+)["']/g
  return [...text.matchAll(pattern)].map((match) => match[1]!)
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !/\.test(?:-helper)?\.ts$/.test(file),
)

/** Imports that cross from one folder of src into another; `..` when they leave src. */
const crossings: readonly Import[] = files.flatMap((file) => {
  const folderOf = (path: string): string => path.split(sep)[0]!
  return importsOf(readFileSync(join(source, file), "utf8"))
    .map((path) => ({ file, from: folderOf(file), to: folderOf(relative(source, join(source, dirname(file), path))) }))
    .filter(({ from, to }) => from !== to)
})

const rankOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder))

function describeImport({ file, to }: Import): string {
  return `${file} imports ${to}`
}

/** Folders that can be reached from one, itself only when it lies on a circle. */
function reachable(start: string): Set<string> {
  const found = new Set<string>()
  const waiting = [start]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const { from, to } of crossings) {
      if (from !== folder || found.has(to)) continue
      found.add(to)
      waiting.push(to)
    }
  }
  return found
}

/** Of the config and the common files. */
function mayImport(from: string, to: string): boolean {
  return (from === "config" && to === "errors.ts") || (from === "errors.ts" && to === "secrets.ts")
}

describe("imports", () => {
  test("are found in every form they are written in", () => {
    const text = [
      'import { a } from "./a.ts"',
      'import type { B } from "../b.ts"',
      'export * from "./c.ts"',
      'import "./d.ts"',
      'const e = await import("./e.ts")',
      'import zod from "zod"',
    ].join("\n")
    expect(importsOf(text)).toEqual(["./a.ts", "../b.ts", "./c.ts", "./d.ts", "./e.ts"])
    expect(crossings.length).toBeGreaterThan(100)
  })

  test("know every folder of the source", () => {
    const known = new Set([...layers.flat(), ...common])
    expect([...new Set(files.map((file) => file.split(sep)[0]!))].filter((folder) => !known.has(folder))).toEqual([])
  })

  test("stay within the source", () => {
    expect(crossings.filter(({ to }) => to === "..").map(describeImport)).toEqual([])
  })

  test("point from higher layers to lower ones", () => {
    const upward = crossings.filter(
      ({ from, to }) => !common.includes(from) && !common.includes(to) && rankOf(to) < rankOf(from),
    )
    expect(upward.map(describeImport)).toEqual([])
  })

  test("of the config and the common files reach no layer", () => {
    const wrong = crossings.filter(({ from, to }) => common.includes(from) && !mayImport(from, to))
    expect(wrong.map(describeImport)).toEqual([])
  })

  test("never go in a circle between folders", () => {
    const folders = [...layers.flat(), ...common]
    expect(folders.filter((folder) => reachable(folder).has(folder))).toEqual([])
  })
})
