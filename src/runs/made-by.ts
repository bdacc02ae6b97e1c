/**
 * Which program made a run. The events `start` and `resume` hold the version of pirl as `pirl`, since it belongs to what a run
 * is made of, as the config does; Node's version and the platform are the machine's and stand under `time`.
 */
import { packageVersion } from "../version.ts"

/** What an event of the kinds start and resume says of the program that wrote it. */
export function programFacts(): { readonly details: { readonly pirl: string }; readonly time: { readonly node: string; readonly platform: string } } {
  return { details: { pirl: packageVersion() }, time: { node: process.versions.node, platform: `${process.platform}-${process.arch}` } }
}

/** Version of pirl that wrote an event; undefined where the event does not say: of another kind, or of a version that did not log it. */
export function versionOf({ kind, pirl }: Readonly<Record<string, unknown>>): string | undefined {
  return (kind === "start" || kind === "resume") && typeof pirl === "string" ? pirl : undefined
}

/** `pirl 0.1.0 (Node 22.3.0, linux-x64)`; undefined as above. */
export function programOf(event: Readonly<Record<string, unknown>>): string | undefined {
  const version = versionOf(event)
  if (version === undefined) return undefined
  const { node, platform } = (event["time"] ?? {}) as Readonly<Record<string, unknown>>
  const machine = [typeof node === "string" ? `Node ${node}` : "", typeof platform === "string" ? platform : ""].filter((part) => part !== "")
  return `pirl ${version}${machine.length === 0 ? "" : ` (${machine.join(", ")})`}`
}

/** The programs that made a run, in the order in which they first worked on it; empty where no event says so. */
export function programsOf(events: readonly Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(events.flatMap((event) => programOf(event) ?? []))]
}
