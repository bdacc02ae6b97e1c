import { describe, expect, test } from "vitest"
import { filterCodes, filterVerdicts, seccompBytes, seccompFilter } from "./seccomp-filter.ts"
import { syscallNumbers } from "./syscall-numbers.ts"
import type { Machine } from "./syscall-numbers.ts"
import { checkedCalls, freeCalls } from "./syscall-policy.ts"

const SELF = 4242
const architectures = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const
const I386 = 0x40000003
const ARM = 0x40000028
const programs = { x86_64: seccompFilter("x86_64"), aarch64: seccompFilter("aarch64") }
const { allow, refuse, unknown, kill } = filterVerdicts

/** What the kernel would do: runs the filter over struct seccomp_data. */
function verdict(machine: Machine, number: number, args: readonly number[] = [], architecture?: number): number {
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, number, true)
  data.setUint32(4, architecture ?? architectures[machine], true)
  for (const [i, value] of args.entries()) data.setBigUint64(16 + 8 * i, BigInt.asUintN(64, BigInt(value)), true)
  const program = programs[machine]
  let accumulator = 0
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k: operand } = program[at]!
    const k = operand === "self" ? SELF : operand
    if (code === filterCodes.give) return k
    if (code === filterCodes.load) accumulator = data.getUint32(k, true)
    else if (code === filterCodes.and) accumulator = (accumulator & k) >>> 0
    else at += (code === filterCodes.equal ? accumulator === k : accumulator >= k) ? jt : jf
  }
  throw new Error("the filter ended without a verdict")
}

function call(machine: Machine, name: string, ...args: number[]): number {
  const number = syscallNumbers[machine].get(name)
  if (number === undefined) throw new Error(`no ${name} on ${machine}`)
  return verdict(machine, number, args)
}

