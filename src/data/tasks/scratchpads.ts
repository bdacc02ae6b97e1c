/** Column-by-column work for addition, subtraction and multiplication, as text that a model can imitate. */

/** Digits of a number, the least significant first, at least `length` of them. */
function columns(value: bigint, length: number): number[] {
  return [...value.toString().padStart(length, "0")].reverse().map(Number)
}

function length(a: bigint, b: bigint): number {
  return Math.max(a.toString().length, b.toString().length)
}

/**
 * Columns from the right as `digit+digit+carry=` and two digits, the new carry and the digit of the sum:
 * 95 + 7 is `5+7+0=12,9+0+1=10`.
 */
export function additionScratchpad(a: bigint, b: bigint): string {
  const width = length(a, b)
  const [top, bottom] = [columns(a, width), columns(b, width)]
  const steps: string[] = []
  let carry = 0
  for (let i = 0; i < width; i++) {
    const sum = top[i] + bottom[i] + carry
    steps.push(`${top[i]}+${bottom[i]}+${carry}=${String(sum).padStart(2, "0")}`)
    carry = Math.floor(sum / 10)
  }
  return steps.join(",")
}

/**
 * Columns from the right as `digit-digit-borrow=` and two digits, the new borrow and the digit of the difference:
 * 52 - 7 is `2-7-0=15,5-0-1=04`. When b is larger the columns are those of b - a, and `-` stands before them.
 */
export function subtractionScratchpad(a: bigint, b: bigint): string {
  if (a < b) return `-,${subtractionScratchpad(b, a)}`
  const width = length(a, b)
  const [top, bottom] = [columns(a, width), columns(b, width)]
  const steps: string[] = []
  let borrow = 0
  for (let i = 0; i < width; i++) {
    const difference = top[i] - bottom[i] - borrow
    const next = difference < 0 ? 1 : 0
    steps.push(`${top[i]}-${bottom[i]}-${borrow}=${next}${difference + 10 * next}`)
    borrow = next
  }
  return steps.join(",")
}

/**
 * Partial products from the last digit of b, and their running sum: 12 x 34 is `12*4=48,12*30=360,48+360=408`.
 */
export function multiplicationScratchpad(a: bigint, b: bigint): string {
  const steps: string[] = []
  let sum = 0n
  let place = 1n
  for (const digit of columns(b, 1)) {
    const factor = BigInt(digit) * place
    steps.push(`${a}*${factor}=${a * factor}`)
    if (place > 1n) steps.push(`${sum}+${a * factor}=${sum + a * factor}`)
    sum += a * factor
    place *= 10n
  }
  return steps.join(",")
}
