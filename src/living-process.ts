/** Whether a process of this machine lives, and since when. */
import { readFileSync } from "node:fs"

/** The fields of Linux's /proc/PID/stat from the third on; undefined elsewhere, or when there is no such process. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The second field is the program's name in brackets, and may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  } catch {
    return undefined
  }
}

/** Start time of a process, boot id and clock ticks since boot; null where the system does not tell. */
export function processStartTime(pid: number): string | null {
  try {
    const ticks = statFields(pid)?.[19]
    return ticks === undefined ? null : `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${ticks}`
  } catch {
    return null
  }
}

/**
 * False once a process has ended. One that was killed and whose parent has not asked for its end (a zombie: common in
 * containers without an init) still has a pid, but does nothing any more.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false
  }
  const state = statFields(pid)?.[0]
  return state === undefined || !["Z", "X", "x"].includes(state)
}
