import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { idleGpuText } from "../runs/index.ts"
import { localGpus } from "./idle-gpu.ts"

const temporary = mkdtempSync(join(tmpdir(), "pirl-gpu-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** A file system with these files. */
function machine(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(temporary, name)
  mkdirSync(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

test("the driver of NVIDIA names its GPUs, equal ones counted", () => {
  const card = "Model: \t\t NVIDIA H200\nIRQ:   \t 42\n"
  const driver = "proc/driver/nvidia/gpus"
  const root = machine("nvidia", {
    [`${driver}/0000:01:00.0/information`]: card,
    [`${driver}/0000:02:00.0/information`]: card,
  })
  expect(localGpus(root)).toEqual(["2 x NVIDIA H200"])
})

test("without that driver, devices that render tell their maker; screens of servers are no GPUs", () => {
  const vendors = { renderD128: "0x1002\n", renderD129: "0x1af4\n", card0: "0x1002\n" }
  const files = Object.entries(vendors).flatMap(([name, vendor]) => [
    [`dev/dri/${name}`, ""],
    [`sys/class/drm/${name}/device/vendor`, vendor],
  ])
  expect(localGpus(machine("amd", Object.fromEntries(files) as Record<string, string>))).toEqual(["AMD GPU"])
})

test("a machine that tells of none has none", () => {
  expect(localGpus(machine("bare", {}))).toEqual([])
})

test("what is said names the GPU, that it stays idle, and two ways to use one", () => {
  const text = idleGpuText(["NVIDIA H200"])
  expect(text).toMatch(/^NVIDIA H200 stays idle: .*SkyRL.*hosted one.*docs\/tinker\.md/)
})
