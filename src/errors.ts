import { withoutSecrets } from "./secrets.ts"

/**
 * Every error a user can meet. Messages read `<who>: expected X, got Y. Do Z.`, and hold no secrets: those are taken
 * out here. A plain Error or a failed assertion is a bug of ours.
 */
export class PirlError extends Error {
  override readonly name: string = "PirlError"
  constructor(message: string, options?: ErrorOptions) {
    super(withoutSecrets(message), options)
  }
}

/** One problem found in a configuration, with the place it was found. */
export interface ConfigIssue {
  /** Dotted path in the config, e.g. `pipo.window`; empty for the whole file. */
  readonly path: string
  readonly message: string
}

/** The configuration cannot be used. Carries every problem found, not only the first. */
export class ConfigError extends PirlError {
  override readonly name: string = "ConfigError"
  readonly issues: readonly ConfigIssue[]
  constructor(issues: readonly ConfigIssue[], options?: ErrorOptions) {
    super(issues.map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`)).join("\n"), options)
    this.issues = issues.map(({ path, message }) => ({ path, message: withoutSecrets(message) }))
  }
}

/** A data set, row or file does not hold what was asked of it. */
export class DataError extends PirlError {
  override readonly name: string = "DataError"
}

/** Two shapes that must agree do not. */
export class ShapeError extends PirlError {
  override readonly name: string = "ShapeError"
}

/** A checkpoint or weight file is missing, cut short or does not fit the model. */
export class CheckpointError extends PirlError {
  override readonly name: string = "CheckpointError"
}

/** The engine cannot do what was asked, or failed while doing it. */
export class EngineError extends PirlError {
  override readonly name: string = "EngineError"
}

/** The machinery of a verifier failed. A wrong answer is not an error. */
export class VerifierError extends PirlError {
  override readonly name: string = "VerifierError"
}

/** NaN or infinity where a number was needed. */
export class NumericsError extends PirlError {
  override readonly name: string = "NumericsError"
}
