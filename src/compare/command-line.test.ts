import { spawnSync } from "node:child_process"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { shellWord } from "../shell-word.ts"
import { commandLine } from "./command-line.ts"

test("paths below the folder of the command are written from there, alone and as values; others stay as they were given", () => {
  const words = ["compare", "/home/me/work/a.yaml", "--set", "model.path=/home/me/work/models/x", "--out=/home/me/work/out", "--starts", "/data/starts", "--arm", "a:model.path=/home/me/work/m,seed=1", "/home/me/work", "/home/me/workers/b"]
  expect(commandLine(words, "/home/me/work")).toBe("pirl compare a.yaml --set model.path=models/x --out=out --starts /data/starts --arm a:model.path=m,seed=1 . /home/me/workers/b")
})

test("settings with spaces, brackets, quotes and dollars come back from a shell as they were", () => {
  const words = ["lora.targets=[q_proj, v_proj]", "it's", "$HOME `x`", "a;b", "", "*"]
  const { stdout } = spawnSync("sh", ["-c", `printf '%s\\n' ${words.map(shellWord).join(" ")}`], { encoding: "utf8" })
  expect(stdout.split("\n").slice(0, -1)).toEqual(words)
})

test("a word is one word of a shell, whatever it holds", () => {
  // Everything between two quotes is itself; a quote stands outside of them, behind a backslash.
  const read = (text: string): string => (text.startsWith("'") ? text.slice(1, -1).replaceAll("'\\''", "'") : text)
  fc.assert(fc.property(fc.string(), (word) => {
    const quoted = shellWord(word)
    expect(read(quoted)).toBe(word)
    if (!quoted.startsWith("'")) expect(quoted).toMatch(/^[^\s'"\\$`*?[\]{}()<>|&;#~!]+$/)
  }))
})
