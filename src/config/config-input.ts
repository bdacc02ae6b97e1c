/** A configuration as one writes it. */
import type { EngineSettings } from "./run-settings.ts"
import type { ResolvedConfig } from "./schema.ts"
import type { ServerSettings } from "./server-settings.ts"

/** What a YAML file holds, typed: every setting that has a default may be left out. `parseConfig` fills them in. */
export type ConfigInput = {
  readonly [Section in Exclude<keyof ResolvedConfig, "engine">]?: ResolvedConfig[Section] extends object
    ? Partial<ResolvedConfig[Section]>
    : ResolvedConfig[Section]
} & { readonly engine?: Partial<Omit<EngineSettings, "server">> & { readonly server?: Partial<ServerSettings> } }
