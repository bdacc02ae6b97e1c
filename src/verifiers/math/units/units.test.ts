import { describe, expect, test } from "vitest"
import { verifyMath } from "../index.ts"

const correct = (gold: string, answer: string, units: "optional" | "required" = "optional"): boolean =>
  verifyMath(gold, `So we get $\\boxed{${answer}}$.`, { units }).correct
const either = (a: string, b: string): [boolean, boolean] => [correct(a, b), correct(b, a)]

describe("units", () => {
  test.each([
    ["5\\text{ L}", "5000\\text{ mL}"],
    ["5\\text{ L}", "5\\,\\mathrm{dm}^3"],
    ["5 L", "5000 \\text{ cm}^3"],
    ["10\\text{ m/s}", "36\\text{ km/h}"],
    ["10\\text{ m/s}", "36 km/h"],
    ["10\\,\\frac{\\text{m}}{\\text{s}}", "10\\text{ m s}^{-1}"],
    ["10\\,\\frac{m}{s}", "36\\text{ km per hour}"],
    ["9.8\\text{ m/s}^2", "9.8\\text{ meters per second squared}"],
    ["9.8\\text{ m/s}^2", "9.8\\text{ m/s/s}"],
    ["60\\text{ mph}", "60\\text{ miles per hour}"],
    ["60\\text{ mph}", "88\\text{ ft/s}"],
    ["1\\text{ N}", "1\\text{ kg m/s}^2"],
    ["1\\text{ J}", "1\\text{ N}\\cdot\\text{m}"],
    ["1\\text{ kWh}", "3.6\\text{ MJ}"],
    ["1\\text{ W}", "1\\text{ J/s}"],
    ["1\\text{ Pa}", "1\\text{ N/m}^2"],
    ["2\\,\\mathrm{g/cm^3}", "2000\\,\\mathrm{kg/m^3}"],
    ["5\\,\\Omega", "5\\text{ ohms}"],
    ["5\\,\\mu\\text{m}", "0.005\\text{ mm}"],
    ["5\\text{ μm}", "5000\\text{ nm}"],
    ["3\\text{ ft}", "36\\text{ inches}"],
    ["3\\text{ yards}", "9\\text{ feet}"],
    ["5\\text{ lb}", "80\\text{ oz}"],
    ["5\\text{ years}", "60\\text{ months}"],
    ["1\\text{ gallon}", "4\\text{ quarts}"],
    ["1\\text{ GB}", "1024\\text{ MB}"],
    ["12\\text{ square meters}", "12\\text{ m}^2"],
    ["12\\text{ sq. ft}", "12\\text{ ft}^2"],
    ["12\\text{ cm}^2", "12\\text{ cm2}"],
    ["12\\text{ cm}^2", "0.0012\\text{ square meters}"],
    ["20^\\circ\\text{C}", "68^\\circ\\text{F}"],
    ["20^\\circ\\text{C}", "68 °F"],
    ["20^\\circ C", "20\\text{ degrees Celsius}"],
    ["0\\text{ K}", "-273.15^\\circ\\text{C}"],
    ["4\\text{ J/}^\\circ\\text{C}", "4\\text{ J/K}"],
    ["180^\\circ", "\\pi\\text{ radians}"],
    ["45\\text{ degrees}", "\\frac{\\pi}{4}\\text{ rad}"],
    ["20^\\circ", "20^\\circ\\text{C}"],
    ["\\$0.75", "75\\text{ cents}"],
    ["\\$5", "5\\text{ dollars}"],
    ["\\$5", "\\text{USD }5"],
    ["£5", "5\\text{ pounds}"],
    ["5\\text{ lb}", "5\\text{ pounds}"],
    ["5€", "\\text{EUR }5"],
    ["\\$5\\text{ per hour}", "5\\text{ dollars an hour}"],
    ["\\$120\\text{ per hour}", "\\$2\\text{ per minute}"],
    ["90\\text{ minutes}", "1\\text{ hour }30\\text{ minutes}"],
    ["5\\text{ dollars and }25\\text{ cents}", "\\$5.25"],
    ["66\\text{ inches}", "5\\text{ ft }6\\text{ in}"],
    ["5\\text{ students}", "5\\text{ people}"],
    ["5\\text{ cm}", "5"],
    ["5", "5\\text{ cm}"],
    ["x = 5\\text{ cm}", "50\\text{ mm}"],
    ["(2\\text{ m}, 3\\text{ m})", "(200\\text{ cm}, 300\\text{ cm})"],
    ["12\\text{ square units}", "12\\text{ cm}^2"],
    ["12\\text{ units}^2", "12\\text{ square units}"],
  ])("%s is %s", (a, b) => {
    expect(either(a, b)).toEqual([true, true])
  })

  test.each([
    ["5\\text{ L}", "5\\text{ mL}"],
    ["10\\text{ N}", "10\\text{ J}"],
    ["5\\text{ m/s}", "5\\text{ km/h}"],
    ["5\\text{ m/s}", "5\\text{ m/s}^2"],
    ["5\\text{ m/s}", "5\\text{ m}"],
    ["20^\\circ\\text{C}", "20^\\circ\\text{F}"],
    ["20^\\circ C", "20\\text{ K}"],
    ["45^\\circ", "45\\text{ rad}"],
    ["£5", "€5"],
    ["5\\text{ pounds}", "5\\text{ euros}"],
    ["\\$5", "£5"],
    ["\\$25", "25\\text{ cents}"],
    ["\\$5", "5\\text{ kg}"],
    ["5\\text{ dollars per hour}", "5\\text{ dollars per minute}"],
    ["5\\text{ people per hour}", "5\\text{ people per day}"],
    ["5\\text{ people a day}", "5\\text{ people a week}"],
    ["5\\text{ cm}^2", "5\\text{ m}^2"],
    ["5\\text{ cm}^2", "5\\text{ cm}^3"],
    ["5\\text{ square units}", "5\\text{ cubic units}"],
    ["5\\text{ V}", "5\\text{ mV}"],
    ["5\\text{ mW}", "5\\text{ MW}"],
    ["5\\text{ kJ}", "5\\text{ J}"],
    ["5\\text{ nm}", "5\\text{ mm}"],
    ["5\\text{ mg}", "5\\,\\mu\\text{g}"],
    ["5\\text{ Hz}", "5\\text{ kHz}"],
    ["5\\text{ hours}", "5\\text{ min}"],
    ["5\\text{ years}", "5\\text{ months}"],
    ["5\\text{ miles}", "5\\text{ km}"],
    ["5\\text{ oz}", "5\\text{ g}"],
    ["5\\text{ GB}", "5\\text{ MB}"],
    ["5\\text{ L}", "5 g"],
    ["5\\text{ apples}", "5\\text{ oranges}"],
    ["1\\text{ hour }30\\text{ minutes}", "1\\text{ hour }20\\text{ minutes}"],
    ["5", "5m"],
    ["6t-5", "6t-7"],
  ])("%s is not %s", (a, b) => {
    expect(either(a, b)).toEqual([false, false])
  })

  test("a missing unit is refused on demand, a superfluous one is not", () => {
    expect(correct("5\\text{ cm}", "5", "required")).toBe(false)
    expect(correct("\\$5", "5", "required")).toBe(false)
    expect(correct("5\\text{ cm}", "50\\text{ mm}", "required")).toBe(true)
    expect(correct("5\\text{ cm}", "50 mm", "required")).toBe(true)
    expect(correct("5 cm", "5 cm", "required")).toBe(true)
    expect(correct("5", "5\\text{ cm}", "required")).toBe(true)
    expect(correct("5\\text{ apples}", "5", "required")).toBe(true)
  })

  test("a lone dollar sign is money, a pair is a formula", () => {
    expect(verifyMath("$18.90", "\\boxed{18.90\\text{ euros}}").correct).toBe(false)
    expect(verifyMath("$18.90$", "\\boxed{18.90\\text{ euros}}").correct).toBe(true)
  })

  test("a letter stays a variable where nothing names a unit", () => {
    expect(either("5m", "m \\cdot 5")).toEqual([true, true])
    expect(either("3s + 2m", "2m + 3s")).toEqual([true, true])
    expect(either("\\frac{m}{s}", "\\frac{s}{m}")).toEqual([false, false])
  })
})

