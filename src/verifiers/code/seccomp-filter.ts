/**
 * The policy of system calls as a program of the kernel's packet filter (classic BPF), which seccomp runs at each call.
 */
import { syscallNumbers } from "./syscall-numbers.ts"
import type { Machine } from "./syscall-numbers.ts"
import { checkedCalls, freeCalls, unknownCalls } from "./syscall-policy.ts"
import type { ArgumentCheck, CallRule } from "./syscall-policy.ts"

/**
 * One instruction: operation, offsets of the jump when true and when false, operand. `"self"` is put in at run time.
 */
export interface FilterInstruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number | "self"
}

export const filterCodes = { load: 0x20, and: 0x54, equal: 0x15, atLeast: 0x35, give: 0x06 } as const
/** What a filter gives: the call is made; EPERM; ENOSYS; the process is killed. */
export const filterVerdicts = { allow: 0x7fff0000, refuse: 0x00050001, unknown: 0x00050026, kill: 0x80000000 } as const

/** AUDIT_ARCH_* of the native calls. Those of 32-bit programs have numbers of their own. */
const ARCHITECTURES: Readonly<Record<Machine, number>> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 }
/** From here on the numbers of x86-64 are those of x32. */
const X32_BIT = 0x40000000
/** Offsets in struct seccomp_data. */
const [NUMBER, ARCHITECTURE, ARGUMENTS] = [0, 4, 16]

function instruction(code: number, k: number | "self", jt = 0, jf = 0): FilterInstruction {
  return { code, jt, jf, k }
}

/** The check as instructions; a jump of -1 leads to where the check has failed. */
function checkCode({ argument, isNull, mask, oneOf }: ArgumentCheck): readonly FilterInstruction[] {
  const at = ARGUMENTS + 8 * argument
  return [
    ...(isNull === true ? [instruction(filterCodes.load, at + 4), instruction(filterCodes.equal, 0, 0, -1)] : []),
    instruction(filterCodes.load, at),
    ...(mask === undefined ? [] : [instruction(filterCodes.and, mask)]),
    ...oneOf.map((value, i) =>
      instruction(filterCodes.equal, value, oneOf.length - 1 - i, i === oneOf.length - 1 ? -1 : 0),
    ),
  ]
}

/** The instructions of one call whose number has matched; they always end in a verdict. */
function ruleCode(rule: CallRule): readonly FilterInstruction[] {
  const alternatives = rule.map((checks) => {
    const code = [...checks.flatMap(checkCode), instruction(filterCodes.give, filterVerdicts.allow)]
    return code.map((one, i) => (one.jf === -1 ? { ...one, jf: code.length - 1 - i } : one))
  })
  return [...alternatives.flat(), instruction(filterCodes.give, filterVerdicts.refuse)]
}

/** The filter of an architecture. */
export function seccompFilter(machine: Machine): readonly FilterInstruction[] {
  const numbers = syscallNumbers[machine]
  const program = [
    instruction(filterCodes.load, ARCHITECTURE),
    instruction(filterCodes.equal, ARCHITECTURES[machine], 1),
    instruction(filterCodes.give, filterVerdicts.kill),
    instruction(filterCodes.load, NUMBER),
    instruction(filterCodes.atLeast, X32_BIT, 0, 1),
    instruction(filterCodes.give, filterVerdicts.refuse),
  ]
  const block = (name: string, code: readonly FilterInstruction[]): void => {
    const number = numbers.get(name)
    if (number !== undefined) program.push(instruction(filterCodes.equal, number, 0, code.length), ...code)
  }
  for (const name of unknownCalls) block(name, [instruction(filterCodes.give, filterVerdicts.unknown)])
  for (const [name, rule] of Object.entries(checkedCalls)) block(name, ruleCode(rule))
  for (const name of freeCalls) block(name, [instruction(filterCodes.give, filterVerdicts.allow)])
  return [...program, instruction(filterCodes.give, filterVerdicts.refuse)]
}

/**
 * The filter as the kernel reads it (struct sock_filter, little-endian), with zeros and offsets where `"self"` goes.
 */
export function seccompBytes(machine: Machine): {
  readonly bytes: Uint8Array
  readonly selfOffsets: readonly number[]
} {
  const program = seccompFilter(machine)
  const view = new DataView(new ArrayBuffer(8 * program.length))
  const selfOffsets: number[] = []
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    view.setUint16(8 * i, code, true)
    view.setUint8(8 * i + 2, jt)
    view.setUint8(8 * i + 3, jf)
    if (k === "self") selfOffsets.push(8 * i + 4)
    else view.setUint32(8 * i + 4, k, true)
  }
  return { bytes: new Uint8Array(view.buffer), selfOffsets }
}
