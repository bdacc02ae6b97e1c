/**
 * Arms of a comparison: named changes of one config. An arm `dapo+two-epochs` is the built-in arm `two-epochs` over the objective
 * dapo; without a prefix an arm keeps the config's objective.
 */
import { nearestName, referenceCodeObjectives } from "../config/index.ts"
import { ConfigError, type ConfigIssue } from "../errors.ts"
import { objectiveNames } from "../objectives/index.ts"

/** A named change of the config. */
export interface Arm {
  readonly name: string
  /** Each `path.to.setting=value`, laid over the config in this order. */
  readonly overrides: readonly string[]
}

/** An arm that every objective has. */
export interface BuiltInArm {
  readonly name: string
  readonly meaning: string
  readonly overrides: readonly string[]
  /** Whether it exists over an objective; over every one when absent. */
  readonly existsOver?: (objective: string) => boolean
}

const plain = "pipo.enabled=false"
const pipoOn = (preset: string, signal: string): string[] => ["pipo.enabled=true", `pipo.preset=${preset}`, `pipo.signal=${signal}`]

/** The arms of any objective X. */
export const builtInArms: readonly BuiltInArm[] = [
  { name: "base", meaning: "X alone", overrides: [plain] },
  { name: "two-epochs", meaning: "X, two updates on each batch", overrides: [plain, "optimizer.epochs=2"] },
  {
    name: "replay",
    meaning: "X and an ungated second update on the previous batch",
    overrides: pipoOn("paper", "constant"),
  },
  { name: "random-xi", meaning: "X under PIPO with xi drawn from its own past", overrides: pipoOn("paper", "random") },
  { name: "linear-decay", meaning: "X with a linear decay", overrides: [plain, "optimizer.schedule=linear"] },
  {
    name: "two-epochs-decay",
    meaning: "X, two updates on each batch, with a linear decay",
    overrides: [plain, "optimizer.epochs=2", "optimizer.schedule=linear"],
  },
  { name: "pipo", meaning: "X under PIPO as published", overrides: pipoOn("paper", "observed") },
  {
    name: "pipo-reference-code",
    meaning: "X under PIPO as its published code computes it",
    overrides: pipoOn("reference-code", "observed"),
    existsOver: (objective) => referenceCodeObjectives.includes(objective),
  },
  {
    name: "verified",
    meaning: "X, two updates on each batch, with the step size steered by measured improvement",
    overrides: [...pipoOn("verified", "observed"), "optimizer.epochs=2"],
  },
]

/** What a person asked for. */
export interface ArmRequest {
  /** Names; `all` stands for every built-in arm. */
  readonly names: readonly string[]
  /** Own arms as written: `NAME:key=value,key=value` or `NAME=BUILT-IN:key=value`. */
  readonly own: readonly string[]
  /** The named arms are made over each of these; over the config's own when empty. */
  readonly objectives: readonly string[]
}

/** What the config says about its objective. */
export interface ConfiguredObjective {
  readonly name: string
  /** Settings of the `objective` section that the config writes down. */
  readonly settings: readonly string[]
}

/** Settings of the objective that mean the same for every objective; the others are taken away for another one. */
const commonSettings: ReadonlySet<string> = new Set([
  "name",
  "klCoefficient",
  "klEstimator",
  "klIn",
  "klTarget",
  "klHorizon",
  "referenceEvery",
  "entropyCoefficient",
  "importanceCorrection",
  "importanceMaximum",
  "importanceMinimum",
  "rewardAggregation",
  "rewardWeights",
])

/**
 * The arms in the order they were asked for.
 * @throws ConfigError  with every name that does not exist, and those that do
 */
export function chooseArms(request: ArmRequest, configured: ConfiguredObjective): Arm[] {
  const issues: ConfigIssue[] = []
  const unknown = request.objectives.filter((name) => !objectiveNames.includes(name))
  const known = request.objectives.filter((name) => !unknown.includes(name))
  // Names are checked also where no objective is right.
  const objectives = known.length === 0 ? [undefined] : known
  issues.push(...unknown.map((name) => notFound("--objectives", "an objective", name, objectiveNames)))
  const arms: Arm[] = []
  const collect = (make: () => Arm | undefined): void => {
    try {
      const arm = make()
      if (arm !== undefined) arms.push(arm)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      issues.push(...error.issues)
    }
  }
  for (const objective of objectives) {
    for (const name of request.names) {
      if (name !== "all") collect(() => namedArm(objective === undefined ? name : `${objective}+${name}`, configured, "--arms"))
      else {
        for (const arm of builtInArms) {
          if (arm.existsOver?.(objective ?? configured.name) === false) continue
          collect(() => namedArm(objective === undefined ? arm.name : `${objective}+${arm.name}`, configured, "--arms"))
        }
      }
    }
  }
  for (const text of request.own) collect(() => ownArm(text, configured))
  issues.push(...clashes(arms))
  if (issues.length === 0 && arms.length === 0) {
    issues.push({ path: "", message: `--arms: expected names of arms, got none. Choose among ${armNames().join(", ")}, or all.` })
  }
  if (issues.length > 0) throw new ConfigError(issues)
  return arms
}