describe("scale words", () => {
  test.each([
    ["1.5\\text{ million}", "1500000"],
    ["1.5\\text{ million}", "1.5\\times10^6"],
    ["1.5 million", "1,500,000"],
    ["2\\text{ dozen}", "24"],
    ["3\\text{ thousand}", "3000"],
    ["5 hundred thousand", "500000"],
    ["\\$1.5\\text{ million}", "1500000\\text{ dollars}"],
    ["1.5\\text{ million dollars}", "\\$1.5M"],
    ["\\$2.5B", "\\$2.5\\text{ billion}"],
    ["\\frac{1}{2}\\text{ million}", "500000"],
    ["7\\text{ hundredths}", "0.07"],
    ["2\\text{ million km}", "2\\times 10^9\\text{ m}"],
    ["(1\\text{ million}, 2\\text{ million})", "(1000000, 2000000)"],
  ])("%s is %s", (a, b) => {
    expect(either(a, b)).toEqual([true, true])
  })

  test.each([
    ["1.5\\text{ million}", "1.5"],
    ["1.5\\text{ million}", "1.5\\text{ billion}"],
    ["5 billion", "5 million"],
    ["3\\text{ thousand}", "3"],
    ["2\\text{ dozen}", "2"],
    ["\\$5M", "\\$5"],
    ["\\text{hundreds}", "100"],
  ])("%s is not %s", (a, b) => {
    expect(either(a, b)).toEqual([false, false])
  })
})

describe("one letter behind a number", () => {
  const equal = (gold: string, answer: string): boolean => verifyMath(gold, `\\boxed{${answer}}`).correct
  test("is a unit that may be missing when a blank parts them", () => {
    for (const unit of ["m", "L", "N", "g", "s"]) expect(equal(`5 ${unit}`, "5"), unit).toBe(true)
    expect(equal("5", "5 m")).toBe(true)
    expect(equal("5 m", "6")).toBe(false)
    expect(verifyMath("5 m", "\\boxed{5}", { units: "required" }).correct).toBe(false)
  })

  test("is a variable when they touch, or when no unit has its name", () => {
    for (const gold of ["5m", "5L", "5x", "5 x"]) expect(equal(gold, "5"), gold).toBe(false)
    expect(equal("5", "5m")).toBe(false)
    expect(equal("5 m", "5 s")).toBe(false)
    expect(equal("5 m", "5m")).toBe(true)
  })
})
