/**
 * GPUs of this machine, which the embedded engine does not use. Reads the system's own files; no program is started for
 * it.
 */
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"

/**
 * Makers of GPUs that models are trained on, by the number that their devices carry. Screens of servers and virtual
 * ones are none.
 */
const makers: Readonly<Record<string, string>> = { "0x10de": "NVIDIA", "0x1002": "AMD" }

/**
 * Names of the GPUs, from the driver of NVIDIA or from the devices that render; empty where the system tells of none.
 * @param root  of the file system, for tests
 */
export function localGpus(root: string = "/"): string[] {
  const named = nvidiaNames(join(root, "proc/driver/nvidia/gpus"))
  return named.length > 0 ? named : renderDevices(root)
}

/** `NVIDIA H200`, or `2 x NVIDIA H200`. */
function counted(names: readonly string[]): string[] {
  return [...new Set(names)].map((name) => {
    const count = names.filter((other) => other === name).length
    return count === 1 ? name : `${count} x ${name}`
  })
}

function nvidiaNames(folder: string): string[] {
  return counted(
    entries(folder).map(
      (gpu) => /^Model:\s*(\S.*?)\s*$/m.exec(content(join(folder, gpu, "information")))?.[1] ?? "an NVIDIA GPU",
    ),
  )
}

function renderDevices(root: string): string[] {
  const devices = entries(join(root, "dev/dri")).filter((name) => name.startsWith("renderD"))
  const found = devices.flatMap(
    (name) => makers[content(join(root, "sys/class/drm", name, "device/vendor")).trim()] ?? [],
  )
  return counted(found.map((maker) => `${maker} GPU`))
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** Empty where it cannot be read. */
function content(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
