import { expect, test } from "vitest"
import { BusyTimes } from "./busy-times.ts"

function settable(): { readonly times: BusyTimes; at: (ms: number) => void; busy: (ms: number) => void } {
  let [now, transport] = [0, 0]
  return {
    times: new BusyTimes(
      () => transport,
      () => now,
    ),
    at: (ms) => void (now = ms),
    busy: (ms) => void (transport += ms),
  }
}

function call(): { readonly promise: Promise<void>; readonly answer: () => void } {
  let answer = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    answer = resolve
  })
  return { promise, answer: () => answer() }
}

test("two calls that are waited for side by side count their common time once, and our work meanwhile is not the server's", async () => {
  const { times, at, busy } = settable()
  const [sample, update] = [call(), call()]
  const sampling = times.waiting(() => sample.promise)
  at(1000)
  const updating = times.waiting(() => update.promise)
  at(3000)
  times.own(() => at(3500))
  busy(250)
  update.answer()
  await updating
  at(5000)
  sample.answer()
  await sampling
  at(9000)
  times.own(() => at(9500))
  expect(times.take()).toEqual({ serverSeconds: 5 - 0.5 - 0.25, clientSeconds: 0.5 + 0.5 + 0.25 })
  expect(times.take()).toEqual({ serverSeconds: 0, clientSeconds: 0 })
})

test("a call that is under way when the times are taken counts up to then, and from then on for the next", async () => {
  const { times, at } = settable()
  const sample = call()
  const sampling = times.waiting(() => sample.promise)
  at(2000)
  expect(times.take().serverSeconds).toBe(2)
  at(5000)
  sample.answer()
  await sampling
  at(8000)
  expect(times.take().serverSeconds).toBe(3)
})