function armNames(): string[] {
  return builtInArms.map(({ name }) => name)
}

function notFound(option: string, what: string, got: string, known: readonly string[]): ConfigIssue {
  const near = nearestName(got, known)
  const fix = near === undefined ? "Choose one of them." : `Did you mean ${near}?`
  return { path: "", message: `${option}: expected ${what} among ${known.join(", ")}, got "${got}". ${fix}` }
}

/** `base`, `two-epochs`, `dapo`, `dapo+two-epochs`, ... */
function namedArm(given: string, configured: ConfiguredObjective, option: string): Arm {
  const plus = given.indexOf("+")
  const isObjective = plus < 0 && objectiveNames.includes(given)
  const objective = isObjective ? given : plus < 0 ? undefined : given.slice(0, plus)
  const kind = isObjective ? "base" : given.slice(plus + 1)
  const issues: ConfigIssue[] = []
  if (objective !== undefined && !objectiveNames.includes(objective)) issues.push(notFound(option, "an objective before the +", objective, objectiveNames))
  const arm = builtInArms.find(({ name }) => name === kind)
  if (arm === undefined) {
    const known = objective === undefined ? [...armNames(), ...objectiveNames] : armNames()
    issues.push(notFound(option, objective === undefined ? "an arm or an objective" : "an arm after the +", kind, known))
  } else if (arm.existsOver?.(objective ?? configured.name) === false) {
    const over = objective ?? configured.name
    issues.push({ path: "", message: `${option}: expected an arm that exists over ${over}, got ${given}, which is published for ${referenceCodeObjectives.join(", ")} only. Leave it out.` })
  }
  if (issues.length > 0) throw new ConfigError(issues)
  const name = objective === undefined ? kind : kind === "base" ? objective : `${objective}+${kind}`
  return { name, overrides: [...objectiveOverrides(objective, configured), ...arm!.overrides] }
}

function objectiveOverrides(objective: string | undefined, configured: ConfiguredObjective): string[] {
  if (objective === undefined || objective === configured.name) return []
  const others = configured.settings.filter((setting) => !commonSettings.has(setting))
  return [...others.map((setting) => `objective.${setting}=`), `objective.name=${objective}`]
}

/** Names of arms are names of folders. */
export const armNameForm: RegExp = /^[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?$/

/** `NAME:key=value,key=value`, `NAME=BUILT-IN` or both. A comma separates settings only where a setting follows. */
function ownArm(text: string, configured: ConfiguredObjective): Arm {
  const colon = text.indexOf(":")
  const head = colon < 0 ? text : text.slice(0, colon)
  const equals = head.indexOf("=")
  const name = equals < 0 ? head : head.slice(0, equals)
  const settings = colon < 0 ? "" : text.slice(colon + 1)
  if (!armNameForm.test(name) || (colon < 0 && equals < 0)) {
    const message = `--arm: expected NAME:setting=value,... or NAME=BUILT-IN:setting=value, a name being letters, digits and . _ + -, got "${text}". Write e.g. --arm slow=two-epochs:optimizer.learningRate=1e-4.`
    throw new ConfigError([{ path: "", message }])
  }
  const from = equals < 0 ? [] : namedArm(head.slice(equals + 1), configured, "--arm").overrides
  const own = settings === "" ? [] : settings.split(/,(?=\s*[A-Za-z][\w.]*\s*=)/).map((setting) => setting.trim())
  return { name, overrides: [...from, ...own] }
}

/** Names that would share a folder, also where upper and lower case are one. */
function clashes(arms: readonly Arm[]): ConfigIssue[] {
  const seen = new Map<string, string>()
  return arms.flatMap(({ name }) => {
    const other = seen.get(name.toLowerCase())
    seen.set(name.toLowerCase(), name)
    if (other === undefined) return []
    return [{ path: "", message: `--arms: expected every arm once, got ${other === name ? `${name} twice` : `${other} and ${name}, which share a folder`}. Rename one.` }]
  })
}