/** Values of an argument that are let through. */
function allowed(
  machine: Machine,
  name: string,
  values: readonly number[],
  args: (value: number) => number[],
): number[] {
  return values.filter((value) => call(machine, name, ...args(value)) === allow)
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe.each(["x86_64", "aarch64"] as const)("the filter of system calls on %s", (machine) => {
  test("lets through no number but those of its list", () => {
    const known = new Set([...freeCalls, ...Object.keys(checkedCalls)].map((name) => syscallNumbers[machine].get(name)))
    for (const number of range(1024))
      if (!known.has(number)) expect(verdict(machine, number), `${number}`).not.toBe(allow)
    const { x86_64, aarch64 } = {
      // socket connect fork execve ptrace setrlimit setpriority mount keyctl sched_setaffinity timer_create mq_notify
      // unshare perf_event_open process_vm_readv bpf userfaultfd pidfd_send_signal io_uring_setup pidfd_open, flock
      x86_64: [41, 42, 57, 59, 101, 160, 141, 165, 250, 203, 222, 244, 272, 298, 310, 321, 323, 424, 425, 434, 73],
      // the same calls; there is no fork
      aarch64: [198, 203, 221, 117, 164, 140, 40, 219, 122, 107, 184, 97, 241, 270, 280, 282, 424, 425, 434, 32],
    }
    for (const number of { x86_64, aarch64 }[machine]) expect(verdict(machine, number), `${number}`).toBe(refuse)
    // tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
    for (const number of { x86_64: [200, 129, 297], aarch64: [130, 138, 240] }[machine])
      expect(verdict(machine, number, [SELF, 9])).toBe(refuse)
  })

  test("kills programs of another architecture and refuses the numbers of x32", () => {
    for (const architecture of [I386, ARM, 0, architectures[machine === "x86_64" ? "aarch64" : "x86_64"]])
      for (const number of range(500)) expect(verdict(machine, number, [], architecture)).toBe(kill)
    for (const number of range(600)) expect(verdict(machine, 0x40000000 + number)).toBe(refuse)
  })

  test("sends signals to the process itself alone", () => {
    for (const name of ["kill", "tgkill"]) {
      expect(call(machine, name, SELF, 9, 9)).toBe(allow)
      for (const pid of [0, 1, -1, -SELF, SELF + 1, SELF - 1]) expect(call(machine, name, pid, 9, 9)).toBe(refuse)
    }
  })

  test("knows no command of fcntl that names who gets a signal, nor the flag that asks for one", () => {
    const commands = allowed(machine, "fcntl", range(4096), (command) => [3, command, 0])
    expect(commands).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032])
    expect(call(machine, "fcntl", 3, 4, 0x800)).toBe(allow)
    expect(call(machine, "fcntl", 3, 4, 0x2000)).toBe(refuse)
    expect(call(machine, "fcntl", 3, 4, 0x2800)).toBe(refuse)
    // The kernel reads the low half of a command: a high half changes nothing.
    expect(call(machine, "fcntl", 3, 2 ** 32 + 8, 1)).toBe(refuse)
  })

  test("knows six commands of ioctl", () => {
    expect(allowed(machine, "ioctl", range(0x10000), (command) => [0, command, 0])).toEqual([
      0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451,
    ])
  })

  test("names a thread and does nothing else with prctl", () => {
    expect(allowed(machine, "prctl", [...range(100), 0x59616d61, 0x53564d41], (option) => [option, 9])).toEqual([
      15, 16,
    ])
  })

  test("starts threads and no processes, namespaces or tracees", () => {
    expect(call(machine, "clone", 0x3d0f00)).toBe(allow)
    expect(call(machine, "clone", 0x7d0f00)).toBe(allow)
    // fork, vfork, a thread of another namespace, a thread with an exit signal, one that the parent's tracer takes
    for (const flags of [17, 0x4111, 0x3d0f00 | 0x10000000, 0x3d0f00 | 0x20000, 0x3d0f00 | 17, 0x3d0f00 | 0x2000])
      expect(call(machine, "clone", flags)).toBe(refuse)
    expect(call(machine, "clone3")).toBe(unknown)
  })

  test("looks at the limits, affinity and groups of no other process, and sets none", () => {
    expect(call(machine, "prlimit64", 0, 7, 0, 4096)).toBe(allow)
    for (const [pid, limit] of [
      [0, 4096],
      [0, 2 ** 32],
      [1, 0],
    ])
      expect(call(machine, "prlimit64", pid!, 7, limit!, 0)).toBe(refuse)
    for (const name of ["sched_getaffinity", "sched_getparam", "sched_getscheduler", "getpgid", "getsid"])
      expect(allowed(machine, name, [0, 1, SELF, SELF + 1], (pid) => [pid])).toEqual([0, SELF])
    expect(call(machine, "getpriority", 1, 0)).toBe(refuse)
  })

  test("has no futex that names a thread of another process, no huge pages, no urgent data and no address", () => {
    expect(allowed(machine, "futex", range(128), (operation) => [0, operation | 128])).toEqual([0, 1, 3, 4, 5, 9, 10])
    expect(call(machine, "mmap", 0, 4096, 3, 0x22)).toBe(allow)
    expect(call(machine, "mmap", 0, 4096, 3, 0x40022)).toBe(refuse)
    expect(call(machine, "sendto", 3, 0, 1, 0x4000, 0)).toBe(allow)
    expect(call(machine, "sendto", 3, 0, 1, 1, 0)).toBe(refuse)
    expect(call(machine, "sendto", 3, 0, 1, 0, 2 ** 40)).toBe(refuse)
    expect(call(machine, "socketpair", 1, 0x80801, 0)).toBe(allow)
    for (const [domain, type] of [
      [1, 2],
      [1, 5],
      [2, 1],
      [16, 1],
    ])
      expect(call(machine, "socketpair", domain!, type!, 0)).toBe(refuse)
    expect(call(machine, "pipe2", 0, 0x80080)).toBe(refuse)
    expect(call(machine, "madvise", 0, 4096, 100)).toBe(refuse)
  })

  test("fits into the kernel's form: short jumps, fewer than 4096 instructions", () => {
    const { bytes, selfOffsets } = seccompBytes(machine)
    expect(bytes.length % 8).toBe(0)
    expect(bytes.length / 8).toBeLessThan(4096)
    for (const { jt, jf } of seccompFilter(machine)) expect(Math.max(jt, jf) <= 255 && Math.min(jt, jf) >= 0).toBe(true)
    expect(
      selfOffsets.every((offset) => new DataView(bytes.buffer).getUint16(offset - 4, true) === filterCodes.equal),
    ).toBe(true)
  })
})
