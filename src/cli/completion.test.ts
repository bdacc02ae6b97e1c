import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runCli } from "./cli.ts"
import { captured } from "./cli.test-helper.ts"
import { commandTable } from "./command-table.ts"

const folder = mkdtempSync(join(tmpdir(), "pirl-completion-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function completion(shell: string): Promise<string> {
  const context = captured()
  expect(await runCli(["completion", shell], context), context.stderr()).toBe(0)
  return context.stdout()
}

describe("bash", () => {
  const file = join(folder, "pirl.bash")
  beforeAll(async () => writeFileSync(file, await completion("bash")))

  /** What the shell offers for the last of the words. */
  const offered = (...words: string[]): string[] => {
    const script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pirl; printf "%s\\n" "${COMPREPLY[@]}"'
    return execFileSync("bash", ["-c", script, file, ...words], { encoding: "utf8" }).trim().split("\n")
  }

  test("offers every command, and those that begin as typed", () => {
    expect(offered("pirl", "")).toEqual(expect.arrayContaining(commandTable.map(({ name }) => name)))
    expect(offered("pirl", "tr")).toEqual(["train"])
    expect(offered("pirl", "help", "comp")).toEqual(["compare", "completion"])
  })

  test("offers the options of the command, and leaves paths to the shell", () => {
    expect(offered("pirl", "train", "--re")).toEqual(["--resume"])
    expect(offered("pirl", "eval", "--qu")).toEqual(["--quiet"])
    expect(offered("pirl", "train", "a")).toEqual([""])
    expect(offered("pirl", "completion", "z")).toEqual(["zsh"])
  })
})

test("zsh and fish are told every command with its options and what they mean", async () => {
  const [zsh, fish] = [await completion("zsh"), await completion("fish")]
  for (const entry of commandTable) {
    const { options } = await entry.load()
    expect(zsh).toContain(`    ${entry.name})\n`)
    expect(fish).toContain(`complete -c pirl -n __fish_use_subcommand -f -a ${entry.name} -d '`)
    for (const { name } of options) {
      expect(zsh).toMatch(new RegExp(`^ *(?:_arguments )?'\\*?--${name}\\[.*\\].*' \\\\$`, "m"))
      expect(fish).toContain(`complete -c pirl -n '__fish_seen_subcommand_from ${entry.name}' -l ${name} `)
    }
  }
})

test("another shell is refused, with those that there are", async () => {
  const context = captured()
  expect(await runCli(["completion", "tcsh"], context)).toBe(2)
  expect(context.stderr()).toBe('pirl completion: expected one of bash, zsh, fish, got "tcsh". Name one of them.\n')
})
