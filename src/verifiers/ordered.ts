/** Work of any length in its order, a window of it at a time. */

/**
 * Results in the order of the items. At most `window` items are under way, so that a source of any size needs little
 * memory.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  window: number = 256,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = []
  for await (const item of items) {
    const result = work(item)
    // Awaited later; until then a rejection must not count as unhandled.
    result.catch(() => undefined)
    running.push(result)
    if (running.length >= window) yield await running.shift()!
  }
  while (running.length > 0) yield await running.shift()!
}
