import { expect, test } from "vitest"
import { parseConfig } from "../config/index.ts"
import { describeForecast, evaluationCount, ForecastCheck, forecastRun } from "./run-forecast.ts"

const configOf = (steps: number, every: number): ReturnType<typeof parseConfig> =>
  parseConfig({ model: { preset: "nano" }, task: { name: "add2" }, train: { steps }, evaluation: { every } })

test("a run is evaluated at its start, every so many steps, and at its end", () => {
  expect([[200, 10], [205, 10], [3, 100], [1, 1]].map(([steps, every]) => evaluationCount(configOf(steps!, every!)))).toEqual([21, 22, 2, 2])
})

test("200 steps of 41 s and 21 evaluations of 45 s take 2 h 32 min, a tenth of it evaluations", () => {
  const forecast = forecastRun(configOf(200, 10), 41, 45)
  expect(forecast.runSeconds).toBe(200 * 41 + 21 * 45)
  expect(describeForecast(forecast)).toBe("200 steps and 21 evaluations about 2h32m, 10 % of it evaluations")
  expect(describeForecast(forecastRun(configOf(1, 10), 5, 0))).toBe("1 step and 2 evaluations about 5s")
})

test("a forecast that was off by much is corrected after the first steps, once for each new one, and never later", () => {
  const config = configOf(200, 10)
  const check = new ForecastCheck(config, 45, forecastRun(config, 41, 45))
  expect(check.afterStep(1, 45)).toBeUndefined()
  expect(check.afterStep(2, 80)).toBe("step 2 took 1m20s and not about 41s: 200 steps and 21 evaluations about 4h42m, 6 % of it evaluations")
  expect(check.afterStep(3, 82)).toBeUndefined()
  expect(check.afterStep(4, 400)).toBeUndefined()
})

test("without a forecast the first step makes one; a run of seconds is not worth a word", () => {
  const config = configOf(200, 10)
  expect(new ForecastCheck(config, 0, undefined).afterStep(1, 30)).toBe("step 1 took 30s: 200 steps and 21 evaluations about 1h40m")
  expect(new ForecastCheck(config, 0, forecastRun(config, 0.1, 0)).afterStep(1, 0.3)).toBeUndefined()
})
