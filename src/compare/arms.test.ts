import { expect, test } from "vitest"
import { ConfigError } from "../errors.ts"
import { builtInArms, chooseArms, type ArmRequest } from "./arms.ts"

const grpo = { name: "grpo", settings: ["name", "clipHigh", "klCoefficient"] }
const choose = (request: Partial<ArmRequest>) => chooseArms({ names: [], own: [], objectives: [], ...request }, grpo)

function problems(request: Partial<ArmRequest>): string[] {
  try {
    choose(request)
  } catch (error) {
    return (error as ConfigError).issues.map(({ message }) => message)
  }
  return []
}

test("an arm without a prefix keeps the config's objective, one with a prefix names its own", () => {
  expect(choose({ names: ["base", "grpo", "dapo", "dapo+two-epochs"] })).toEqual([
    { name: "base", overrides: ["pipo.enabled=false"] },
    { name: "grpo", overrides: ["pipo.enabled=false"] },
    { name: "dapo", overrides: ["objective.clipHigh=", "objective.name=dapo", "pipo.enabled=false"] },
    { name: "dapo+two-epochs", overrides: ["objective.clipHigh=", "objective.name=dapo", "pipo.enabled=false", "optimizer.epochs=2"] },
  ])
})

test("all is every built-in arm that exists over the objective", () => {
  expect(choose({ names: ["all"] }).map(({ name }) => name)).toEqual(builtInArms.map(({ name }) => name))
  const overBoth = choose({ names: ["all"], objectives: ["grpo", "dapo"] }).map(({ name }) => name)
  expect(overBoth).toContain("grpo+pipo-reference-code")
  expect(overBoth).toContain("dapo+pipo")
  expect(overBoth).not.toContain("dapo+pipo-reference-code")
})

test("an arm of one's own may start from a built-in, and a comma inside a value does not end it", () => {
  const [slow, mine, renamed] = choose({ own: ["slow=two-epochs:optimizer.learningRate=1e-4", "mine:lora.targets=[q_proj,v_proj],optimizer.epochs=3", "dapo-2=dapo+two-epochs"] })
  expect(slow).toEqual({ name: "slow", overrides: ["pipo.enabled=false", "optimizer.epochs=2", "optimizer.learningRate=1e-4"] })
  expect(mine!.overrides).toEqual(["lora.targets=[q_proj,v_proj]", "optimizer.epochs=3"])
  expect(renamed!.overrides).toContain("objective.name=dapo")
})

test("every name that does not exist is reported with those that do and the nearest", () => {
  const found = problems({ names: ["two-epoch", "dapp", "dapo+pip"], objectives: ["grop"], own: ["x", "y=bas", ".=base"] })
  expect(found).toHaveLength(7)
  expect(found[0]).toMatch(/--objectives: expected an objective among grpo, .*got "grop"\. Did you mean grpo\?/)
  expect(found[1]).toMatch(/among base, two-epochs, .*got "two-epoch"\. Did you mean two-epochs\?/)
  expect(found[2]).toMatch(/got "dapp"\. Did you mean dapo\?/)
  expect(found[3]).toMatch(/an arm after the \+ among base, .*got "pip"\. Did you mean pipo\?/)
  expect(found[4]).toMatch(/--arm: expected NAME:setting=value/)
  expect(found[5]).toMatch(/--arm: .*got "bas"\. Did you mean base\?/)
  expect(found[6]).toMatch(/--arm: expected NAME:setting=value/)
  expect(problems({})[0]).toMatch(/--arms: expected names of arms, got none\. Choose among base, /)
  expect(problems({ names: ["dapo+pipo-reference-code"] })[0]).toMatch(/published for grpo, .* only/)
})

test("two arms that would share a folder are refused, also on a disk without case", () => {
  expect(problems({ names: ["base", "base"] })[0]).toMatch(/base twice/)
  expect(problems({ names: ["base"], own: ["Base:optimizer.epochs=3"] })[0]).toMatch(/base and Base, which share a folder/)
  expect(problems({ own: ["../up:optimizer.epochs=3"] })[0]).toMatch(/a name being letters/)
})
