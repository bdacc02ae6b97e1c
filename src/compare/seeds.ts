/** Which seeds a comparison runs. */
import { ConfigError } from "../errors.ts"

const most = 10_000

/**
 * `5` is 1 to 5; `11,12,13` and `11-18` name them, `7-7` a single one.
 * @throws ConfigError  for anything else, or a seed twice
 */
export function parseSeeds(text: string): number[] {
  const wrong = (got: string): ConfigError =>
    new ConfigError([{ path: "", message: `--seeds: expected a number of seeds, or seeds as 11,12,13 or 11-18, got ${got}. Write e.g. --seeds 5.` }])
  const trimmed = text.trim()
  if (/^\d+$/.test(trimmed)) {
    const count = Number(trimmed)
    if (count < 1 || count > most) throw wrong(`"${text}"`)
    return Array.from({ length: count }, (_, i) => i + 1)
  }
  const seeds = trimmed.split(",").flatMap((part) => {
    const match = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part)
    if (match === null) throw wrong(`"${text}"`)
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (last < first || last - first >= most || last > 0xffffffff) throw wrong(`"${text}"`)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i)
  if (twice !== undefined) throw wrong(`seed ${twice} twice`)
  return seeds
}
