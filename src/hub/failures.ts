/** What can go wrong with the hub, and what to do about it. No message shows a token, or an address that may hold a signature. */
import { nearestName } from "../config/index.ts"
import { ConfigError, DataError, PirlError } from "../errors.ts"
import { repositoryText, type HubRepository } from "./repository.ts"

/** The hub answered with a status that is none of success. */
export class HubStatus extends Error {
  override readonly name: string = "HubStatus"
  readonly status: number
  /** The hub's own word for the reason, e.g. GatedRepo, RevisionNotFound. */
  readonly reason: string
  readonly retryAfterMs: number | undefined

  constructor(status: number, reason: string, retryAfterMs?: number) {
    super(`status ${status}`)
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** What a request was for. */
export interface Wanted {
  readonly repository: HubRepository
  readonly revision: string
  /** E.g. "the list of files", "the file config.json". */
  readonly what: string
  /** Host of the hub, for messages. */
  readonly host: string
  /** True when a token was sent. */
  readonly withToken: boolean
}

/** What failed, without addresses. */
function describe(error: unknown): string {
  if (error instanceof HubStatus) return error.message
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError" || error.name === "AbortError") return "no answer in time"
  const cause = error.cause instanceof Error && error.cause.message !== "" ? ` (${error.cause.message})` : ""
  return `${error.message}${cause}`
}

const DISK_CODES: ReadonlySet<unknown> = new Set(
  "ENOSPC EDQUOT EACCES EPERM EROFS ENOENT ENOTDIR EISDIR ELOOP ENAMETOOLONG EMFILE ENFILE EIO EFBIG".split(" "),
)

/** An error of the disk, which no further request mends. */
export function isDiskError(error: unknown): boolean {
  return error instanceof Error && "code" in error && DISK_CODES.has(error.code)
}

/** The error that a person sees. Errors of ours and of the disk stay what they are. */
export function hubError(error: unknown, wanted: Wanted): unknown {
  if (error instanceof PirlError || isDiskError(error)) return error
  if (error instanceof HubStatus && [401, 403, 404].includes(error.status)) return refusal(error, wanted)
  const { repository, what, host } = wanted
  const fix = "Run it again later: what was fetched is kept. With HF_HUB_OFFLINE=1 only files fetched before are used."
  return new DataError(`hub: expected ${what} of ${repositoryText(repository)} from ${host}, got ${describe(error)}. ${fix}`, { cause: error })
}

function refusal(error: HubStatus, wanted: Wanted): ConfigError {
  const { repository, what } = wanted
  const message = `hub: expected ${what} of ${repositoryText(repository)}, got ${error.message}${adviceFor(error, wanted)}`
  return new ConfigError([{ path: repository.setting, message }], { cause: error })
}

function adviceFor({ status, reason }: HubStatus, { repository, revision, host, withToken }: Wanted): string {
  const { kind, name } = repository
  const page = `${host}/${kind === "model" ? "" : "datasets/"}${name}`
  if (reason === "GatedRepo" || status === 403) {
    const ask = `ask for access on its page, ${page}`
    const token = withToken ? "the token in HF_TOKEN must belong to the account that has it, with the right to read gated repositories" : "then put a token of your account into HF_TOKEN"
    return `: it is gated. Log in and ${ask}; ${token}.`
  }
  if (reason === "RevisionNotFound") return `: no revision ${revision}. Correct it, or leave it out for main.`
  if (status === 404) return ". Check name and revision; for a private one put a token into HF_TOKEN."
  // The hub does not tell strangers whether a name exists.
  if (withToken) return ": no such name, or the token in HF_TOKEN is not valid or may not read it. Check both."
  return ": no such name, or a private or gated one. Check the name; to read a private or gated one put a token into HF_TOKEN."
}

/** The same error with the name that was probably meant. @param known  names that exist */
export function withNearest(error: ConfigError, wanted: string, known: readonly string[]): ConfigError {
  const nearest = nearestName(wanted, known.filter((name) => name !== wanted))
  if (nearest === undefined) return error
  return new ConfigError(error.issues.map(({ path, message }) => ({ path, message: `${message} Did you mean ${nearest}?` })), { cause: error.cause })
}
