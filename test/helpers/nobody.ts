/** What a folder without permission does cannot be seen as root, who may read everything. */

const rootId = 0
const nobodyId = 65_534

/** True where `asNobody` has somebody to be. */
export const canBeNobody: boolean = process.platform !== "win32"

/** Does work as a user without rights; as the own user where that is not root. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== rootId) return await work()
  process.setegid!(nobodyId)
  process.seteuid!(nobodyId)
  try {
    return await work()
  } finally {
    process.seteuid!(rootId)
    process.setegid!(rootId)
  }
}
